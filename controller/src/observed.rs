//! Every SealedSecret there is, as last seen, and the version of the Secret beside it.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::foreign::Foreign;
use crate::guarded::Guarded;
use crate::namespaced_name::NamespacedName;
use crate::scope::Scope;

/// The SealedSecrets in memory, and whether that is all of them.
#[derive(Default)]
pub(crate) struct Observed {
    objects: Mutex<HashMap<NamespacedName, Seen>>,
    pub(crate) foreign: Foreign,
    /// The watches whose first list is not complete.
    unsynced: watch::Sender<BTreeSet<String>>,
}

struct Seen {
    sealed: Arc<Guarded>,
    /// Of Secrets that have no SealedSecret nothing is kept.
    secret: Option<SecretVersion>,
}

/// Which Secret, and which version of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SecretVersion {
    pub(crate) uid: String,
    pub(crate) resource_version: String,
}

impl SecretVersion {
    pub(crate) fn of(secret: &impl kube::ResourceExt) -> Self {
        Self {
            uid: secret.uid().unwrap_or_default(),
            resource_version: secret.resource_version().unwrap_or_default(),
        }
    }
}

impl Observed {
    /// Nothing yet, and these watches are to come.
    pub(crate) fn until_synced(watches: BTreeSet<String>) -> Self {
        Self {
            objects: Mutex::default(),
            foreign: Foreign::default(),
            unsynced: watch::Sender::new(watches),
        }
    }

    pub(crate) fn get(&self, key: &NamespacedName) -> Option<Arc<Guarded>> {
        Some(Arc::clone(&self.lock().get(key)?.sealed))
    }

    /// The version of the Secret beside a SealedSecret, as far as one was seen.
    pub(crate) fn secret(&self, key: &NamespacedName) -> Option<SecretVersion> {
        self.lock().get(key)?.secret.clone()
    }

    /// Takes the latest state of an object in; true if it says something new.
    pub(crate) fn put(&self, object: Guarded) -> bool {
        let sealed = Arc::new(object);
        let mut objects = self.lock();
        match objects.get_mut(&sealed.key()) {
            Some(seen) => {
                let before = std::mem::replace(&mut seen.sealed, Arc::clone(&sealed));
                sealed.says_other_than(&before)
            }
            None => {
                let seen = Seen {
                    sealed: Arc::clone(&sealed),
                    secret: None,
                };
                objects.insert(sealed.key(), seen);
                true
            }
        }
    }

    /// Takes the latest version of a Secret in, or that there is none; true if it has a SealedSecret
    /// and that is news.
    pub(crate) fn put_secret(&self, key: &NamespacedName, secret: Option<SecretVersion>) -> bool {
        match self.lock().get_mut(key) {
            Some(seen) => std::mem::replace(&mut seen.secret, secret.clone()) != secret,
            None => false,
        }
    }

    pub(crate) fn remove(&self, key: &NamespacedName) {
        self.lock().remove(key);
    }

    /// Forgets what a complete list of a scope did not hold, and says what that was: no watch tells of
    /// an object that went while it was interrupted.
    pub(crate) fn keep_only(
        &self,
        scope: &Scope,
        listed: &HashSet<NamespacedName>,
    ) -> Vec<NamespacedName> {
        let mut objects = self.lock();
        let is_gone = |key: &&NamespacedName| scope.holds(key) && !listed.contains(*key);
        let gone: Vec<NamespacedName> = objects.keys().filter(is_gone).cloned().collect();
        gone.iter().for_each(|key| _ = objects.remove(key));
        gone
    }

    pub(crate) fn names(&self, scope: &Scope) -> Vec<NamespacedName> {
        let objects = self.lock();
        objects
            .keys()
            .filter(|key| scope.holds(key))
            .cloned()
            .collect()
    }

    pub(crate) fn mark_synced(&self, watch: &str) {
        self.unsynced
            .send_modify(|unsynced| _ = unsynced.remove(watch));
    }

    /// Waits for one watch.
    pub(crate) async fn synced(&self, watch: &str) {
        let mut unsynced = self.unsynced.subscribe();
        _ = unsynced
            .wait_for(|unsynced| !unsynced.contains(watch))
            .await;
    }

    /// Waits for every watch.
    pub(crate) async fn all_synced(&self) {
        let mut unsynced = self.unsynced.subscribe();
        _ = unsynced.wait_for(BTreeSet::is_empty).await;
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<NamespacedName, Seen>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
