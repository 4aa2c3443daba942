//! `--merge-into`: a Secret's values, labels and annotations into a sealed file, and nothing else
//! in it changes.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

use sealing::{Scope, SealedSecret, Secret, envelope};

use crate::Io;
use crate::certificate::Source;
use crate::cluster::ClusterAccess;
use crate::commands::seal;
use crate::edit;
use crate::error::cause;
use crate::exposure::{self, Exposed};
use crate::format::Format;
use crate::input::{self, Input};
use crate::manifest::{self, Cause, Manifest};
use crate::output::Output;
use crate::sealed_manifest::{self, Others, Sealed, SealedManifest};
use crate::splice::Changes;

pub(crate) struct Merge {
    pub(crate) certificate: Source,
    pub(crate) cluster: ClusterAccess,
    pub(crate) secret_file: Option<PathBuf>,
    pub(crate) scope: Option<Scope>,
    pub(crate) allow_empty_data: bool,
    pub(crate) allow_values_in_metadata: bool,
    pub(crate) target: PathBuf,
    /// Another one than the file's own, if it is given.
    pub(crate) format: Option<Format>,
}

/// Why a Secret cannot be merged into a file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("open {}: {cause}", path.display())]
    Open { path: PathBuf, cause: String },
    #[error("cannot read `{}`: {cause}", path.display())]
    Target { path: PathBuf, cause: Cause },
    #[error("cannot merge into `{}`: there is no SealedSecret in it", .0.display())]
    NoTarget(PathBuf),
    #[error("cannot merge {0} Secrets into one SealedSecret")]
    SeveralSecrets(usize),
    #[error("cannot merge into `{}`: it is sealed {own}, and `--scope` says {asked}", path.display())]
    Scope {
        path: PathBuf,
        own: &'static str,
        asked: &'static str,
    },
    #[error("cannot merge into `{}`: {cause}", path.display())]
    Edit { path: PathBuf, cause: edit::Error },
    #[error("{0}, and would be committed in plain")]
    Exposed(#[from] Exposed),
    #[error(transparent)]
    Seal(#[from] envelope::Error),
}

impl Error {
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Edit {
                cause: edit::Error::Conflict(_),
                ..
            } => Some("with `-o` the whole file is printed anew".to_owned()),
            Self::Exposed(_) => Some(Exposed::HINT.to_owned()),
            Self::SeveralSecrets(_) => Some("merge them one after the other".to_owned()),
            _ => None,
        }
    }
}

impl Merge {
    pub(crate) async fn run(self, io: &mut Io) -> Result<(), crate::Error> {
        let input = Input::open(self.secret_file.as_deref(), io)?;
        let certificate = self.certificate.certificate(&self.cluster, io).await?;
        let sealed = self.read_target(io)?;
        let mut manifests = manifest::read(input.read(io)?, io)?;
        let count = manifests.len();
        let (Some(Manifest { mut secret, .. }), 1) = (manifests.pop(), count) else {
            return Err(Error::SeveralSecrets(count).into());
        };
        let index = self.choose(&sealed.objects, &secret, io)?;
        let target = &sealed.objects[index];
        self.complete(&mut secret, &target.object, io)?;
        let update = sealing::seal(&secret, &certificate).map_err(Error::Seal)?;
        if !self.allow_values_in_metadata {
            check_exposed(&target.object, &update, &secret).map_err(Error::Exposed)?;
        }
        let changes = [(index, changes(target, &update))];
        let changed = edit::apply(&sealed, &changes, self.format);
        let changed = changed.map_err(|cause| Error::Edit {
            path: self.target.clone(),
            cause,
        })?;
        Ok(Output::File(self.target).write(&[changed], io)?)
    }

    fn read_target(&self, io: &mut Io) -> Result<Sealed, crate::Error> {
        let path = || self.target.clone();
        check_writable(&self.target).map_err(|cause| Error::Open {
            path: path(),
            cause,
        })?;
        let bytes = input::read_file(&self.target)?;
        let read = sealed_manifest::read(bytes, Others::Keep, io);
        Ok(read.map_err(|cause| Error::Target {
            path: path(),
            cause,
        })?)
    }

