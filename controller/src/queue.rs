//! What to reconcile next: every object at most once, new work before old, failed work later.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::namespaced_name::NamespacedName;

/// How urgent work is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// Somebody just changed the object.
    Fresh,
    /// It was there when we came.
    Backlog,
}

/// The work queue. A key that is worked on is not handed out a second time: if it is added
/// meanwhile, it comes again afterwards.
#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    wake: Notify,
}

#[derive(Default)]
struct State {
    fresh: VecDeque<NamespacedName>,
    backlog: VecDeque<NamespacedName>,
    later: BTreeMap<(Instant, u64), NamespacedName>,
    sequence: u64,
    entries: HashMap<NamespacedName, Entry>,
}

#[derive(Default)]
struct Entry {
    place: Place,
    failures: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Nowhere,
    Waiting(Wait),
    Working,
    /// Working, and added again meanwhile.
    WorkingAgain(Wait),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    Fresh,
    Backlog,
    Later(Instant, u64),
}

impl Queue {
    /// Adds an object, or moves it forward.
    pub(crate) fn add(&self, key: NamespacedName, urgency: Urgency) {
        let wait = match urgency {
            Urgency::Fresh => Wait::Fresh,
            Urgency::Backlog => Wait::Backlog,
        };
        self.lock().add(key, wait);
        self.wake.notify_one();
    }

    /// Adds an object for later, unless it waits already.
    pub(crate) fn add_after(&self, key: NamespacedName, delay: Duration) {
        let mut state = self.lock();
        state.sequence += 1;
        let wait = Wait::Later(Instant::now() + delay, state.sequence);
        state.add(key, wait);
        drop(state);
        self.wake.notify_one();
    }

    /// Brings every object that failed back at once: what it waited for may be there now.
    pub(crate) fn retry_failed(&self) {
        let mut state = self.lock();
        let failed = state.entries.iter().filter(|(_, entry)| entry.failures > 0);
        let keys: Vec<NamespacedName> = failed.map(|(key, _)| key.clone()).collect();
        keys.into_iter().for_each(|key| state.add(key, Wait::Fresh));
        drop(state);
        self.wake.notify_one();
    }

    /// Hands out the next object, when there is one.
    pub(crate) async fn next(&self) -> NamespacedName {
        loop {
            let woken = self.wake.notified();
            let due = match self.lock().take(Instant::now()) {
                Ok(key) => {
                    self.wake.notify_one(); // another worker may find more
                    return key;
                }
                Err(due) => due,
            };
            match due {
                Some(due) => _ = tokio::time::timeout_at(due, woken).await,
                None => woken.await,
            }
        }
    }

    /// Notes a failure and says how many there were in a row.
    pub(crate) fn failed(&self, key: &NamespacedName) -> u32 {
        let mut state = self.lock();
        let entry = state.entries.entry(key.clone()).or_default();
        entry.failures = entry.failures.saturating_add(1);
        entry.failures
    }

    /// Forgets the failures of an object.
    pub(crate) fn succeeded(&self, key: &NamespacedName) {
        if let Some(entry) = self.lock().entries.get_mut(key) {
            entry.failures = 0;
        }
    }

