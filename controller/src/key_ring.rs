//! The sealing keys in memory: all of them open values, the newest active one is sealed to.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use sealing::{Certificate, Fingerprint, PrivateKey, certificate, key};
use tokio::sync::watch;

use crate::config::KeyOrder;

/// The label value that marks a key Secret as a sealing key.
pub(crate) const KEY_LABEL: &str = "sealedsecrets.bitnami.com/sealed-secrets-key";
pub(crate) const ACTIVE: &str = "active";
/// On a key Secret: asks for a successor of this key.
const RENEW: &str = "sealedsecrets.bitnami.com/renew";
/// Clocks differ; a key from further ahead is from a clock that is wrong.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// All keys that the controller holds; one swap publishes a change.
#[derive(Default)]
pub(crate) struct KeyRing {
    order: KeyOrder,
    keys: Mutex<Keys>,
    state: watch::Sender<State>,
}

#[derive(Default)]
struct Keys {
    /// The newest first.
    all: Vec<Key>,
    /// What opened the last object: the next is often sealed to the same key.
    last_good: Option<Fingerprint>,
    /// Which version of each Secret was read.
    versions: HashMap<String, Option<String>>,
}

#[derive(Clone, Copy, Default)]
struct State {
    loaded: bool,
    settled: bool,
    keys: usize,
    changes: u64,
}

/// The key to seal to.
#[derive(Clone)]
pub(crate) struct Current {
    pub(crate) certificate: Arc<Certificate>,
    /// When it became the newest.
    pub(crate) since: Timestamp,
    /// Whether a successor is asked for.
    pub(crate) is_to_be_renewed: bool,
}

/// What may be told of a key.
pub(crate) struct Described {
    /// The short form.
    pub(crate) fingerprint: String,
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
    /// Whether it may be sealed to.
    pub(crate) is_active: bool,
}

struct Key {
    secret: String,
    created: Option<Timestamp>,
    /// What makes it newer or older than others.
    ordered: Timestamp,
    is_to_be_renewed: bool,
    private: Arc<PrivateKey>,
    certificate: Arc<Certificate>,
    /// Whether its Secret carries the label; the one key that was there before labels does not.
    labelled: bool,
    /// Whether it may be sealed to: its Secret is there, with the label it had.
    active: bool,
}

