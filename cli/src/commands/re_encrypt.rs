//! `--re-encrypt`: every sealed value under the newest key, by the controller or by keys from a
//! backup. Only the sealed values are taken from the answer; the rest of the file stays as it is.

use std::path::PathBuf;
use std::sync::Arc;

use http::StatusCode;
use sealing::{
    Certificate, PrivateKey, Renderer, Scope, SealedSecret, envelope, label_of, seal_values,
};
use serde_json::{Value, json};

use crate::Io;
use crate::certificate::{self, Origin, Source};
use crate::cluster::ClusterAccess;
use crate::controller::Controller;
use crate::document::{Entry, Origin as Place};
use crate::edit;
use crate::format::Format;
use crate::input::Input;
use crate::output::Output;
use crate::private_keys::PrivateKeys;
use crate::progress::Progress;
use crate::sealed_manifest::{self, Others, SealedManifest};
use crate::splice::Changes;

pub(crate) struct ReEncrypt {
    pub(crate) certificate: Source,
    pub(crate) cluster: ClusterAccess,
    pub(crate) secret_file: Option<PathBuf>,
    /// Keys to open with, if the controller is not to be asked.
    pub(crate) keys: Option<Vec<PathBuf>>,
    pub(crate) format: Option<Format>,
    pub(crate) output: Output,
}

/// Why SealedSecrets cannot be sealed again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no SealedSecrets found in the input")]
    NoInput,
    #[error("unable to rotate secret")]
    Refused,
    #[error("cannot re-encrypt secret: {0}")]
    Controller(String),
    #[error("cannot re-encrypt secret: {cause}, in document {document}, `{name}`")]
    Item {
        document: usize,
        name: String,
        cause: String,
    },
    #[error("cannot re-encrypt secret: no certificate came with the private keys")]
    NoCertificate,
    #[error(transparent)]
    Seal(#[from] envelope::Error),
    #[error("cannot re-encrypt in place: {0}")]
    Edit(#[from] edit::Error),
}

impl Error {
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::NoCertificate => Some("name one with `--cert`".to_owned()),
            Self::Edit(edit::Error::Conflict(_)) => {
                Some("with `-o` and `-w` everything is printed anew".to_owned())
            }
            _ => None,
        }
    }
}

/// Who seals again.
enum Sealer {
    Controller(Controller),
    Keys(Vec<Arc<PrivateKey>>, Box<Certificate>),
}

impl ReEncrypt {
    pub(crate) async fn run(self, io: &mut Io) -> Result<(), crate::Error> {
        let input = Input::open(self.secret_file.as_deref(), io)?;
        let sealer = self.sealer(io).await?;
        let sealed = sealed_manifest::read(input.read(io)?, Others::Keep, io)
            .map_err(sealed_manifest::Error)?;
        if sealed.objects.is_empty() {
            return Err(Error::NoInput.into());
        }
        let mut changes = Vec::new();
        let mut progress = Progress::new("re-encrypted", sealed.objects.len());
        for (index, manifest) in sealed.objects.iter().enumerate() {
            let spec = progress.during(sealer.seal_again(manifest), io).await?;
            changes.push((index, self::changes(manifest, spec)?));
            progress.step(io);
        }
        progress.end(io);
        let (format, output) = self.destination();
        let changed = edit::apply(&sealed, &changes, format).map_err(Error::Edit)?;
        Ok(output.write(&[changed], io)?)
    }

    async fn sealer(&self, io: &mut Io) -> Result<Sealer, crate::Error> {
        let Some(files) = &self.keys else {
            let controller = self.certificate.controller.reach(&self.cluster, io).await?;
            return Ok(Sealer::Controller(controller));
        };
        let keys = PrivateKeys::read(files, io)?;
        let opening = keys.keys.clone();
        let certificate = match &self.certificate.origin {
            Origin::Location(_) => self.certificate.certificate(&self.cluster, io).await?,
            Origin::Controller => {
                let newest = keys.newest_certificate().ok_or(Error::NoCertificate)?;
                self.certificate.check_pin(&newest)?;
                newest
                    .check_not_expired(io.now)
                    .map_err(certificate::Error::Unusable)?;
                certificate::warn_of_expiry(&newest, io);
                newest
            }
        };
        Ok(Sealer::Keys(opening, Box::new(certificate)))
    }

    /// Where the result goes; in place, a file keeps its own format.
    fn destination(&self) -> (Option<Format>, Output) {
        match (&self.output, &self.secret_file) {
            (Output::Stdout, Some(file)) => {
                let output = Output::File(file.clone());
                let format = if output.is_yaml_file() {
                    Some(Format::Yaml)
                } else {
                    self.format
                };
                (format, output)
            }
            (Output::Stdout, None) => (Some(self.format.unwrap_or_default()), Output::Stdout),
            (Output::File(file), _) => (
                Some(self.format.unwrap_or_default()),
                Output::File(file.clone()),
            ),
        }
    }
}

