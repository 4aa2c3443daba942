//! Every SealedSecret there is, as last seen.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::guarded::Guarded;
use crate::namespaced_name::NamespacedName;

/// The SealedSecrets in memory, and whether that is all of them.
#[derive(Default)]
pub(crate) struct Observed {
    objects: Mutex<HashMap<NamespacedName, Arc<Guarded>>>,
    synced: watch::Sender<Synced>,
}

/// The watches whose first list is complete.
#[derive(Clone, Copy, Default)]
struct Synced {
    sealed_secrets: bool,
    secrets: bool,
}

impl Observed {
    pub(crate) fn get(&self, key: &NamespacedName) -> Option<Arc<Guarded>> {
        self.lock().get(key).cloned()
    }

    /// Takes the latest state of an object in; true if it says something new.
    pub(crate) fn put(&self, object: Guarded) -> bool {
        let object = Arc::new(object);
        let before = self.lock().insert(object.key(), Arc::clone(&object));
        before.is_none_or(|before| object.says_other_than(&before))
    }

    pub(crate) fn remove(&self, key: &NamespacedName) {
        self.lock().remove(key);
    }

    /// Forgets what a complete list did not hold, and says what that was: no watch tells of an object
    /// that went while it was interrupted.
    pub(crate) fn keep_only(&self, listed: &HashSet<NamespacedName>) -> Vec<NamespacedName> {
        let mut objects = self.lock();
        let gone: Vec<NamespacedName> = objects
            .keys()
            .filter(|key| !listed.contains(key))
            .cloned()
            .collect();
        gone.iter().for_each(|key| _ = objects.remove(key));
        gone
    }

    pub(crate) fn names(&self) -> Vec<NamespacedName> {
        self.lock().keys().cloned().collect()
    }

    pub(crate) fn mark_sealed_secrets_synced(&self) {
        self.synced
            .send_modify(|synced| synced.sealed_secrets = true);
    }

    pub(crate) fn mark_secrets_synced(&self) {
        self.synced.send_modify(|synced| synced.secrets = true);
    }

    pub(crate) async fn sealed_secrets_synced(&self) {
        let mut synced = self.synced.subscribe();
        _ = synced.wait_for(|synced| synced.sealed_secrets).await;
    }

    /// Waits for every watch.
    pub(crate) async fn synced(&self) {
        let mut synced = self.synced.subscribe();
        _ = synced
            .wait_for(|synced| synced.sealed_secrets && synced.secrets)
            .await;
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<NamespacedName, Arc<Guarded>>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