    /// The SealedSecret that the input names, else the first.
    fn choose(
        &self,
        objects: &[SealedManifest],
        secret: &Secret,
        io: &mut Io,
    ) -> Result<usize, Error> {
        let is_named = |manifest: &SealedManifest| {
            let (own, other) = (&manifest.object.metadata, &secret.metadata);
            own.name == other.name
                && (other.namespace.is_none() || own.namespace == other.namespace)
        };
        if objects.is_empty() {
            return Err(Error::NoTarget(self.target.clone()));
        }
        let named = objects.iter().position(is_named);
        if named.is_none() && objects.len() > 1 {
            let name = objects[0]
                .object
                .metadata
                .name
                .as_deref()
                .unwrap_or_default();
            io.warn(&format!(
                "`{}` holds several SealedSecrets, none with the name of the input; merging into the first, `{name}`",
                self.target.display()
            ));
        }
        Ok(named.unwrap_or(0))
    }

    /// Gives the Secret the name, namespace and scope of the target.
    fn complete(
        &self,
        secret: &mut Secret,
        target: &SealedSecret,
        io: &mut Io,
    ) -> Result<(), crate::Error> {
        if secret.data.is_empty() && !self.allow_empty_data {
            return Err(seal::Error::NoData.into());
        }
        if target
            .metadata
            .name
            .as_deref()
            .unwrap_or_default()
            .is_empty()
        {
            return Err(seal::Error::NoName.into());
        }
        secret.metadata.name = target.metadata.name.clone();
        secret.metadata.namespace = target.metadata.namespace.clone().filter(|n| !n.is_empty());
        let own = Scope::from_annotations(target.metadata.annotations.as_ref());
        match self.scope {
            Some(asked) if asked != own => {
                return Err(Error::Scope {
                    path: self.target.clone(),
                    own: own.as_str(),
                    asked: asked.as_str(),
                }
                .into());
            }
            _ => {}
        }
        let annotated = Scope::from_annotations(secret.metadata.annotations.as_ref());
        if annotated != Scope::Strict && annotated != own {
            io.warn(&format!(
                "the annotations of the input say {}, but the target is sealed {}; the target's scope is used",
                annotated.as_str(),
                own.as_str()
            ));
        }
        own.annotate(secret.metadata.annotations.get_or_insert_default());
        if own != Scope::ClusterWide {
            secret.metadata.namespace = Some(seal::namespace_of(secret, &self.cluster, io)?);
        }
        Ok(())
    }
}

/// Refuses values in what the file's metadata will be: what stands there already is committed as well.
fn check_exposed(
    target: &SealedSecret,
    update: &SealedSecret,
    secret: &Secret,
) -> Result<(), Exposed> {
    let mut merged = target.spec.template.metadata.clone();
    let new = &update.spec.template.metadata;
    for (own, new) in [
        (&mut merged.labels, &new.labels),
        (&mut merged.annotations, &new.annotations),
    ] {
        own.get_or_insert_default()
            .extend(new.clone().into_iter().flatten());
    }
    exposure::check(&merged, &secret.data)?;
    exposure::check(&target.metadata, &secret.data)
}

/// The values of the update, and those of its labels and annotations that are not there already.
fn changes(target: &SealedManifest, update: &SealedSecret) -> Changes {
    let mut changes = Changes::default();
    if let Some(map) = target.node.as_map() {
        for (field, value) in [
            ("kind", "SealedSecret"),
            ("apiVersion", "bitnami.com/v1alpha1"),
        ] {
            if map.get(field).is_none() {
                changes.set(field, value);
            }
        }
    }
    let items = changes.within(&["spec", "encryptedData"]);
    for (name, value) in &update.spec.encrypted_data {
        items.set(name, value.as_str());
    }
    let (own, new) = (
        &target.object.spec.template.metadata,
        &update.spec.template.metadata,
    );
    let scopes = [Scope::NamespaceWide, Scope::ClusterWide].map(Scope::annotation);
    for (field, own, new) in [
        ("labels", &own.labels, &new.labels),
        ("annotations", &own.annotations, &new.annotations),
    ] {
        for (key, value) in new.iter().flatten() {
            let is_there = own.as_ref().is_some_and(|own| own.get(key) == Some(value));
            if !is_there && !scopes.contains(&Some(key.as_str())) {
                changes
                    .within(&["spec", "template", "metadata", field])
                    .set(key, value.as_str());
            }
        }
    }
    changes
}

/// A file that may not be written is not replaced either.
fn check_writable(path: &Path) -> Result<(), String> {
    let opened = OpenOptions::new().read(true).write(true).open(path);
    opened.map(drop).map_err(|error| cause(&error))
}
