//! What to reconcile next: every object at most once, new work before old, failed work later, and the
//! namespaces in turn.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::error::SLOWEST;
use crate::namespaced_name::NamespacedName;
use crate::slots::Slots;
use crate::turns::Turns;

/// How urgent work is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// Somebody just changed the object.
    Fresh,
    /// It was there when we came, or it is tried again.
    Backlog,
}

/// The work queue. A key that is worked on is not handed out a second time: if it is added
/// meanwhile, it comes again afterwards.
#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    wake: Notify,
}

/// An object that is being worked on, until this is dropped.
pub(crate) struct InHand {
    pub(crate) key: NamespacedName,
    pub(crate) urgency: Urgency,
    /// Whether it counts among those that are worked on.
    has_slot: AtomicBool,
    queue: Arc<Queue>,
}

#[derive(Default)]
struct State {
    fresh: Turns,
    backlog: Turns,
    later: BTreeMap<(Instant, u64), NamespacedName>,
    /// Those that are worked on.
    slots: Slots,
    sequence: u64,
    entries: HashMap<NamespacedName, Entry>,
}

#[derive(Default)]
struct Entry {
    place: Place,
    failures: u32,
    /// Since when it could have been worked on.
    waits_since: Option<Instant>,
}

/// How much there is to do.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Depth {
    pub(crate) fresh: usize,
    pub(crate) backlog: usize,
    pub(crate) later: usize,
    /// For how long the oldest of the first two has waited.
    pub(crate) oldest: Duration,
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

/// Where it waits, with its number there; the smaller comes sooner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Wait {
    Fresh(u64),
    Backlog(u64),
    Later(Instant, u64),
}

impl Queue {
    /// Adds an object, or moves it forward.
    pub(crate) fn add(&self, key: NamespacedName, urgency: Urgency) {
        self.lock().add_now(key, urgency);
        self.wake.notify_one();
    }

    /// Adds an object for later, unless it waits already.
    pub(crate) fn add_after(&self, key: NamespacedName, delay: Duration) {
        let mut state = self.lock();
        let wait = Wait::Later(Instant::now() + delay, state.number());
        state.add(key, wait);
        drop(state);
        self.wake.notify_one();
    }

    /// The same, but it does not come sooner because it was to be tried again sooner.
    pub(crate) fn postpone(&self, key: NamespacedName, delay: Duration) {
        let mut state = self.lock();
        let place = state.entries.entry(key.clone()).or_default().place;
        if let Place::Waiting(wait @ Wait::Later(..)) = place {
            state.remove(&key, wait);
            state.entries.entry(key.clone()).or_default().place = Place::Nowhere;
        }
        drop(state);
        self.add_after(key, delay);
    }

    /// Brings every object that failed back at once: what it waited for may be there now. One that is
    /// worked on may be failing just now.
    pub(crate) fn retry_failed(&self) {
        let mut state = self.lock();
        let may_fail = |entry: &Entry| {
            entry.failures > 0 || matches!(entry.place, Place::Working | Place::WorkingAgain(_))
        };
        let failed = state.entries.iter().filter(|(_, entry)| may_fail(entry));
        let keys: Vec<NamespacedName> = failed.map(|(key, _)| key.clone()).collect();
        keys.into_iter()
            .for_each(|key| state.add_now(key, Urgency::Backlog));
        drop(state);
        self.wake.notify_one();
    }

    /// Hands out the next object, when there is one and its namespace may have one more.
    pub(crate) async fn next(self: &Arc<Self>) -> InHand {
        loop {
            let woken = self.wake.notified();
            let due = match self.lock().take(Instant::now()) {
                Ok((key, urgency)) => {
                    return InHand {
                        key,
                        urgency,
                        has_slot: AtomicBool::new(true),
                        queue: Arc::clone(self),
                    };
                }
                Err(due) => due,
            };
            match due {
                Some(due) => _ = tokio::time::timeout_at(due, woken).await,
                None => woken.await,
            }
        }
    }