/// Why a key Secret holds no key.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum Error {
    #[error("it has no `{0}`")]
    Missing(&'static str),
    #[error("`tls.key`: {0}")]
    PrivateKey(#[from] key::Error),
    #[error("`tls.crt`: {0}")]
    Certificate(#[from] certificate::Error),
    #[error("`tls.crt` belongs to another key")]
    Mismatch,
}

/// Whether a Secret is a key to seal to. One that a SealedSecret made is not: whoever may create
/// SealedSecrets in the controller's namespace would receive everybody's values.
pub(crate) fn is_sealing_key(secret: &Secret) -> bool {
    let is_active = secret
        .labels()
        .get(KEY_LABEL)
        .is_some_and(|value| value == ACTIVE);
    is_active
        && !secret
            .owner_references()
            .iter()
            .any(|owner| owner.kind == "SealedSecret")
}

impl KeyRing {
    pub(crate) fn new(order: KeyOrder) -> Self {
        Self {
            order,
            ..Self::default()
        }
    }

    /// Takes the key of a Secret in, to open with and, if `active`, to seal to. It replaces the same
    /// key, and it retires the key that the Secret held before.
    pub(crate) fn put(&self, secret: &Secret, active: bool) -> Result<Fingerprint, Error> {
        self.put_from(secret, active, Timestamp::MIN)
    }

    /// The same for a key that was made just now: a certificate knows whole seconds only, and in the
    /// same second the older key would stay ahead.
    pub(crate) fn put_made(&self, secret: &Secret, now: Timestamp) -> Result<Fingerprint, Error> {
        self.put_from(secret, true, now)
    }

    /// Whether this version of a key Secret was not read before.
    pub(crate) fn is_news(&self, secret: &Secret) -> bool {
        let version = secret.resource_version();
        let versions = &mut self.lock().versions;
        versions.insert(secret.name_any(), version.clone()) != Some(version)
    }

    fn put_from(
        &self,
        secret: &Secret,
        active: bool,
        earliest: Timestamp,
    ) -> Result<Fingerprint, Error> {
        let part = |name| {
            let data = secret.data.as_ref().and_then(|data| data.get(name));
            data.map(|value| &value.0[..]).ok_or(Error::Missing(name))
        };
        let private = PrivateKey::from_pem(part("tls.key")?)?;
        let certificate = Certificate::from_pem(part("tls.crt")?)?;
        let fingerprint = private.fingerprint().clone();
        // What is sealed to another certificate this key does not open; what it opened it still opens.
        let is_pair = *certificate.fingerprint() == fingerprint;
        let created = secret
            .metadata
            .creation_timestamp
            .as_ref()
            .map(|time| time.0);
        let ordered = match self.order {
            KeyOrder::NotBefore => certificate.not_before(),
            KeyOrder::Created => created.unwrap_or(certificate.not_before()),
        };
        let asks = secret.annotations().get(RENEW);
        let mut key = Key {
            secret: secret.name_any(),
            created,
            ordered: ordered.max(earliest),
            is_to_be_renewed: asks.is_some_and(|value| value == "true"),
            private: Arc::new(private),
            certificate: Arc::new(certificate),
            labelled: secret.labels().contains_key(KEY_LABEL),
            active: active && is_pair,
        };
        let mut keys = self.lock();
        let same = |known: &Key| *known.private.fingerprint() == fingerprint;
        if let Some(known) = keys.all.iter().find(|known| same(known)) {
            key.ordered = key.ordered.max(known.ordered);
        }
        keys.all.retain(|known| !same(known));
        keys.all
            .iter_mut()
            .filter(|known| known.secret == key.secret)
            .for_each(|known| known.active = false);
        keys.all.push(key);
        // On a tie the Secret that was created first stays ahead.
        keys.all
            .sort_by_key(|key| (Reverse(key.ordered), key.created));
        self.publish(keys);
        is_pair.then_some(fingerprint).ok_or(Error::Mismatch)
    }

    /// Seals no more to the key of this Secret; it goes on opening values until a restart.
    pub(crate) fn retire(&self, secret: &str) {
        self.lock().versions.remove(secret);
        self.retire_as_seen(secret);
    }

    /// The same for a Secret that is there, and whose present version holds no key: it is not read again.
    pub(crate) fn retire_as_seen(&self, secret: &str) {
        let mut keys = self.lock();
        keys.all
            .iter_mut()
            .filter(|key| key.secret == secret)
            .for_each(|key| key.active = false);
        self.publish(keys);
    }

    /// Retires every labelled key whose Secret is not among these.
    pub(crate) fn retire_all_but(&self, secrets: &[String]) {
        let mut keys = self.lock();
        let is_gone = |key: &&mut Key| key.labelled && !secrets.contains(&key.secret);
        keys.all
            .iter_mut()
            .filter(is_gone)
            .for_each(|key| key.active = false);
        self.publish(keys);
    }

    /// The keys to open values with, in the order in which they are worth trying: those that are
    /// said to fit, then the one that opened something last, then the newest first.
    pub(crate) fn snapshot(&self, fitting: &[String]) -> Vec<Arc<PrivateKey>> {
        let keys = self.lock();
        let rank = |key: &&Key| {
            let fingerprint = key.private.fingerprint();
            match () {
                () if fitting
                    .iter()
                    .any(|fitting| fitting == fingerprint.as_str()) =>
                {
                    0
                }
                () if keys.last_good.as_ref() == Some(fingerprint) => 1,
                () => 2,
            }
        };
        let mut ranked: Vec<&Key> = keys.all.iter().collect();
        ranked.sort_by_key(rank);
        ranked
            .into_iter()
            .map(|key| Arc::clone(&key.private))
            .collect()
    }

    /// Remembers a key that opened something.
    pub(crate) fn opened_with(&self, fingerprint: &Fingerprint) {
        self.lock().last_good = Some(fingerprint.clone());
    }

    /// The key to seal to: the newest active one. One from a clock that is ahead waits, as long as
    /// there is another.
    pub(crate) fn current(&self, now: Timestamp) -> Option<Current> {
        let keys = self.lock();
        let is_ahead = |key: &Key| key.ordered.duration_since(now) > SKEW;
        let mut active = keys.all.iter().filter(|key| key.active);
        let newest = active.clone().next()?;
        let key = active.find(|key| !is_ahead(key)).unwrap_or(newest);
        Some(Current {
            certificate: Arc::clone(&key.certificate),
            since: match key.created {
                Some(created) if is_ahead(key) => created,
                _ => key.ordered,
            },
            is_to_be_renewed: key.is_to_be_renewed,
        })
    }

    /// Describes every key.
    pub(crate) fn describe(&self) -> Vec<Described> {
        let keys = self.lock();
        let described = keys.all.iter().map(|key| Described {
            fingerprint: key.private.fingerprint().short().to_owned(),
            not_before: key.certificate.not_before(),
            not_after: key.certificate.not_after(),
            is_active: key.active,
        });
        described.collect()
    }

    /// How many times the keys have changed.
    pub(crate) fn changes(&self) -> u64 {
        self.state.borrow().changes
    }

    /// Says that every key Secret there is has been read.
    pub(crate) fn mark_loaded(&self) {
        self.state.send_modify(|state| state.loaded = true);
    }

    pub(crate) async fn loaded(&self) {
        _ = self.state.subscribe().wait_for(|state| state.loaded).await;
    }

    /// Says that the first key is there, or that none is made.
    pub(crate) fn mark_settled(&self) {
        self.state.send_modify(|state| state.settled = true);
    }

    pub(crate) async fn settled(&self) {
        _ = self.state.subscribe().wait_for(|state| state.settled).await;
    }

    pub(crate) async fn not_empty(&self) {
        _ = self
            .state
            .subscribe()
            .wait_for(|state| state.loaded && state.keys > 0)
            .await;
    }

    /// Resolves when there have been more changes than these.
    pub(crate) async fn changed_since(&self, changes: u64) {
        let mut state = self.state.subscribe();
        _ = state.wait_for(|state| state.changes != changes).await;
    }

    fn lock(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, keys: MutexGuard<'_, Keys>) {
        let keys = keys.all.len();
        self.state.send_modify(|state| {
            state.keys = keys;
            state.changes += 1;
        });
    }
}

#[cfg(test)]
mod tests;
