//! `--validate`: can the controller, or a private key, open what is sealed? All documents are
//! looked at, and every item that does not open is named.

use std::path::PathBuf;
use std::sync::Arc;

use http::StatusCode;
use sealing::{PrivateKey, Renderer, Scope};
use serde_json::{Value, json};

use crate::Io;
use crate::cluster::ClusterAccess;
use crate::controller::{Controller, ControllerService};
use crate::diagnosis;
use crate::input::Input;
use crate::manifest::Cause;
use crate::private_keys::PrivateKeys;
use crate::progress::Progress;
use crate::sealed_manifest::{self, Others, SealedManifest};

/// So many questions are asked to find out why one object does not open: the controller answers
/// two a second.
const QUESTIONS: usize = 12;

pub(crate) struct Validate {
    pub(crate) controller: ControllerService,
    pub(crate) cluster: ClusterAccess,
    pub(crate) secret_file: Option<PathBuf>,
    /// Keys to try, if the controller is not to be asked.
    pub(crate) keys: Option<Vec<PathBuf>>,
}

/// Why an input is not valid.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    // Upstream's text, and what is wrong behind it.
    #[error("unable to decrypt sealed secret: {0}")]
    Unreadable(Cause),
    #[error("{}", .0.join("\n"))]
    Undecryptable(Vec<String>),
    #[error("cannot validate sealed secret: {0}")]
    Controller(String),
}

impl Validate {
    pub(crate) async fn run(self, io: &mut Io) -> Result<(), crate::Error> {
        let input = Input::open(self.secret_file.as_deref(), io)?;
        let opener = match &self.keys {
            Some(files) => Opener::Keys(PrivateKeys::read(files, io)?.keys),
            None => Opener::Controller(self.controller.reach(&self.cluster, io).await?),
        };
        let sealed = sealed_manifest::read(input.read(io)?, Others::Refuse, io)
            .map_err(Error::Unreadable)?;
        let mut failures = Vec::new();
        let mut progress = Progress::new("validated", sealed.objects.len());
        for manifest in &sealed.objects {
            failures.append(&mut progress.during(opener.failures(manifest), io).await?);
            progress.step(io);
        }
        progress.end(io);
        if failures.is_empty() {
            Ok(())
        } else {
            Err(Error::Undecryptable(failures).into())
        }
    }
}

/// Who tries to open.
enum Opener {
    Controller(Controller),
    Keys(Vec<Arc<PrivateKey>>),
}

impl Opener {
    /// What is wrong with an object, line by line; none where nothing is.
    async fn failures(&self, manifest: &SealedManifest) -> Result<Vec<String>, Error> {
        let details = match self {
            Self::Controller(controller) => {
                if opens(controller, &manifest.value).await? {
                    return Ok(Vec::new());
                }
                ask_for_items(controller, manifest).await
            }
            Self::Keys(keys) => match failed_items(manifest, keys) {
                Some(details) => details,
                None => return Ok(Vec::new()),
            },
        };
        let name = manifest.object.metadata.name.as_deref().unwrap_or_default();
        let mut lines = vec![format!("unable to decrypt sealed secret: {name}")];
        let document = manifest.document;
        let line = |(item, cause)| format!("  document {document}, item `{item}`: {cause}");
        lines.extend(details.into_iter().map(line));
        Ok(lines)
    }
}

fn failed_items(
    manifest: &SealedManifest,
    keys: &[Arc<PrivateKey>],
) -> Option<Vec<(String, String)>> {
    let object = &manifest.object;
    if object.spec.data.is_some() {
        // Its values are in one piece, so there are no items to name.
        let unsealed = sealing::unseal(object, keys, &Renderer::default());
        return unsealed.is_err().then(Vec::new);
    }
    let label = sealing::label_of(object);
    let failures = sealing::open(&object.spec.encrypted_data, label, keys).err()?;
    let describe = |(item, _): (&str, _)| {
        let value = object.spec.encrypted_data.get(item);
        let cause = value.map(|value| diagnosis::of_keys(object, value, keys));
        (item.to_owned(), cause.unwrap_or_default())
    };
    Some(failures.iter().map(describe).collect())
}

/// Asks for each item alone, and of those that do not open, in which other scope they do.
async fn ask_for_items(
    controller: &Controller,
    manifest: &SealedManifest,
) -> Vec<(String, String)> {
    let items = &manifest.object.spec.encrypted_data;
    let mut questions = QUESTIONS;
    let mut failed = Vec::new();
    for (item, value) in items {
        if let Some(cause) = diagnosis::of_bytes(value) {
            failed.push((item.clone(), cause));
            continue;
        }
        let own = with_one_item(&manifest.value, item, value);
        let is_known = items.len() > 1;
        if is_known && (questions == 0 || ask(controller, &own, &mut questions).await) {
            continue;
        }
        let mut cause = "sealed with another key, or for another name, namespace or scope";
        for (scope, found) in [
            (
                Scope::Strict,
                "sealed strict, which the SealedSecret does not say",
            ),
            (
                Scope::NamespaceWide,
                "sealed namespace-wide, which the SealedSecret does not say",
            ),
            (
                Scope::ClusterWide,
                "sealed cluster-wide, which the SealedSecret does not say",
            ),
        ] {
            let annotations = manifest.object.metadata.annotations.as_ref();
            if scope == Scope::from_annotations(annotations) || questions == 0 {
                continue;
            }
            if ask(controller, &in_scope(&own, scope), &mut questions).await {
                cause = found;
                break;
            }
        }
        failed.push((item.clone(), cause.to_owned()));
    }
    failed
}

/// Whether it opens; a question that fails is no answer.
async fn ask(controller: &Controller, object: &Value, questions: &mut usize) -> bool {
    *questions -= 1;
    opens(controller, object).await.unwrap_or(false)
}

async fn opens(controller: &Controller, object: &Value) -> Result<bool, Error> {
    let answer = controller
        .post("verify", object.to_string().as_bytes())
        .await
        .map_err(Error::Controller)?;
    match answer.status {
        StatusCode::OK => Ok(true),
        StatusCode::CONFLICT => Ok(false),
        _ => Err(Error::Controller(answer.refusal("post"))),
    }
}

fn with_one_item(object: &Value, item: &str, value: &str) -> Value {
    let mut object = object.clone();
    object["spec"] = json!({"encryptedData": {item: value}});
    object
}

fn in_scope(object: &Value, scope: Scope) -> Value {
    let mut object = object.clone();
    object["metadata"]["annotations"] = match scope.annotation() {
        Some(annotation) => json!({annotation: "true"}),
        None => json!({}),
    };
    object
}