    /// Ends the work on an object that `next` handed out.
    pub(crate) fn done(&self, key: &NamespacedName) {
        let mut state = self.lock();
        if let Some(entry) = state.entries.get_mut(key) {
            match std::mem::take(&mut entry.place) {
                Place::WorkingAgain(wait) => state.add(key.clone(), wait),
                _ if entry.failures == 0 => _ = state.entries.remove(key),
                _ => {}
            }
        }
        drop(state);
        self.wake.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn add(&mut self, key: NamespacedName, wait: Wait) {
        let place = self.entries.entry(key.clone()).or_default().place;
        let place = match place {
            Place::Waiting(present) if !wait.is_sooner_than(present) => return,
            Place::Waiting(present) => {
                self.remove(&key, present);
                self.insert(&key, wait);
                Place::Waiting(wait)
            }
            Place::Nowhere => {
                self.insert(&key, wait);
                Place::Waiting(wait)
            }
            Place::WorkingAgain(present) if !wait.is_sooner_than(present) => return,
            Place::Working | Place::WorkingAgain(_) => Place::WorkingAgain(wait),
        };
        self.entries.entry(key).or_default().place = place;
    }

    /// The next key, or the instant at which there is one.
    fn take(&mut self, now: Instant) -> Result<NamespacedName, Option<Instant>> {
        while let Some(due) = self.later.first_entry().filter(|due| due.key().0 <= now) {
            let key = due.remove();
            self.entries.entry(key.clone()).or_default().place = Place::Waiting(Wait::Backlog);
            self.backlog.push_back(key);
        }
        let key = self.fresh.pop_front().or_else(|| self.backlog.pop_front());
        let key = key.ok_or_else(|| self.later.first_key_value().map(|((due, _), _)| *due))?;
        self.entries.entry(key.clone()).or_default().place = Place::Working;
        Ok(key)
    }

    fn insert(&mut self, key: &NamespacedName, wait: Wait) {
        match wait {
            Wait::Fresh => self.fresh.push_back(key.clone()),
            Wait::Backlog => self.backlog.push_back(key.clone()),
            Wait::Later(due, sequence) => _ = self.later.insert((due, sequence), key.clone()),
        }
    }

    fn remove(&mut self, key: &NamespacedName, wait: Wait) {
        match wait {
            Wait::Fresh => self.fresh.retain(|waiting| waiting != key),
            Wait::Backlog => self.backlog.retain(|waiting| waiting != key),
            Wait::Later(due, sequence) => _ = self.later.remove(&(due, sequence)),
        }
    }
}

impl Wait {
    fn is_sooner_than(self, other: Self) -> bool {
        match (self, other) {
            (Self::Fresh, Self::Backlog | Self::Later(..)) | (Self::Backlog, Self::Later(..)) => {
                true
            }
            (Self::Later(due, _), Self::Later(present, _)) => due < present,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> NamespacedName {
        NamespacedName {
            namespace: "n".into(),
            name: name.into(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn hands_out_new_work_before_the_backlog() {
        let queue = Queue::default();
        queue.add(key("old"), Urgency::Backlog);
        queue.add(key("new"), Urgency::Fresh);
        assert_eq!(queue.next().await, key("new"));
        assert_eq!(queue.next().await, key("old"));
    }

    #[tokio::test(start_paused = true)]
    async fn holds_an_object_once_and_moves_it_forward() {
        let queue = Queue::default();
        queue.add(key("a"), Urgency::Backlog);
        queue.add(key("b"), Urgency::Backlog);
        queue.add(key("b"), Urgency::Fresh);
        queue.add(key("b"), Urgency::Backlog);
        assert_eq!(queue.next().await, key("b"));
        assert_eq!(queue.next().await, key("a"));
        assert!(
            tokio::time::timeout(Duration::from_secs(9), queue.next())
                .await
                .is_err()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn never_hands_out_an_object_that_is_worked_on() {
        let queue = Queue::default();
        queue.add(key("a"), Urgency::Fresh);
        assert_eq!(queue.next().await, key("a"));
        queue.add(key("a"), Urgency::Fresh);
        assert!(
            tokio::time::timeout(Duration::from_secs(9), queue.next())
                .await
                .is_err()
        );
        queue.done(&key("a"));
        assert_eq!(queue.next().await, key("a"));
    }

    #[tokio::test(start_paused = true)]
    async fn waits_as_long_as_it_was_told() {
        let queue = Queue::default();
        let start = Instant::now();
        queue.add_after(key("b"), Duration::from_secs(60));
        queue.add_after(key("a"), Duration::from_secs(30));
        assert_eq!(
            (queue.next().await, start.elapsed().as_secs()),
            (key("a"), 30)
        );
        assert_eq!(
            (queue.next().await, start.elapsed().as_secs()),
            (key("b"), 60)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn brings_failed_objects_back_when_asked() {
        let queue = Queue::default();
        queue.add(key("a"), Urgency::Fresh);
        queue.next().await;
        assert_eq!(queue.failed(&key("a")), 1);
        queue.add_after(key("a"), Duration::from_secs(300));
        queue.done(&key("a"));
        queue.retry_failed();
        let start = Instant::now();
        assert_eq!(
            (queue.next().await, start.elapsed().as_secs()),
            (key("a"), 0)
        );
        assert_eq!(queue.failed(&key("a")), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn forgets_failures_on_success() {
        let queue = Queue::default();
        queue.failed(&key("a"));
        queue.succeeded(&key("a"));
        assert_eq!(queue.failed(&key("a")), 1);
    }
}
