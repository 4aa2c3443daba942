//! Every SealedSecret there is, as last seen.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::guarded::Guarded;
use crate::queue::Key;

/// The SealedSecrets in memory, and whether that is all of them.
#[derive(Default)]
pub(crate) struct Observed {
    objects: Mutex<HashMap<Key, Arc<Guarded>>>,
    synced: watch::Sender<bool>,
}

impl Observed {
    pub(crate) fn get(&self, key: &Key) -> Option<Arc<Guarded>> {
        self.lock().get(key).cloned()
    }

    /// Takes the latest state of an object in; true if it says something new.
    pub(crate) fn put(&self, object: Guarded) -> bool {
        let object = Arc::new(object);
        let before = self.lock().insert(object.key(), Arc::clone(&object));
        before.is_none_or(|before| object.says_other_than(&before))
    }

    pub(crate) fn remove(&self, key: &Key) {
        self.lock().remove(key);
    }

    /// Forgets what a complete list did not hold, and says what that was: no watch tells of an object
    /// that went while it was interrupted.
    pub(crate) fn keep_only(&self, listed: &HashSet<Key>) -> Vec<Key> {
        let mut objects = self.lock();
        let gone: Vec<Key> = objects
            .keys()
            .filter(|key| !listed.contains(key))
            .cloned()
            .collect();
        gone.iter().for_each(|key| _ = objects.remove(key));
        gone
    }

    pub(crate) fn keys(&self) -> Vec<Key> {
        self.lock().keys().cloned().collect()
    }

    pub(crate) fn mark_synced(&self) {
        self.synced.send_replace(true);
    }

    pub(crate) async fn synced(&self) {
        _ = self.synced.subscribe().wait_for(|synced| *synced).await;
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Arc<Guarded>>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
