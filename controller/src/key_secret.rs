//! The Secret of a new key: how it is made and written.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{Client, ResourceExt};
use sealing::GeneratedKey;

use crate::config::Config;
use crate::key_origin::OF_SEALED_SECRETS;
use crate::key_ring::{ACTIVE, KEY_LABEL, KeyRing, is_sealing_key};
use crate::key_slot::Slot;
use crate::secret_api;

/// Why a key could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The key itself.
    #[error(transparent)]
    Generate(#[from] sealing::key::Error),
    /// The Secret that may hold one.
    #[error("cannot read Secret `{0}`: {1}")]
    Read(String, String),
    /// Its Secret.
    #[error("cannot write Secret `{0}`: {1}")]
    Write(String, String),
    /// Something between us and the cluster's store.
    #[error("Secret `{0}` was changed on its way, and is no sealing key")]
    Changed(String),
    /// Other Secrets have all its names.
    #[error("every name for the key `{0}` is taken")]
    NamesTaken(String),
    /// A task that ended early.
    #[error("key generation was interrupted")]
    Interrupted,
}

impl From<tokio::task::JoinError> for Error {
    fn from(_: tokio::task::JoinError) -> Self {
        Self::Interrupted
    }
}

/// What came of a request to create.
enum Sent {
    Written(Secret),
    /// Another controller was faster, or an answer was lost: what is there is the key.
    There(Secret),
}

/// Makes the key of a slot, or takes the one that is there.
///
/// # Guarantees
///
/// - One slot has one key, however often and by however many controllers this is called for it, as long as
///   nobody else takes all its names.
/// - A key is generated only where none is there.
/// - The key ring takes what was read from the API server, never what was made here.
///
/// # Assumptions
///
/// - A request to create is sent once; after an answer that leaves open what happened, it is read.
pub(crate) async fn make(
    client: &Client,
    config: &Config,
    keys: &KeyRing,
    slot: &Slot,
) -> Result<(), Error> {
    let mut generated = None;
    for name in slot.names(&config.key_prefix) {
        let there = match find(client, config, &name).await? {
            Some(secret) => secret,
            None => {
                let made = match generated.take() {
                    Some(made) => made,
                    None => generate(config).await?,
                };
                match create(client, &secret(&name, config, &made)).await? {
                    Sent::Written(secret) => return take_new(&secret, &name, keys, &made),
                    Sent::There(secret) => {
                        generated = Some(made);
                        secret
                    }
                }
            }
        };
        let is_key = is_sealing_key(&there) && keys.put(&there, true).is_ok();
        if is_key && slot.is_filled(keys, Timestamp::now()) {
            return Ok(());
        }
        match is_key {
            true => tracing::warn!(name, "the successor that is there is older than its key"),
            false => tracing::warn!(
                name,
                "the name of a new key is taken by a Secret that holds none"
            ),
        }
    }
    Err(Error::NamesTaken(slot.to_string()))
}

/// Reads a Secret of the controller's namespace; none if there is none.
pub(crate) async fn find(
    client: &Client,
    config: &Config,
    name: &str,
) -> Result<Option<Secret>, Error> {
    let found = secret_api::find(client, &config.namespace, name).await;
    found.map_err(|error| Error::Read(name.to_owned(), without_text(&error)))
}

async fn generate(config: &Config) -> Result<GeneratedKey, Error> {
    let (bits, ttl, common_name) = (config.key_size, config.key_ttl, config.common_name.clone());
    let generate = move || GeneratedKey::generate(bits, &common_name, Timestamp::now(), ttl);
    Ok(tokio::task::spawn_blocking(generate).await??)
}

async fn create(client: &Client, wanted: &Secret) -> Result<Sent, Error> {
    let (namespace, name) = (wanted.namespace().unwrap_or_default(), wanted.name_any());
    let error = match secret_api::create(client, wanted).await {
        Ok(secret) => return Ok(Sent::Written(secret)),
        Err(error) => error,
    };
    match secret_api::find(client, &namespace, &name).await {
        Ok(Some(secret)) => Ok(Sent::There(secret)),
        _ => Err(Error::Write(name, without_text(&error))),
    }
}

fn take_new(secret: &Secret, name: &str, keys: &KeyRing, made: &GeneratedKey) -> Result<(), Error> {
    if !is_sealing_key(secret) || keys.put_made(secret, Timestamp::now()).is_err() {
        return Err(Error::Changed(name.to_owned()));
    }
    let namespace = secret.namespace();
    tracing::info!(namespace, name, "New key written");
    let certificate = made.certificate.as_pem();
    tracing::info!(certificate, "Certificate generated");
    Ok(())
}

/// What failed, without the API server's words: whoever refuses a Secret, a webhook perhaps, may quote the private
/// key in it. Of an answer only its code and a reason that Kubernetes itself has are told.
fn without_text(error: &secret_api::Error) -> String {
    let status = match error {
        secret_api::Error::Api(kube::Error::Api(status)) => status,
        secret_api::Error::Api(kube::Error::HyperError(_) | kube::Error::Service(_)) => {
            return "the API server cannot be reached".to_owned();
        }
        secret_api::Error::Api(_) => return "the request failed".to_owned(),
        error => return error.to_string(),
    };
    let reason = REASONS.iter().find(|reason| **reason == status.reason);
    let reason = reason.map(|reason| format!(" {reason}"));
    format!(
        "the API server answered {}{}",
        status.code,
        reason.unwrap_or_default()
    )
}

/// Kubernetes' own words for why a request failed.
const REASONS: [&str; 16] = [
    "Unauthorized",
    "Forbidden",
    "NotFound",
    "AlreadyExists",
    "Conflict",
    "Invalid",
    "ServerTimeout",
    "Timeout",
    "TooManyRequests",
    "BadRequest",
    "MethodNotAllowed",
    "RequestEntityTooLarge",
    "UnsupportedMediaType",
    "InternalError",
    "Expired",
    "ServiceUnavailable",
];

fn secret(name: &str, config: &Config, made: &GeneratedKey) -> Secret {
    // The API server is who the private key is for: its Secret is where keys live.
    let private_key = ByteString(made.private_key_pem.expose().to_vec());
    let certificate = ByteString(made.certificate.as_pem().as_bytes().to_vec());
    let mut labels = config.key_labels.clone();
    labels.insert(KEY_LABEL.to_owned(), ACTIVE.to_owned()); // nothing can override it
    let mut annotations = config.key_annotations.clone();
    annotations.retain(|key, _| !OF_SEALED_SECRETS.contains(&&**key)); // it would be no key
    Secret {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            generate_name: Some(config.key_prefix.clone()),
            namespace: Some(config.namespace.clone()),
            labels: Some(labels),
            annotations: Some(annotations).filter(|all| !all.is_empty()),
            ..ObjectMeta::default()
        },
        type_: Some("kubernetes.io/tls".to_owned()),
        data: Some(BTreeMap::from([
            ("tls.key".to_owned(), private_key),
            ("tls.crt".to_owned(), certificate),
        ])),
        ..Secret::default()
    }
}

#[cfg(test)]
mod tests;
