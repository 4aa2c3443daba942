//! A Secret that somebody else keeps changing back is not written for ever.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
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

impl Pace {
    /// Counts a write that is about to happen; false if there were too many.
    pub(crate) fn allows(&self, key: &NamespacedName, said: &Said) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let is_past = |write: &Instant| now.duration_since(*write) >= PERIOD;
        if all.len() > 1000 {
            all.retain(|_, writes| writes.at.back().is_some_and(|last| !is_past(last)));
        }
        let fresh = || Writes {
            said: said.clone(),
            at: VecDeque::new(),
        };
        let writes = all.entry(key.clone()).or_insert_with(fresh);
        if writes.said != *said {
            *writes = fresh();
        }
        while writes.at.front().is_some_and(is_past) {
            writes.at.pop_front();
        }
        let is_allowed = writes.at.len() < WRITES;
        if is_allowed {
            writes.at.push_back(now);
        }
        is_allowed
    }
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
            pace.allows(&key, &said(generation))
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
}
