//! The Secret of a new key: how it is made and written.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Client;
use sealing::GeneratedKey;

use crate::config::Config;
use crate::key_ring::{ACTIVE, KEY_LABEL, KeyRing, is_sealing_key};
use crate::secret_api;

const ORDINALS: usize = 10;

/// Why a key could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The key itself.
    #[error(transparent)]
    Generate(#[from] sealing::key::Error),
    /// The Secret of an older controller.
    #[error("cannot read Secret `{0}`: {1}")]
    Read(String, String),
    /// Its Secret.
    #[error("cannot write Secret `{0}`: {1}")]
    Write(String, String),
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

/// Makes the key of a slot, or takes the one that is there.
///
/// # Guarantees
///
/// - One slot has one key, however often and by however many controllers this is called for it.
/// - The key ring takes what was read from the API server, never what was made here.
///
/// # Assumptions
///
/// - A request to create is sent once; after an answer that leaves open what happened, it is read.
pub(crate) async fn make(
    client: &Client,
    config: &Config,
    keys: &KeyRing,
    slot: &str,
) -> Result<(), Error> {
    let made = generate(config).await?;
    for ordinal in 0..ORDINALS {
        let name = name(&config.key_prefix, slot, ordinal);
        let (secret, is_new) = match secret_api::create(client, &secret(&name, config, &made)).await
        {
            Ok(secret) => {
                tracing::info!(namespace = config.namespace, name, "New key written");
                tracing::info!(
                    certificate = made.certificate.as_pem(),
                    "Certificate generated"
                );
                (secret, true)
            }
            // Another controller was faster, or an answer was lost: what is there is the key.
            Err(error) => match secret_api::find(client, &config.namespace, &name).await {
                Ok(Some(secret)) => (secret, false),
                _ => return Err(Error::Write(name, error.to_string())),
            },
        };
        let put = |secret| match is_new {
            true => keys.put_made(secret, Timestamp::now()),
            false => keys.put(secret, true),
        };
        if is_sealing_key(&secret) && put(&secret).is_ok() {
            return Ok(());
        }
        tracing::warn!(
            name,
            "the name of a new key is taken by a Secret that holds none"
        );
    }
    Err(Error::NamesTaken(slot.to_owned()))
}

async fn generate(config: &Config) -> Result<GeneratedKey, Error> {
    let (bits, ttl, common_name) = (config.key_size, config.key_ttl, config.common_name.clone());
    let generate = move || GeneratedKey::generate(bits, &common_name, Timestamp::now(), ttl);
    Ok(tokio::task::spawn_blocking(generate).await??)
}

fn name(prefix: &str, slot: &str, ordinal: usize) -> String {
    match ordinal {
        0 => format!("{prefix}{slot}"),
        _ => format!("{prefix}{slot}{ordinal}"),
    }
}

fn secret(name: &str, config: &Config, made: &GeneratedKey) -> Secret {
    // The API server is who the private key is for: its Secret is where keys live.
    let private_key = ByteString(made.private_key_pem.expose().to_vec());
    let certificate = ByteString(made.certificate.as_pem().as_bytes().to_vec());
    let mut labels = config.key_labels.clone();
    labels.insert(KEY_LABEL.to_owned(), ACTIVE.to_owned()); // nothing can override it
    Secret {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            generate_name: Some(config.key_prefix.clone()),
            namespace: Some(config.namespace.clone()),
            labels: Some(labels),
            annotations: Some(config.key_annotations.clone()).filter(|all| !all.is_empty()),
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
mod tests {
    use super::*;

    #[test]
    fn names_a_key_after_its_slot() {
        let prefix = "sealed-secrets-key";
        assert_eq!(name(prefix, "first", 0), "sealed-secrets-keyfirst");
        assert_eq!(name(prefix, "first", 2), "sealed-secrets-keyfirst2");
    }
}