    pub(crate) fn depth(&self, now: Instant) -> Depth {
        let state = self.lock();
        let waiting = state.entries.values().filter_map(|entry| entry.waits_since);
        Depth {
            fresh: state.fresh.len(),
            backlog: state.backlog.len(),
            later: state.later.len(),
            oldest: waiting
                .min()
                .map_or(Duration::ZERO, |since| now.saturating_duration_since(since)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl InHand {
    /// Notes a failure and says how many there were in a row.
    pub(crate) fn failed(&self) -> u32 {
        let mut state = self.queue.lock();
        let entry = state.entries.entry(self.key.clone()).or_default();
        entry.failures = entry.failures.saturating_add(1);
        entry.failures
    }

    /// Forgets the failures of the object.
    pub(crate) fn succeeded(&self) {
        if let Some(entry) = self.queue.lock().entries.get_mut(&self.key) {
            entry.failures = 0;
        }
    }

    /// Lets another object be worked on meanwhile: with this one there is nothing to do but to wait.
    pub(crate) fn leave_slot(&self) {
        if self.has_slot.swap(false, Ordering::Relaxed) {
            self.queue.lock().slots.free(&self.key.namespace);
            self.queue.wake.notify_one();
        }
    }

    /// Lets the object come again, unless it comes sooner anyway.
    pub(crate) fn again_after(&self, delay: Duration) {
        self.queue.add_after(self.key.clone(), delay);
    }
}

impl Drop for InHand {
    /// Ends the work, however it ended: an object whose work panicked comes again, much later.
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.failed();
            self.again_after(SLOWEST);
        }
        self.leave_slot();
        let mut state = self.queue.lock();
        if let Some(entry) = state.entries.get_mut(&self.key) {
            match std::mem::take(&mut entry.place) {
                Place::WorkingAgain(wait) => state.add(self.key.clone(), wait),
                _ if entry.failures == 0 => _ = state.entries.remove(&self.key),
                _ => {}
            }
        }
        drop(state);
        self.queue.wake.notify_one();
    }
}

impl State {
    fn number(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    fn add_now(&mut self, key: NamespacedName, urgency: Urgency) {
        let number = self.number();
        let wait = match urgency {
            Urgency::Fresh => Wait::Fresh(number),
            Urgency::Backlog => Wait::Backlog(number),
        };
        self.add(key, wait);
    }

    fn add(&mut self, key: NamespacedName, wait: Wait) {
        let place = self.entries.entry(key.clone()).or_default().place;
        let place = match place {
            Place::Waiting(present) | Place::WorkingAgain(present) if present <= wait => return,
            Place::Waiting(present) => {
                self.remove(&key, present);
                self.insert(&key, wait);
                Place::Waiting(wait)
            }
            Place::Nowhere => {
                self.insert(&key, wait);
                Place::Waiting(wait)
            }
            Place::Working | Place::WorkingAgain(_) => Place::WorkingAgain(wait),
        };
        self.entries.entry(key).or_default().place = place;
    }

    /// The next key, or the instant at which there may be one.
    fn take(&mut self, now: Instant) -> Result<(NamespacedName, Urgency), Option<Instant>> {
        self.move_what_is_due(now);
        if self.slots.are_taken() {
            return Err(None); // whoever gives one back wakes us
        }
        let next = [
            (&mut self.fresh, Urgency::Fresh),
            (&mut self.backlog, Urgency::Backlog),
        ]
        .into_iter()
        .find_map(|(turns, urgency)| {
            self.sequence += 1;
            let may = |namespace: &str| self.slots.has_room(namespace);
            Some((turns.next(self.sequence, may)?, urgency))
        });
        let (key, urgency) =
            next.ok_or_else(|| self.later.first_key_value().map(|((due, _), _)| *due))?;
        self.slots.take(&key.namespace);
        let entry = self.entries.entry(key.clone()).or_default();
        entry.place = Place::Working;
        entry.waits_since = None;
        Ok((key, urgency))
    }

    fn move_what_is_due(&mut self, now: Instant) {
        while let Some(due) = self.later.first_entry().filter(|due| due.key().0 <= now) {
            let (since, _) = *due.key();
            let key = due.remove();
            let number = self.number();
            self.backlog.add(number, &key);
            let entry = self.entries.entry(key).or_default();
            entry.place = Place::Waiting(Wait::Backlog(number));
            entry.waits_since = Some(since);
        }
    }

    fn insert(&mut self, key: &NamespacedName, wait: Wait) {
        if let Wait::Fresh(_) | Wait::Backlog(_) = wait {
            let entry = self.entries.entry(key.clone()).or_default();
            entry.waits_since.get_or_insert_with(Instant::now);
        }
        match wait {
            Wait::Fresh(number) => self.fresh.add(number, key),
            Wait::Backlog(number) => self.backlog.add(number, key),
            Wait::Later(due, number) => _ = self.later.insert((due, number), key.clone()),
        }
    }

    fn remove(&mut self, key: &NamespacedName, wait: Wait) {
        match wait {
            Wait::Fresh(number) => self.fresh.remove(number, &key.namespace),
            Wait::Backlog(number) => self.backlog.remove(number, &key.namespace),
            Wait::Later(due, number) => _ = self.later.remove(&(due, number)),
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

    fn key_in(namespace: &str, name: usize) -> NamespacedName {
        NamespacedName {
            namespace: namespace.into(),
            name: name.to_string(),
        }
    }

    fn queue() -> Arc<Queue> {
        Arc::default()
    }

    async fn is_idle(queue: &Arc<Queue>) -> bool {
        tokio::time::timeout(Duration::from_secs(9), queue.next())
            .await
            .is_err()
    }

    #[tokio::test(start_paused = true)]
    async fn hands_out_new_work_before_the_backlog() {
        let queue = queue();
        queue.add(key("old"), Urgency::Backlog);
        queue.add(key("new"), Urgency::Fresh);
        assert_eq!(queue.next().await.key, key("new"));
        assert_eq!(queue.next().await.key, key("old"));
    }

    #[tokio::test(start_paused = true)]
    async fn holds_an_object_once_and_moves_it_forward() {
        let queue = queue();
        queue.add(key("a"), Urgency::Backlog);
        queue.add(key("b"), Urgency::Backlog);
        queue.add(key("b"), Urgency::Fresh);
        queue.add(key("b"), Urgency::Backlog);
        assert_eq!(queue.next().await.key, key("b"));
        assert_eq!(queue.next().await.key, key("a"));
        assert!(is_idle(&queue).await);
    }

    #[tokio::test(start_paused = true)]
    async fn tells_how_much_there_is_to_do_and_for_how_long_it_has_waited() {
        let queue = queue();
        let second = Duration::from_secs(1);
        queue.add(key("old"), Urgency::Backlog);
        queue.add_after(key("later"), 9 * second);
        tokio::time::advance(2 * second).await;
        queue.add(key("new"), Urgency::Fresh);
        queue.add(key("old"), Urgency::Fresh); // which has waited all the same
        tokio::time::advance(second).await;
        let depth = Depth {
            fresh: 2,
            backlog: 0,
            later: 1,
            oldest: 3 * second,
        };
        assert_eq!(queue.depth(Instant::now()), depth);
        let working = [queue.next().await, queue.next().await];
        let depth = Depth {
            later: 1,
            ..Depth::default()
        };
        assert_eq!(queue.depth(Instant::now()), depth);
        drop(working);
    }

    #[tokio::test(start_paused = true)]
    async fn never_hands_out_an_object_that_is_worked_on() {
        let queue = queue();
        queue.add(key("a"), Urgency::Fresh);
        let in_hand = queue.next().await;
        queue.add(key("a"), Urgency::Fresh);
        assert!(is_idle(&queue).await);
        drop(in_hand);
        assert_eq!(queue.next().await.key, key("a"));
    }

    #[tokio::test(start_paused = true)]
    async fn waits_as_long_as_it_was_told() {
        let queue = queue();
        let start = Instant::now();
        queue.add_after(key("b"), Duration::from_secs(60));
        queue.add_after(key("a"), Duration::from_secs(30));
        assert_eq!(queue.next().await.key, key("a"));
        assert_eq!(start.elapsed().as_secs(), 30);
        assert_eq!(queue.next().await.key, key("b"));
        assert_eq!(start.elapsed().as_secs(), 60);
    }

    #[tokio::test(start_paused = true)]
    async fn postpones_what_was_to_be_tried_again_but_nothing_that_is_new() {
        let queue = queue();
        let start = Instant::now();
        queue.add_after(key("a"), Duration::from_millis(10));
        queue.add(key("b"), Urgency::Fresh);
        for name in ["a", "b", "c"] {
            queue.postpone(key(name), Duration::from_secs(1));
        }
        assert_eq!(queue.next().await.key, key("b"));
        assert_eq!(start.elapsed().as_millis(), 0);
        assert_eq!(queue.next().await.key, key("a"));
        assert_eq!(queue.next().await.key, key("c"));
        assert_eq!(start.elapsed().as_secs(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn brings_failed_objects_back_when_asked_but_behind_new_work() {
        let queue = queue();
        queue.add(key("a"), Urgency::Fresh);
        let in_hand = queue.next().await;
        assert_eq!(in_hand.failed(), 1);
        in_hand.again_after(Duration::from_secs(300));
        drop(in_hand);
        let start = Instant::now();
        queue.retry_failed();
        queue.add(key("new"), Urgency::Fresh);
        assert_eq!(queue.next().await.key, key("new"));
        let in_hand = queue.next().await;
        assert_eq!((&in_hand.key, start.elapsed().as_secs()), (&key("a"), 0));
        assert_eq!(in_hand.failed(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn brings_back_what_was_worked_on_when_it_was_asked_for_what_failed() {
        let queue = queue();
        queue.add(key("a"), Urgency::Fresh);
        let in_hand = queue.next().await;
        queue.retry_failed();
        in_hand.failed();
        in_hand.again_after(Duration::from_secs(300));
        drop(in_hand);
        let start = Instant::now();
        assert_eq!(queue.next().await.key, key("a"));
        assert_eq!(start.elapsed().as_secs(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn forgets_failures_on_success() {
        let queue = queue();
        queue.add(key("a"), Urgency::Fresh);
        let in_hand = queue.next().await;
        in_hand.failed();
        in_hand.succeeded();
        assert_eq!(in_hand.failed(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn lets_an_object_come_again_whose_work_panicked() {
        let queue = queue();
        queue.add(key("a"), Urgency::Fresh);
        let in_hand = queue.next().await;
        let work = tokio::spawn(async move {
            let _in_hand = in_hand;
            panic!("a bug");
        });
        assert!(work.await.is_err());
        let start = Instant::now();
        assert_eq!(queue.next().await.key, key("a"));
        assert_eq!(start.elapsed(), SLOWEST);
    }

    #[tokio::test(start_paused = true)]
    async fn a_thousand_objects_of_one_namespace_are_in_nobodys_way() {
        let queue = queue();
        for name in 0..1000 {
            queue.add(key_in("many", name), Urgency::Fresh);
        }
        let mut in_hand = Vec::new();
        while let Ok(next) = tokio::time::timeout(Duration::from_secs(1), queue.next()).await {
            in_hand.push(next);
        }
        assert_eq!(in_hand.len(), 32);
        // There is always a slot for somebody else: for what is new, and for what was there.
        queue.add(key_in("old", 1), Urgency::Backlog);
        assert_eq!(queue.next().await.key, key_in("old", 1));
        queue.add(key_in("new", 1), Urgency::Fresh);
        assert_eq!(queue.next().await.key, key_in("new", 1));
        in_hand.clear();
        queue.add(key_in("new", 2), Urgency::Fresh);
        let next = [queue.next().await, queue.next().await];
        let next = next.each_ref().map(|next| &*next.key.namespace);
        assert_eq!(next, ["many", "new"]);
    }

    #[tokio::test(start_paused = true)]
    async fn remembers_nothing_of_what_is_done() {
        let queue = queue();
        for name in 0..5000 {
            queue.add(key_in("n", name), Urgency::Backlog);
            queue.add_after(key_in("n", name + 5000), Duration::from_secs(1));
            queue.add(key_in("n", name), Urgency::Fresh);
        }
        for _ in 0..10_000 {
            drop(queue.next().await);
        }
        assert_eq!(queue.depth(Instant::now()), Depth::default());
        assert!(queue.lock().entries.is_empty());
    }
}
