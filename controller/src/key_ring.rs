//! The sealing keys in memory: all of them open values, the newest active one is sealed to.

use std::cmp::Reverse;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use sealing::{Certificate, Fingerprint, PrivateKey, certificate, key};
use tokio::sync::watch;

/// The label value that marks a key Secret as a sealing key.
pub(crate) const KEY_LABEL: &str = "sealedsecrets.bitnami.com/sealed-secrets-key";
pub(crate) const ACTIVE: &str = "active";

/// All keys that the controller holds; one swap publishes a change.
#[derive(Default)]
pub(crate) struct KeyRing {
    keys: Mutex<Vec<Key>>,
    state: watch::Sender<State>,
}

#[derive(Clone, Copy, Default)]
struct State {
    loaded: bool,
    keys: usize,
    changes: u64,
}

struct Key {
    secret: String,
    created: Option<Timestamp>,
    private: Arc<PrivateKey>,
    certificate: Arc<Certificate>,
    /// Whether it may be sealed to: its Secret exists and carries the label.
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
}

impl KeyRing {
    /// Takes the key of a Secret in; a key that is known already is replaced.
    pub(crate) fn put(&self, secret: &Secret) -> Result<Fingerprint, Error> {
        let part = |name| {
            let data = secret.data.as_ref().and_then(|data| data.get(name));
            data.map(|value| &value.0[..]).ok_or(Error::Missing(name))
        };
        let private = PrivateKey::from_pem(part("tls.key")?)?;
        let certificate = Certificate::from_pem(part("tls.crt")?)?;
        let fingerprint = private.fingerprint().clone();
        let key = Key {
            secret: secret.name_any(),
            created: secret
                .metadata
                .creation_timestamp
                .as_ref()
                .map(|time| time.0),
            private: Arc::new(private),
            certificate: Arc::new(certificate),
            active: true,
        };
        let mut keys = self.lock();
        keys.retain(|known| *known.private.fingerprint() != fingerprint);
        keys.push(key);
        // Newest certificate first; on a tie the Secret that was created first stays ahead.
        keys.sort_by_key(|key| (Reverse(key.certificate.not_before()), key.created));
        self.publish(keys);
        Ok(fingerprint)
    }

    /// Seals no more to the key of this Secret; it goes on opening values until a restart.
    pub(crate) fn retire(&self, secret: &str) {
        let mut keys = self.lock();
        keys.iter_mut()
            .filter(|key| key.secret == secret)
            .for_each(|key| key.active = false);
        self.publish(keys);
    }

    /// Retires every key whose Secret is not among these.
    pub(crate) fn retire_all_but(&self, secrets: &[String]) {
        let gone: Vec<String> = self
            .lock()
            .iter()
            .map(|key| key.secret.clone())
            .filter(|name| !secrets.contains(name))
            .collect();
        gone.iter().for_each(|name| self.retire(name));
    }

    /// The keys to open values with, in the order in which they are worth trying.
    pub(crate) fn snapshot(&self) -> Vec<Arc<PrivateKey>> {
        self.lock()
            .iter()
            .map(|key| Arc::clone(&key.private))
            .collect()
    }

    /// The certificate to seal to.
    pub(crate) fn current(&self) -> Option<Arc<Certificate>> {
        self.lock()
            .iter()
            .find(|key| key.active)
            .map(|key| Arc::clone(&key.certificate))
    }

    /// Says that every key Secret there is has been read.
    pub(crate) fn mark_loaded(&self) {
        self.state.send_modify(|state| state.loaded = true);
    }

    pub(crate) async fn loaded(&self) {
        _ = self.state.subscribe().wait_for(|state| state.loaded).await;
    }

    pub(crate) async fn not_empty(&self) {
        _ = self
            .state
            .subscribe()
            .wait_for(|state| state.loaded && state.keys > 0)
            .await;
    }

    /// Resolves at the next change.
    pub(crate) async fn changed(&self) {
        let mut state = self.state.subscribe();
        let changes = state.borrow_and_update().changes;
        _ = state.wait_for(|state| state.changes != changes).await;
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Key>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, keys: MutexGuard<'_, Vec<Key>>) {
        let keys = keys.len();
        self.state.send_modify(|state| {
            state.keys = keys;
            state.changes += 1;
        });
    }
}
