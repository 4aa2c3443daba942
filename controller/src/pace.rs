//! A Secret that somebody else keeps changing back is not written for ever.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::namespaced_name::NamespacedName;

/// So many writes of one Secret in so much time are enough.
const WRITES: usize = 10;
pub(crate) const PERIOD: Duration = Duration::from_secs(60);

/// When each Secret was written lately.
#[derive(Default)]
pub(crate) struct Pace(Mutex<HashMap<NamespacedName, VecDeque<Instant>>>);

impl Pace {
    /// Counts a write that is about to happen; false if there were too many.
    pub(crate) fn allows(&self, key: &NamespacedName) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let is_past = |write: &Instant| now.duration_since(*write) >= PERIOD;
        if all.len() > 1000 {
            all.retain(|_, writes| writes.back().is_some_and(|last| !is_past(last)));
        }
        let writes = all.entry(key.clone()).or_default();
        while writes.front().is_some_and(is_past) {
            writes.pop_front();
        }
        let is_allowed = writes.len() < WRITES;
        if is_allowed {
            writes.push_back(now);
        }
        is_allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn allows_ten_writes_a_minute_of_each_secret() {
        let pace = Pace::default();
        let key = |name: &str| NamespacedName {
            namespace: "n".into(),
            name: name.into(),
        };
        for _ in 0..WRITES {
            assert!(pace.allows(&key("a")));
        }
        assert!(!pace.allows(&key("a")) && pace.allows(&key("b")));
        tokio::time::advance(PERIOD).await;
        assert!(pace.allows(&key("a")));
    }
}
