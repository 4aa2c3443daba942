//! New keys: the first one, and a successor when the newest is old enough.
//!
//! A key's name is fixed before the first request (`first`, or the fingerprint of the key that it
//! succeeds), so that no repeated request, restart or second controller can make two.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Client;
use sealing::{Fingerprint, GeneratedKey};

use crate::args::Config;
use crate::key_ring::{ACTIVE, KEY_LABEL, KeyRing, is_sealing_key};
use crate::secret_api;

const ORDINALS: usize = 10;
const RETRY: Duration = Duration::from_secs(60);
/// The clock is looked at this often: a timer that sleeps for a month does not see it being set.
const TICK: Duration = Duration::from_secs(3600);

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

/// Makes the first key when none is found, and successors for ever. Only the first may fail.
pub(crate) async fn keep(client: &Client, config: &Config, keys: &KeyRing) -> Result<(), Error> {
    keys.loaded().await;
    adopt_legacy_key(client, config, keys).await?;
    if keys.snapshot().is_empty() {
        make_key(client, config, keys, "first").await?;
    }
    renew(client, config, keys).await;
    Ok(())
}

/// Makes a successor whenever the newest key is old enough; a failure is tried again soon.
async fn renew(client: &Client, config: &Config, keys: &KeyRing) {
    loop {
        let current = keys.current();
        let newest = current.as_ref().map(|key| key.not_before());
        let due = due_in(newest, config.key_renew_period, Timestamp::now());
        match (current, due) {
            (Some(current), Some(Duration::ZERO)) => {
                let slot = successor_of(current.fingerprint());
                if let Err(error) = make_key(client, config, keys, slot).await {
                    tracing::error!(%error, "Failed to generate new key");
                }
                tokio::time::sleep(RETRY).await;
            }
            (_, due) => {
                let wait = due.map_or(TICK, |due| due.min(TICK));
                _ = tokio::time::timeout(wait, keys.changed()).await;
            }
        }
    }
}

/// How long until the newest key gets a successor; zero if it is time, none if never.
fn due_in(
    newest: Option<Timestamp>,
    period: Option<SignedDuration>,
    now: Timestamp,
) -> Option<Duration> {
    let due = newest?.checked_add(period?).ok()?;
    Some(Duration::try_from(due.duration_since(now)).unwrap_or_default())
}

/// Names the successor of a key: controllers that see the same key choose the same name.
fn successor_of(fingerprint: &Fingerprint) -> &str {
    &fingerprint.short()[..7]
}

/// Before labels there was one key, and its name was the prefix.
async fn adopt_legacy_key(client: &Client, config: &Config, keys: &KeyRing) -> Result<(), Error> {
    let name = &config.key_prefix;
    if name.is_empty() {
        return Ok(());
    }
    let found = secret_api::get(client, &config.namespace, name).await;
    let found = found.map_err(|error| Error::Read(name.clone(), error.to_string()))?;
    if let Some(Err(error)) = found.map(|secret| keys.put(&secret, true)) {
        tracing::error!(secretname = name, %error, "Error reading private key");
    }
    Ok(())
}

async fn make_key(
    client: &Client,
    config: &Config,
    keys: &KeyRing,
    slot: &str,
) -> Result<(), Error> {
    let made = generate(config).await?;
    for ordinal in 0..ORDINALS {
        let name = key_name(&config.key_prefix, slot, ordinal);
        let secret = match secret_api::create(client, &key_secret(&name, config, &made)).await {
            Ok(secret) => {
                tracing::info!(namespace = config.namespace, name, "New key written");
                tracing::info!(
                    certificate = made.certificate.as_pem(),
                    "Certificate generated"
                );
                secret
            }
            // Another controller was faster, or an answer was lost: what is there is the key.
            Err(error) => match secret_api::get(client, &config.namespace, &name).await {
                Ok(Some(secret)) => secret,
                _ => return Err(Error::Write(name, error.to_string())),
            },
        };
        if is_sealing_key(&secret) && keys.put(&secret, true).is_ok() {
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

fn key_name(prefix: &str, slot: &str, ordinal: usize) -> String {
    match ordinal {
        0 => format!("{prefix}{slot}"),
        _ => format!("{prefix}{slot}{ordinal}"),
    }
}

fn key_secret(name: &str, config: &Config, made: &GeneratedKey) -> Secret {
    // The API server is who the private key is for: its Secret is where keys live.
    let private_key = ByteString(made.private_key_pem.expose().to_vec());
    let certificate = ByteString(made.certificate.as_pem().as_bytes().to_vec());
    Secret {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            generate_name: Some(config.key_prefix.clone()),
            namespace: Some(config.namespace.clone()),
            labels: Some(BTreeMap::from([(KEY_LABEL.to_owned(), ACTIVE.to_owned())])),
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

    const PERIOD: Option<SignedDuration> = Some(SignedDuration::from_hours(720));

    fn at(hours: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours)
    }

    #[test]
    fn is_due_when_the_newest_key_is_a_period_old() {
        assert_eq!(
            due_in(Some(at(0)), PERIOD, at(719)),
            Some(Duration::from_secs(3600))
        );
        assert_eq!(due_in(Some(at(0)), PERIOD, at(720)), Some(Duration::ZERO));
        assert_eq!(due_in(Some(at(0)), PERIOD, at(9000)), Some(Duration::ZERO));
    }

    #[test]
    fn is_never_due_without_a_period_or_a_key() {
        assert_eq!(due_in(Some(at(0)), None, at(9000)), None);
        assert_eq!(due_in(None, PERIOD, at(9000)), None);
    }

    #[test]
    fn names_a_key_after_its_slot() {
        assert_eq!(
            key_name("sealed-secrets-key", "first", 0),
            "sealed-secrets-keyfirst"
        );
        assert_eq!(
            key_name("sealed-secrets-key", "first", 2),
            "sealed-secrets-keyfirst2"
        );
    }
}
