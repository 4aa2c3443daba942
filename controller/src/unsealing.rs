//! Unsealing as a service: on threads that may block, as many at once as there are cores, with the keys in
//! the order in which they are worth trying; and why it failed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use aws_lc_rs::rand;
use jiff::Timestamp;
use prometheus::Histogram;
use sealing::{Causes, Enough, Renderer, SealedSecret, Unsealed};

use crate::Shared;
use crate::audit::{Audit, Purpose};
use crate::cores::Cores;
use crate::discretion::Rendering;
use crate::effort::{ForObject, Stopwatch};
use crate::error::Error;
use crate::in_sync::Said;
use crate::key_ring::KeyRing;
use crate::metrics;
use crate::namespaced_name::NamespacedName;
use crate::queue::InHand;

/// So many private RSA operations in vain the search for a cause may take, or as many as the items left over.
const SEARCH: usize = 64;

/// The only place from which values are opened with templates.
pub(crate) struct Unsealing {
    keys: Arc<KeyRing>,
    /// Nothing else holds one, so that nothing else can unseal with templates.
    renderer: Renderer,
    cores: Arc<Cores>,
    audit: Arc<Audit>,
    /// How long private RSA operations take.
    seconds: Histogram,
    /// What was found out about objects that do not open, until they or the keys change.
    explained: Mutex<HashMap<NamespacedName, Explained>>,
}

struct Explained {
    said: Said,
    key_changes: u64,
    causes: Causes,
}

impl Unsealing {
    pub(crate) fn new(shared: &Shared) -> Self {
        Self {
            keys: Arc::clone(&shared.keys),
            renderer: Renderer::new(SystemTime::now, std::time::Instant::now, |buffer| {
                rand::fill(buffer).is_ok()
            }),
            cores: Arc::clone(&shared.cores),
            audit: Arc::clone(&shared.audit),
            seconds: shared.metrics.rsa_seconds(metrics::RECONCILE),
            explained: Mutex::default(),
        }
    }

    /// Unseals an object; the keys with these fingerprints are tried first. A panic is this object's
    /// failure and nobody else's. If templates were rendered, it says when.
    pub(crate) async fn unseal(
        &self,
        sealed: &Arc<SealedSecret>,
        in_hand: &InHand,
        said: &Said,
        fitting: &[String],
        rendering: &mut Option<Rendering>,
    ) -> Result<Unsealed, Error> {
        let key = &in_hand.key;
        let key_changes = self.keys.changes();
        let keys = self.keys.snapshot(fitting);
        let known = self.explanation(key, said, key_changes);
        let core = self.cores.acquire(&key.namespace, in_hand.urgency).await;
        let (object, renderer) = (Arc::clone(sealed), self.renderer.clone());
        let (audit, seconds) = (Arc::clone(&self.audit), self.seconds.clone());
        let work = move || {
            let enough = Enough::for_keys(keys.len());
            let mut effort = ForObject::new(enough, core, Stopwatch::new(seconds));
            let now = Timestamp::now();
            let unsealed = sealing::unseal_within(&object, &keys, &renderer, &mut effort);
            let rendering = effort.rendering.map(Rendering::since);
            let opened_by = unsealed.as_ref().ok().map(|unsealed| &unsealed.keys);
            audit.note(Purpose::Reconcile, None, &object, opened_by, now);
            let unsealed = unsealed.map_err(|error| {
                let mut find = |failures| {
                    effort.left.at_least(SEARCH);
                    Causes::find(&object, failures, &keys, &mut effort)
                };
                let causes = match &error {
                    sealing::Error::Items(failures) => known.unwrap_or_else(|| find(failures)),
                    _ => Causes::default(),
                };
                (error, causes)
            });
            (unsealed, rendering)
        };
        let (unsealed, rendered) = tokio::task::spawn_blocking(work).await?;
        *rendering = rendered;
        match unsealed {
            Ok(unsealed) => {
                self.lock().remove(key);
                unsealed
                    .keys
                    .keys()
                    .for_each(|key| self.keys.opened_with(key));
                Ok(unsealed)
            }
            Err((error, causes)) => {
                let explained = Explained {
                    said: said.clone(),
                    key_changes,
                    causes: causes.clone(),
                };
                self.lock().insert(key.clone(), explained);
                Err(Error::Unseal(error, causes))
            }
        }
    }

    pub(crate) fn forget(&self, key: &NamespacedName) {
        self.lock().remove(key);
    }

    fn explanation(&self, key: &NamespacedName, said: &Said, key_changes: u64) -> Option<Causes> {
        let explained = self.lock();
        let known = explained.get(key)?;
        let is_current = known.said == *said && known.key_changes == key_changes;
        is_current.then(|| known.causes.clone())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<NamespacedName, Explained>> {
        self.explained
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use k8s_openapi::ByteString;
    use k8s_openapi::api::core::v1::Secret;
    use serde_json::{Value, json};

    use super::*;
    use crate::config::Config;
    use crate::queue::Urgency;

    /// With one key.
    fn shared() -> Shared {
        let vectors = include_str!("../../sealing/tests/vectors/rsa2048.json");
        let vectors: Value = serde_json::from_str(vectors).unwrap();
        let bytes = |field: &str| ByteString(vectors[field].as_str().unwrap().into());
        let secret = Secret {
            data: Some(BTreeMap::from([
                ("tls.key".to_owned(), bytes("private_key_pkcs1_pem")),
                ("tls.crt".to_owned(), bytes("certificate_pem")),
            ])),
            ..Secret::default()
        };
        let shared = Shared::new(&Config::defaults("kube-system")).unwrap();
        shared.keys.put(&secret, true).unwrap();
        shared
    }

    /// Has so many items that open under no key, and a template that fails.
    fn hostile(items: usize) -> Arc<SealedSecret> {
        let nothing = sealing::base64::encode(&[&[1, 0][..], &[7; 256], &[7; 20]].concat());
        let items: BTreeMap<_, _> = (0..items)
            .map(|item| (format!("item-{item}"), &nothing))
            .collect();
        let object = json!({
            "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
            "metadata": { "name": "db", "namespace": "shop" },
            "spec": { "encryptedData": items, "template": { "data": { "a": "{{ fail }}" } } },
        });
        Arc::new(SealedSecret::from_value(&object).unwrap())
    }

    #[tokio::test]
    async fn what_fails_as_expensively_as_it_can_costs_no_more_than_256_operations_and_a_search() {
        let (shared, sealed) = (shared(), hostile(2000));
        let unsealing = Unsealing::new(&shared);
        let key = NamespacedName::of(&*sealed);
        shared.queue.add(key, Urgency::Fresh);
        let in_hand = shared.queue.next().await;
        let said = Said::by(&sealed);
        let unseal = async || {
            let mut rendering = None;
            unsealing
                .unseal(&sealed, &in_hand, &said, &[], &mut rendering)
                .await
        };
        let error = unseal().await.err().unwrap();
        assert_eq!(unsealing.seconds.get_sample_count(), 256 + 64);
        let text = error.to_string();
        assert!(
            text.contains("too many attempts to open the items of one object (item"),
            "{text}"
        );
        assert_eq!(error.retry(1, 5), None);
        // What was found out is not looked for again.
        unseal().await.err().unwrap();
        assert_eq!(unsealing.seconds.get_sample_count(), 2 * 256 + 64);
    }
}
