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
    /// Takes the key of a Secret in, to open with and, if `active`, to seal to. It replaces the same
    /// key, and it retires the key that the Secret held before.
    pub(crate) fn put(&self, secret: &Secret, active: bool) -> Result<Fingerprint, Error> {
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
            labelled: secret.labels().contains_key(KEY_LABEL),
            active,
        };
        let mut keys = self.lock();
        keys.retain(|known| *known.private.fingerprint() != fingerprint);
        keys.iter_mut()
            .filter(|known| known.secret == key.secret)
            .for_each(|known| known.active = false);
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

    /// Retires every labelled key whose Secret is not among these.
    pub(crate) fn retire_all_but(&self, secrets: &[String]) {
        let mut keys = self.lock();
        let is_gone = |key: &&mut Key| key.labelled && !secrets.contains(&key.secret);
        keys.iter_mut()
            .filter(is_gone)
            .for_each(|key| key.active = false);
        self.publish(keys);
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

#[cfg(test)]
mod tests {
    use k8s_openapi::ByteString;
    use serde_json::Value;

    use super::*;

    fn secret(name: &str, vectors: &str) -> Secret {
        let vectors: Value = serde_json::from_str(vectors).unwrap();
        let part = |field: &str| ByteString(vectors[field].as_str().unwrap().as_bytes().to_vec());
        let mut secret = Secret::default();
        secret.metadata.name = Some(name.to_owned());
        secret.metadata.labels = Some([(KEY_LABEL.to_owned(), ACTIVE.to_owned())].into());
        secret.data = Some(
            [
                ("tls.key".to_owned(), part("private_key_pkcs1_pem")),
                ("tls.crt".to_owned(), part("certificate_pem")),
            ]
            .into(),
        );
        secret
    }

    fn small() -> Secret {
        secret(
            "small",
            include_str!("../../sealing/tests/vectors/rsa2048.json"),
        )
    }

    fn large() -> Secret {
        secret(
            "large",
            include_str!("../../sealing/tests/vectors/rsa4096.json"),
        )
    }

    fn fingerprints(ring: &KeyRing) -> Vec<Fingerprint> {
        ring.snapshot()
            .iter()
            .map(|key| key.fingerprint().clone())
            .collect()
    }

    #[test]
    fn seals_to_the_newest_certificate_and_tries_it_first() {
        let ring = KeyRing::default();
        ring.put(&large(), true).unwrap();
        ring.put(&small(), true).unwrap();
        let current = ring.current().unwrap();
        assert_eq!(fingerprints(&ring)[0], *current.fingerprint());
        let dates = ring
            .lock()
            .iter()
            .map(|key| key.certificate.not_before())
            .collect::<Vec<_>>();
        assert!(dates[0] >= dates[1]);
    }

    #[test]
    fn holds_a_key_once() {
        let ring = KeyRing::default();
        ring.put(&small(), true).unwrap();
        ring.put(
            &secret(
                "copy",
                include_str!("../../sealing/tests/vectors/rsa2048.json"),
            ),
            true,
        )
        .unwrap();
        assert_eq!(ring.snapshot().len(), 1);
    }

    #[test]
    fn goes_on_opening_with_a_retired_key_but_seals_to_it_no_more() {
        let ring = KeyRing::default();
        ring.put(&small(), true).unwrap();
        ring.retire("small");
        assert!(ring.current().is_none());
        assert_eq!(ring.snapshot().len(), 1);
        ring.put(&small(), true).unwrap();
        assert!(ring.current().is_some());
    }

    #[test]
    fn keeps_sealing_to_the_key_from_before_labels_when_the_labelled_are_listed() {
        let ring = KeyRing::default();
        let mut legacy = small();
        legacy.metadata.labels = None;
        ring.put(&legacy, true).unwrap();
        ring.retire_all_but(&[]);
        assert!(ring.current().is_some());
    }

    #[test]
    fn says_which_part_of_a_secret_holds_no_key() {
        let ring = KeyRing::default();
        let mut broken = small();
        broken.data.as_mut().unwrap().remove("tls.crt");
        assert_eq!(ring.put(&broken, true), Err(Error::Missing("tls.crt")));
        assert!(ring.snapshot().is_empty());
    }

    #[test]
    fn seals_no_more_to_the_key_that_a_secret_held_before() {
        let ring = KeyRing::default();
        ring.put(&small(), true).unwrap();
        let mut changed = large();
        changed.metadata.name = Some("small".to_owned());
        let new = ring.put(&changed, true).unwrap();
        assert_eq!(*ring.current().unwrap().fingerprint(), new);
        assert_eq!(ring.lock().iter().filter(|key| key.active).count(), 1);
    }

    #[test]
    fn opens_with_a_key_that_a_sealed_secret_made_but_seals_not_to_it() {
        let mut made = small();
        let owner = serde_json::json!([{ "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "name": "s", "uid": "u" }]);
        made.metadata.owner_references = serde_json::from_value(owner).unwrap();
        assert!(is_sealing_key(&small()) && !is_sealing_key(&made));
        let ring = KeyRing::default();
        ring.put(&made, is_sealing_key(&made)).unwrap();
        assert!(ring.current().is_none() && ring.snapshot().len() == 1);
    }
}