impl Sealer {
    /// The `spec` of the object, its values sealed again.
    async fn seal_again(&self, manifest: &SealedManifest) -> Result<Value, crate::Error> {
        match self {
            Self::Controller(controller) => Ok(ask(controller, manifest).await?),
            Self::Keys(keys, certificate) => {
                let sealed = seal_again(&manifest.object, keys, certificate);
                Ok(sealed.map_err(|cause| Error::Item {
                    document: manifest.document,
                    name: manifest.name(),
                    cause,
                })?)
            }
        }
    }
}

async fn ask(controller: &Controller, manifest: &SealedManifest) -> Result<Value, Error> {
    let mut object = manifest.value.clone();
    if let Value::Object(fields) = &mut object {
        fields.remove("status");
    }
    let answer = controller
        .post("rotate", object.to_string().as_bytes())
        .await
        .map_err(Error::Controller)?;
    match answer.status {
        StatusCode::OK => {}
        StatusCode::CONFLICT => return Err(Error::Refused),
        _ => return Err(Error::Controller(answer.refusal("post"))),
    }
    let body = serde_json::from_slice::<Value>(&answer.body).ok();
    body.and_then(|mut body| Some(body.get_mut("spec")?.take()))
        .filter(|spec| spec["encryptedData"].is_object())
        .ok_or_else(|| Error::Controller("the answer is no SealedSecret".to_owned()))
}

fn seal_again(
    sealed: &SealedSecret,
    keys: &[Arc<PrivateKey>],
    certificate: &Certificate,
) -> Result<Value, String> {
    if sealed.spec.data.is_some() {
        let unsealed = sealing::unseal(sealed, keys, &Renderer::default());
        let mut secret = unsealed.map_err(|error| error.to_string())?.secret;
        let annotations = secret.metadata.annotations.get_or_insert_default();
        Scope::from_annotations(sealed.metadata.annotations.as_ref()).annotate(annotations);
        let sealed = sealing::seal(&secret, certificate).map_err(|error| error.to_string())?;
        return serde_json::to_value(&sealed.spec).map_err(|error| error.to_string());
    }
    let opened = sealing::open(&sealed.spec.encrypted_data, label_of(sealed), keys)
        .map_err(|failures| failures.lines().join("; "))?;
    let items = seal_values(&opened.items, certificate, &opened.label);
    Ok(json!({"encryptedData": items.map_err(|error| error.to_string())?}))
}

/// The new values, without what only a cluster writes.
fn changes(manifest: &SealedManifest, mut spec: Value) -> Result<Changes, Error> {
    let mut changes = Changes::default();
    if manifest.object.spec.data.is_some() {
        changes.set("spec", spec);
    } else {
        set_items(manifest, &mut spec["encryptedData"], &mut changes)?;
    }
    let is_there = |path: &[&str]| {
        let pointer: String = path.iter().map(|part| format!("/{part}")).collect();
        manifest
            .value
            .pointer(&pointer)
            .is_some_and(|value| !value.is_null())
    };
    if is_there(&["status"]) {
        changes.remove("status");
    }
    for field in sealing::SERVER_METADATA {
        if is_there(&["metadata", field]) {
            changes.within(&["metadata"]).remove(field);
        }
    }
    let annotations = manifest.object.metadata.annotations.iter().flatten();
    let (copies, others): (Vec<_>, Vec<_>) =
        annotations.partition(|(key, _)| sealing::LAST_APPLIED.contains(&key.as_str()));
    match (copies.is_empty(), others.is_empty()) {
        (true, _) => {}
        (false, true) => changes.within(&["metadata"]).remove("annotations"),
        (false, false) => {
            for (key, _) in copies {
                changes.within(&["metadata", "annotations"]).remove(key);
            }
        }
    }
    Ok(changes)
}

fn set_items(
    manifest: &SealedManifest,
    answered: &mut Value,
    changes: &mut Changes,
) -> Result<(), Error> {
    let map = manifest
        .node
        .as_map()
        .and_then(|map| map.get("spec")?.as_map()?.get("encryptedData")?.as_map());
    let Some(map) = map else {
        return Ok(());
    };
    let items = changes.within(&["spec", "encryptedData"]);
    for name in manifest.object.spec.encrypted_data.keys() {
        let value = answered.get_mut(name).map(Value::take);
        let Some(Value::String(value)) = value else {
            return Err(Error::Item {
                document: manifest.document,
                name: manifest.name(),
                cause: format!("the answer lacks item `{name}`"),
            });
        };
        let entry = map.entry(name);
        let other = entry.and_then(|entry| {
            let is_it = |other: &&Entry| {
                other.origin == Place::Own && Arc::ptr_eq(&other.value, &entry.value)
            };
            map.entries
                .iter()
                .find(is_it)
                .filter(|_| matches!(entry.origin, Place::Alias(_)))
        });
        match other {
            Some(other) => items.same_as(name, other.key.text()),
            None => items.set(name, value),
        }
    }
    Ok(())
}
