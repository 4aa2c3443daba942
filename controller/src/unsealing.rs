//! Unsealing as a service: on threads that may block, as many at once as there are cores, with the keys in
//! the order in which they are worth trying; and why it failed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use aws_lc_rs::rand;
use jiff::Timestamp;
use prometheus::Histogram;
use sealing::{Causes, Enough, Renderer, SealedSecret, Unsealed};
use tokio::sync::Semaphore;

use crate::Shared;
use crate::audit::{Audit, Purpose};
use crate::effort::{ForObject, Stopwatch};
use crate::error::Error;
use crate::in_sync::Said;
use crate::key_ring::KeyRing;
use crate::metrics;
use crate::namespaced_name::NamespacedName;

/// So many private RSA operations the search for a cause may take.
const SEARCH: usize = 256;

/// The only place from which values are opened with templates.
pub(crate) struct Unsealing {
    keys: Arc<KeyRing>,
    /// Nothing else holds one, so that nothing else can unseal with templates.
    renderer: Renderer,
    cores: Arc<Semaphore>,
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
            renderer: Renderer::new(SystemTime::now, |buffer| rand::fill(buffer).is_ok()),
            cores: Arc::clone(&shared.cores),
            audit: Arc::clone(&shared.audit),
            seconds: shared.metrics.rsa_seconds(metrics::RECONCILE),
            explained: Mutex::default(),
        }
    }

    /// Unseals an object; the keys with these fingerprints are tried first. A panic is this object's
    /// failure and nobody else's.
    pub(crate) async fn unseal(
        &self,
        sealed: &Arc<SealedSecret>,
        key: &NamespacedName,
        said: &Said,
        fitting: &[String],
    ) -> Result<Unsealed, Error> {
        let key_changes = self.keys.changes();
        let keys = self.keys.snapshot(fitting);
        let known = self.explanation(key, said, key_changes);
        let _core = self.cores.acquire().await;
        let (object, renderer) = (Arc::clone(sealed), self.renderer.clone());
        let (audit, seconds) = (Arc::clone(&self.audit), self.seconds.clone());
        let work = move || {
            let effort = |left| ForObject {
                left,
                watch: Stopwatch::new(seconds.clone()),
            };
            let unsealed =
                sealing::unseal_within(&object, &keys, &renderer, &mut effort(Enough::default()));
            let opened_by = unsealed.as_ref().ok().map(|unsealed| &unsealed.keys);
            audit.note(
                Purpose::Reconcile,
                None,
                &object,
                opened_by,
                Timestamp::now(),
            );
            unsealed.map_err(|error| {
                let find = |failures| {
                    Causes::find(&object, failures, &keys, &mut effort(Enough::after(SEARCH)))
                };
                let causes = match &error {
                    sealing::Error::Items(failures) => known.unwrap_or_else(|| find(failures)),
                    _ => Causes::default(),
                };
                (error, causes)
            })
        };
        match tokio::task::spawn_blocking(work).await? {
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
