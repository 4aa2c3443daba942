//! The sealing keys in memory: all of them open values, the newest active one is sealed to.

mod held_key;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use sealing::{Certificate, Fingerprint, PrivateKey, certificate, key};
use tokio::sync::watch;

use crate::config::KeyOrder;
use crate::key_origin::is_of_a_sealed_secret;
use held_key::{Holder, Key};

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
    let label = secret.labels().get(KEY_LABEL);
    label.is_some_and(|value| value == ACTIVE) && !is_of_a_sealed_secret(secret)
}

impl KeyRing {
    pub(crate) fn new(order: KeyOrder) -> Self {
        Self {
            order,
            ..Self::default()
        }
    }

    /// Takes the key of a Secret in, to open with and, if `active`, to seal to. The Secret holds no other
    /// from then on; the key stays active as long as any Secret that holds it is.
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
        made: Timestamp,
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
        let holder = self.holder(secret, certificate, active && is_pair);
        let mut keys = self.lock();
        keys.release(|key, known| *key != fingerprint && known.secret == holder.secret);
        match keys
            .all
            .iter_mut()
            .find(|key| *key.fingerprint() == fingerprint)
        {
            Some(key) => key.hold(made, holder),
            None => keys.all.push(Key::new(private, made, holder)),
        }
        self.publish(keys);
        is_pair.then_some(fingerprint).ok_or(Error::Mismatch)
    }

    fn holder(&self, secret: &Secret, certificate: Certificate, active: bool) -> Holder {
        let metadata = &secret.metadata;
        let created = metadata.creation_timestamp.as_ref().map(|time| time.0);
        let asks = secret.annotations().get(RENEW);
        Holder {
            secret: secret.name_any(),
            ordered: match self.order {
                KeyOrder::NotBefore => certificate.not_before(),
                KeyOrder::Created => created.unwrap_or(certificate.not_before()),
            },
            certificate: Arc::new(certificate),
            created,
            is_to_be_renewed: asks.is_some_and(|value| value == "true"),
            labelled: secret.labels().contains_key(KEY_LABEL),
            active,
        }
    }

    /// Seals no more to the key of this Secret, unless another holds it too; it goes on opening values
    /// until a restart.
    pub(crate) fn retire(&self, secret: &str) {
        self.lock().versions.remove(secret);
        self.retire_as_seen(secret);
    }

    /// The same for a Secret that is there, and whose present version holds no key: it is not read again.
    pub(crate) fn retire_as_seen(&self, secret: &str) {
        let mut keys = self.lock();
        keys.release(|_, holder| holder.secret == secret);
        self.publish(keys);
    }

    /// The same for every labelled Secret that is not among these.
    pub(crate) fn retire_all_but(&self, secrets: &[String]) {
        let mut keys = self.lock();
        keys.versions.retain(|secret, _| secrets.contains(secret));
        keys.release(|_, holder| holder.labelled && !secrets.contains(&holder.secret));
        self.publish(keys);
    }

    /// The keys to open values with, in the order in which they are worth trying: those that are
    /// said to fit, then the one that opened something last, then the newest first.
    pub(crate) fn snapshot(&self, fitting: &[String]) -> Vec<Arc<PrivateKey>> {
        let keys = self.lock();
        let rank = |key: &&Key| {
            let fingerprint = key.fingerprint();
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

    /// The keys by which records are authenticated, the newest first: not those that only open values.
    pub(crate) fn vouching(&self) -> Vec<Arc<PrivateKey>> {
        let keys = self.lock();
        let vouching = keys.all.iter().filter(|key| key.vouches);
        vouching.map(|key| Arc::clone(&key.private)).collect()
    }

    /// Remembers a key that opened something.
    pub(crate) fn opened_with(&self, fingerprint: &Fingerprint) {
        self.lock().last_good = Some(fingerprint.clone());
    }

    /// The key to seal to: the newest active one. One from a clock that is ahead waits, as long as
    /// there is another; one without a label, as long as there is a labelled one.
    pub(crate) fn current(&self, now: Timestamp) -> Option<Current> {
        let keys = self.lock();
        let is_ahead = |holder: &Holder| holder.ordered.duration_since(now) > SKEW;
        let active = keys
            .all
            .iter()
            .flat_map(|key| key.active().map(move |holder| (key, holder)));
        let (key, holder) =
            active.min_by_key(|(_, holder)| (!holder.labelled, is_ahead(holder), holder.age()))?;
        Some(Current {
            certificate: Arc::clone(&holder.certificate),
            since: match holder.created {
                Some(created) if is_ahead(holder) => created,
                _ => holder.ordered,
            },
            is_to_be_renewed: key.is_to_be_renewed(),
        })
    }

    /// Describes every key.
    pub(crate) fn describe(&self) -> Vec<Described> {
        let keys = self.lock();
        let described = keys.all.iter().map(|key| Described {
            fingerprint: key.fingerprint().short().to_owned(),
            not_before: key.best().certificate.not_before(),
            not_after: key.best().certificate.not_after(),
            is_active: key.best().active,
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

    /// Resolves when there are more keys than these, and says how many there are.
    pub(crate) async fn more_than(&self, keys: usize) -> usize {
        let mut state = self.state.subscribe();
        let more = state.wait_for(|state| state.keys > keys).await;
        more.map_or(keys, |state| state.keys)
    }

    /// Resolves when there have been more changes than these.
    pub(crate) async fn changed_since(&self, changes: u64) {
        let mut state = self.state.subscribe();
        _ = state.wait_for(|state| state.changes != changes).await;
    }

    fn lock(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, mut keys: MutexGuard<'_, Keys>) {
        keys.all.sort_by_key(|key| key.best().age());
        let keys = keys.all.len();
        self.state.send_modify(|state| {
            state.keys = keys;
            state.changes += 1;
        });
    }
}

impl Keys {
    /// Takes from each key the Secrets of which this is true.
    fn release(&mut self, is_gone: impl Fn(&Fingerprint, &Holder) -> bool) {
        for key in &mut self.all {
            let private = Arc::clone(&key.private);
            key.release(|holder| is_gone(private.fingerprint(), holder));
        }
    }
}

#[cfg(test)]
mod tests;
