//! The usual case: Secrets in, SealedSecrets out, all of them or none.

use std::collections::BTreeMap;
use std::path::PathBuf;

use sealing::{Scope, SealedSecret, Secret, envelope};

use crate::Io;
use crate::certificate::Source;
use crate::cluster::ClusterAccess;
use crate::exposure::{self, Exposed};
use crate::format::Format;
use crate::input::Input;
use crate::manifest::{self, Manifest};
use crate::output::Output;
use crate::progress::Progress;

pub(crate) struct Seal {
    pub(crate) certificate: Source,
    pub(crate) cluster: ClusterAccess,
    pub(crate) secret_file: Option<PathBuf>,
    pub(crate) name: Option<String>,
    pub(crate) scope: Option<Scope>,
    pub(crate) force_scope: bool,
    pub(crate) allow_empty_data: bool,
    pub(crate) copy_metadata: bool,
    pub(crate) allow_values_in_metadata: bool,
    pub(crate) format: Format,
    pub(crate) output: Output,
}

/// Why a Secret cannot be sealed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "secret.data is empty in input Secret, assuming this is an error and aborting. \
         To work with empty data, --allow-empty-data can be used"
    )]
    NoData,
    #[error("missing metadata.name in input Secret")]
    NoName,
    #[error("secret must declare a namespace")]
    NoNamespace,
    #[error(
        "namespace mismatch: input secret is in namespace {input:?} but {given:?} was specified"
    )]
    NamespaceMismatch { input: String, given: String },
    #[error(
        "--name gives two Secrets in namespace {namespace:?} the same name {name:?}, in documents {first} and {second}"
    )]
    SameName {
        namespace: String,
        name: String,
        first: usize,
        second: usize,
    },
    #[error("document {document}: {exposed}, and would be committed in plain")]
    Exposed { document: usize, exposed: Exposed },
    #[error(transparent)]
    Seal(#[from] envelope::Error),
    #[error("cannot print the SealedSecret: {0}")]
    Print(#[from] serde_json::Error),
}

impl Error {
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::NoName => Some("write it into the Secret, or give it with `--name`".to_owned()),
            Self::NoNamespace => {
                Some("write it into the Secret, or give it with `--namespace`".to_owned())
            }
            Self::Exposed { .. } => Some(Exposed::HINT.to_owned()),
            _ => None,
        }
    }
}

impl Seal {
    pub(crate) async fn run(self, io: &mut Io) -> Result<(), crate::Error> {
        let input = Input::open(self.secret_file.as_deref(), io)?;
        let certificate = self.certificate.certificate(&self.cluster, io).await?;
        let mut manifests = manifest::read(input.read(io)?, io)?;
        for manifest in &mut manifests {
            self.complete(manifest, io)?;
        }
        if self.name.is_some() {
            refuse_same_names(&manifests)?;
        }
        let seal = |manifest: Manifest| -> Result<String, Error> {
            let mut sealed = sealing::seal(&manifest.secret, &certificate)?;
            if !self.allow_values_in_metadata {
                let metadata = &sealed.spec.template.metadata;
                exposure::check(metadata, &manifest.secret.data).map_err(|exposed| {
                    let document = manifest.document;
                    Error::Exposed { document, exposed }
                })?;
            }
            if self.copy_metadata {
                copy_metadata(&mut sealed);
            }
            Ok(self.format.print(&sealed)?)
        };
        let progress = Progress::new("sealed", manifests.len());
        let printed = progress.through(manifests, seal, io);
        let printed = printed.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(self.output.write(&printed, io)?)
    }

    /// Gives a Secret the name, scope and namespace that it is to be sealed for.
    fn complete(
        &self,
        Manifest { document, secret }: &mut Manifest,
        io: &mut Io,
    ) -> Result<(), Error> {
        if secret.data.is_empty() && !self.allow_empty_data {
            return Err(Error::NoData);
        }
        if self.name.is_some() {
            secret.metadata.name = self.name.clone();
        }
        if secret.metadata.name.is_none() {
            return Err(Error::NoName);
        }
        let annotated = Scope::from_annotations(secret.metadata.annotations.as_ref());
        let scope = match self.scope {
            None => annotated,
            Some(Scope::Strict) if !self.force_scope => annotated,
            Some(scope) => {
                scope.annotate(secret.metadata.annotations.get_or_insert_default());
                scope
            }
        };
        if self.scope == Some(Scope::Strict) && scope != Scope::Strict {
            let scope = scope.as_str();
            io.warn(&format!(
                "document {document}: sealed {scope}, as its annotations say; `--scope strict` does not undo them without `--force-scope`"
            ));
        }
        if scope != Scope::ClusterWide {
            secret.metadata.namespace = Some(namespace_of(secret, &self.cluster, io)?);
        }
        Ok(())
    }
}

/// The namespace to seal for: the Secret's own, the one that was given, or the context's.
pub(crate) fn namespace_of(
    secret: &Secret,
    cluster: &ClusterAccess,
    io: &Io,
) -> Result<String, Error> {
    match (&secret.metadata.namespace, &cluster.namespace) {
        (Some(input), Some(given)) if input != given => Err(Error::NamespaceMismatch {
            input: input.clone(),
            given: given.clone(),
        }),
        (Some(namespace), _) | (None, Some(namespace)) => Ok(namespace.clone()),
        // A complete Secret needs no kubeconfig, so what is wrong with one only counts here.
        (None, None) => cluster
            .default_namespace(io)
            .ok()
            .flatten()
            .ok_or(Error::NoNamespace),
    }
}

/// The labels and annotations of the Secret, for tools that read them on the SealedSecret.
fn copy_metadata(sealed: &mut SealedSecret) {
    let template = &sealed.spec.template.metadata;
    sealed.metadata.labels = template.labels.clone();
    if let Some(annotations) = template.annotations.clone() {
        let own = sealed.metadata.annotations.get_or_insert_default();
        for (key, value) in annotations {
            own.entry(key).or_insert(value);
        }
    }
}

fn refuse_same_names(manifests: &[Manifest]) -> Result<(), Error> {
    let mut seen = BTreeMap::new();
    for Manifest {
        document: second,
        secret,
    } in manifests
    {
        let namespace = secret.metadata.namespace.clone().unwrap_or_default();
        if let Some(first) = seen.insert(namespace.clone(), *second) {
            let name = secret.metadata.name.clone().unwrap_or_default();
            return Err(Error::SameName {
                namespace,
                name,
                first,
                second: *second,
            });
        }
    }
    Ok(())
}
