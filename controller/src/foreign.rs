//! Where a Secret of somebody else stood lately: it may come back from where it came, and gets a moment to do
//! so, whatever it is that would make ours in its place.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use tokio::time::Instant;

use crate::follow::Change;
use crate::namespaced_name::NamespacedName;
use crate::ownership::belongs_to;

/// A Secret that was not ours may come back: it gets this long to do so.
pub(crate) const UNCLEAR: Duration = Duration::from_secs(1);
/// So many Secrets are remembered; of more, what is forgotten gets no moment.
const REMEMBERED: usize = 1 << 18;

/// A Secret of somebody else was there just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("somebody else's Secret was there just now")]
pub(crate) struct JustGone {
    /// How much of its moment is left.
    pub(crate) left: Duration,
}

/// The Secrets of somebody else, as hashes of their names: there may be many, and a false one costs a moment.
#[derive(Default)]
pub(crate) struct Foreign {
    known: Mutex<Known>,
    hasher: RandomState,
}

#[derive(Default)]
struct Known {
    there: HashSet<u64>,
    /// Those that went less than a moment ago, in order.
    gone: VecDeque<(Instant, u64)>,
}

impl Foreign {
    /// Takes in what the watch of Secrets tells.
    pub(crate) fn note(&self, change: &Change<impl ResourceExt>) {
        match change {
            Change::Listed(secret) | Change::Changed(secret) => self.note_there(secret),
            Change::Gone(secret) => {
                self.note_there(secret); // it may have become somebody else's with its end
                let name = self.hash(&NamespacedName::of(secret));
                self.lock().note_gone(name);
            }
            _ => {}
        }
    }

    /// Asks whether a Secret may be made that is not there; the watch may not have told yet that one went.
    /// One that is there is taken in.
    pub(crate) fn ask(&self, key: &NamespacedName, live: Option<&Secret>) -> Result<(), JustGone> {
        if let Some(live) = live {
            self.note_there(live);
            return Ok(());
        }
        let name = self.hash(key);
        let mut known = self.lock();
        known.note_gone(name);
        let gone = known.gone.iter().rev().find(|(_, gone)| *gone == name);
        match gone {
            Some((at, _)) => Err(JustGone {
                left: UNCLEAR.saturating_sub(at.elapsed()),
            }),
            None => Ok(()),
        }
    }

    fn note_there(&self, secret: &impl ResourceExt) {
        let key = NamespacedName::of(secret);
        let name = self.hash(&key);
        let mut known = self.lock();
        if belongs_to(secret, &key.name) {
            known.there.remove(&name);
            return;
        }
        if known.there.len() >= REMEMBERED {
            known.there.clear();
        }
        known.there.insert(name);
    }

    fn hash(&self, key: &NamespacedName) -> u64 {
        self.hasher.hash_one(key)
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// Notes that what was there, if anything was, is gone now; forgets whose moment is over.
    fn note_gone(&mut self, name: u64) {
        let is_over = |(at, _): &(Instant, u64)| at.elapsed() >= UNCLEAR;
        while self.gone.front().is_some_and(is_over) || self.gone.len() >= REMEMBERED {
            self.gone.pop_front();
        }
        if self.there.remove(&name) {
            self.gone.push_back((Instant::now(), name));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn key() -> NamespacedName {
        NamespacedName {
            namespace: "shop".into(),
            name: "db".into(),
        }
    }

    fn secret(more: Value) -> Secret {
        let mut secret = json!({ "metadata": { "name": "db", "namespace": "shop" } });
        for (field, value) in more.as_object().unwrap() {
            secret["metadata"][field] = value.clone();
        }
        serde_json::from_value(secret).unwrap()
    }

    fn theirs() -> Secret {
        secret(json!({}))
    }

    fn ours() -> Secret {
        let owner = json!({
            "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "name": "db", "uid": "u", "controller": true,
        });
        secret(json!({ "ownerReferences": [owner] }))
    }

    async fn waits(foreign: &Foreign) -> Option<u128> {
        let asked = foreign.ask(&key(), None);
        asked.err().map(|gone| gone.left.as_millis())
    }

    #[tokio::test(start_paused = true)]
    async fn gives_a_secret_that_went_a_moment_to_come_back() {
        let foreign = Foreign::default();
        foreign.note(&Change::Gone(theirs()));
        assert_eq!(waits(&foreign).await, Some(1000));
        tokio::time::advance(Duration::from_millis(300)).await;
        assert_eq!(waits(&foreign).await, Some(700));
        tokio::time::advance(Duration::from_millis(700)).await;
        assert_eq!(waits(&foreign).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn knows_that_one_went_before_the_watch_tells() {
        let foreign = Foreign::default();
        foreign.note(&Change::Listed(theirs()));
        assert_eq!(waits(&foreign).await, Some(1000));
        tokio::time::advance(UNCLEAR).await;
        assert_eq!(waits(&foreign).await, None);
        // Who may not watch has seen it when it looked.
        foreign.ask(&key(), Some(&theirs())).unwrap();
        assert_eq!(waits(&foreign).await, Some(1000));
        foreign.note(&Change::Gone(theirs()));
        assert_eq!(waits(&foreign).await, Some(1000));
    }

    #[tokio::test(start_paused = true)]
    async fn makes_its_own_again_at_once() {
        let foreign = Foreign::default();
        assert_eq!(waits(&foreign).await, None);
        foreign.note(&Change::Changed(ours()));
        assert_eq!(waits(&foreign).await, None);
        foreign.note(&Change::Gone(ours()));
        assert_eq!(waits(&foreign).await, None);
        foreign.note(&Change::Changed(theirs()));
        foreign.note(&Change::Changed(ours()));
        assert_eq!(waits(&foreign).await, None);
    }
}
