//! A Secret that somebody else keeps changing back is not written for ever.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::in_sync::Said;
use crate::namespaced_name::NamespacedName;

/// So many writes of one Secret in so much time are enough, while its SealedSecret stays as it is.
const WRITES: usize = 10;
pub(crate) const PERIOD: Duration = Duration::from_secs(60);

/// When each Secret was written lately for what its SealedSecret says.
#[derive(Default)]
pub(crate) struct Pace(Mutex<HashMap<NamespacedName, Writes>>);

struct Writes {
    said: Said,
    at: VecDeque<Instant>,
}

/// Leave to write one Secret for what its SealedSecret says, as often as that is allowed.
pub(crate) struct Leave<'a> {
    pace: &'a Pace,
    key: &'a NamespacedName,
    said: &'a Said,
}

impl Pace {
    pub(crate) fn leave<'a>(&'a self, key: &'a NamespacedName, said: &'a Said) -> Leave<'a> {
        Leave {
            pace: self,
            key,
            said,
        }
    }
}

impl Leave<'_> {
    /// Whether there were not too many writes.
    pub(crate) fn is_given(&self) -> bool {
        let all = self.lock();
        let writes = all.get(self.key).filter(|writes| writes.said == *self.said);
        let now = Instant::now();
        let lately = |writes: &Writes| writes.at.iter().filter(|at| is_lately(at, now)).count();
        writes.map_or(0, lately) < WRITES
    }

    /// Counts a write that happened: one that was refused changed nothing, and nobody will change it back.
    pub(crate) fn used(&self) {
        let mut all = self.lock();
        let now = Instant::now();
        if all.len() > 1000 {
            all.retain(|_, writes| writes.at.back().is_some_and(|last| is_lately(last, now)));
        }
        let fresh = || Writes {
            said: self.said.clone(),
            at: VecDeque::new(),
        };
        let writes = all.entry(self.key.clone()).or_insert_with(fresh);
        if writes.said != *self.said {
            *writes = fresh();
        }
        writes.at.retain(|at| is_lately(at, now));
        writes.at.push_back(now);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<NamespacedName, Writes>> {
        self.pace.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_lately(write: &Instant, now: Instant) -> bool {
    now.duration_since(*write) < PERIOD
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(generation: i64) -> Said {
        let object = serde_json::json!({
            "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
            "metadata": { "generation": generation }, "spec": { "encryptedData": {} },
        });
        Said::by(&sealing::SealedSecret::from_value(&object).unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn allows_ten_writes_a_minute_of_each_secret_that_stays_the_same() {
        let pace = Pace::default();
        let allows = |name: &str, generation| {
            let key = NamespacedName {
                namespace: "n".into(),
                name: name.into(),
            };
            let said = said(generation);
            let leave = pace.leave(&key, &said);
            let is_given = leave.is_given();
            if is_given {
                leave.used();
            }
            is_given
        };
        for _ in 0..WRITES {
            assert!(allows("a", 1));
        }
        assert!(!allows("a", 1) && allows("b", 1));
        assert!(allows("a", 2));
        for _ in 1..WRITES {
            assert!(allows("a", 2));
        }
        assert!(!allows("a", 2));
        tokio::time::advance(PERIOD).await;
        assert!(allows("a", 2));
    }

    #[tokio::test(start_paused = true)]
    async fn counts_no_write_that_did_not_happen() {
        let (pace, said) = (Pace::default(), said(1));
        let key = NamespacedName {
            namespace: "n".into(),
            name: "a".into(),
        };
        let leave = pace.leave(&key, &said);
        assert!((0..2 * WRITES).all(|_| leave.is_given()));
    }
}
