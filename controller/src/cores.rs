//! Who computes: as many at once as there are cores, and every namespace gets its share of them.
//!
//! A namespace is charged for the time in which it has cores, and the next core goes to the one that had
//! least. New work has a head start before old. What takes long asks between its steps whether somebody
//! else should go on, so nobody waits for the end of what somebody else began; and where it does not ask,
//! whoever should go on does so beside it.

mod shares;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::queue::Urgency;
use shares::{Claim, Shares};

/// So soon whoever should go on is given way to, or does so without that.
const PATIENCE: Duration = Duration::from_millis(2);
const LONGEST: Duration = Duration::from_secs(1);
const REMEMBERED: &str = "nobody who waits is forgotten";

/// The cores, and who waits for one.
pub(crate) struct Cores(Mutex<State>);

/// The right to compute on one core, until this is dropped.
pub(crate) struct Core {
    cores: Arc<Cores>,
    claim: Claim,
}

struct State {
    count: usize,
    free: usize,
    /// So many more are in use than there are.
    lent: usize,
    shares: Shares,
    waiting: Vec<(Claim, oneshot::Sender<Core>)>,
}

impl Cores {
    pub(crate) fn new(count: usize) -> Self {
        Self(Mutex::new(State {
            count,
            free: count,
            lent: 0,
            shares: Shares::default(),
            waiting: Vec::new(),
        }))
    }

    /// Waits for a core.
    pub(crate) async fn acquire(self: &Arc<Self>, namespace: &str, urgency: Urgency) -> Core {
        let mut core = {
            let mut state = self.lock();
            let claim = state.shares.claim(namespace, urgency);
            state.wait(claim)
        };
        self.hand_out();
        let mut patience = PATIENCE;
        loop {
            if let Ok(core) = timeout(patience, &mut core).await {
                return core.expect(REMEMBERED);
            }
            patience = LONGEST.min(2 * patience);
            self.lock().lend(Instant::now());
            self.hand_out();
        }
    }

    /// Whether somebody is on every core.
    pub(crate) fn are_busy(&self) -> bool {
        self.lock().free == 0
    }

    /// Hands out what is free. Outside of the lock: who does not wait any more drops what it is sent.
    fn hand_out(self: &Arc<Self>) {
        while let Some((claim, waits)) = self.next() {
            _ = waits.send(Core {
                cores: Arc::clone(self),
                claim,
            });
        }
    }

    fn next(&self) -> Option<(Claim, oneshot::Sender<Core>)> {
        self.lock().next(Instant::now())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Core {
    /// Lets somebody else go on who had far less, and waits for a core again. It blocks: a thread that
    /// gave way is not there for anybody else.
    pub(crate) fn give_way(self) -> Self {
        let again = self.cores.lock().give_way(&self.claim, Instant::now());
        match again {
            None => self,
            Some(again) => {
                let cores = Arc::clone(&self.cores);
                drop(self);
                let core = again.blocking_recv().expect(REMEMBERED);
                drop(cores); // until here, so that they outlive whoever waits
                core
            }
        }
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        self.cores.lock().give_back(&self.claim, Instant::now());
        self.cores.hand_out();
    }
}

impl State {
    fn wait(&mut self, claim: Claim) -> oneshot::Receiver<Core> {
        let (waits, core) = oneshot::channel();
        self.waiting.push((claim, waits));
        core
    }

    /// Who gets a core now.
    fn next(&mut self, now: Instant) -> Option<(Claim, oneshot::Sender<Core>)> {
        let left = self.free.checked_sub(1)?;
        self.shares.charge(now);
        let waiting = self.waiting.iter().enumerate();
        let (first, _) = waiting.min_by_key(|(_, (claim, _))| self.shares.place(claim))?;
        self.free = left;
        let (claim, waits) = self.waiting.swap_remove(first);
        self.shares.begin(&claim, now);
        Some((claim, waits))
    }

    /// Lets one more compute than there are cores, where somebody should go on instead of who works.
    fn lend(&mut self, now: Instant) {
        self.shares.charge(now);
        let mut working = self.shares.working();
        if self.free == 0
            && self.lent < self.count
            && working.any(|works| self.is_in_the_way(works))
        {
            self.lent += 1;
            self.free += 1;
        }
    }

    /// Lets who works wait again, where somebody else should go on instead.
    fn give_way(&mut self, claim: &Claim, now: Instant) -> Option<oneshot::Receiver<Core>> {
        self.shares.charge(now);
        self.is_in_the_way(claim).then(|| {
            self.shares.claim_again(claim);
            self.wait(claim.clone())
        })
    }

    fn is_in_the_way(&self, works: &Claim) -> bool {
        let mut waiting = self.waiting.iter();
        waiting.any(|(waits, _)| self.shares.is_far_behind(waits, works))
    }

    fn give_back(&mut self, claim: &Claim, now: Instant) {
        self.shares.end(claim, now);
        match self.lent.checked_sub(1) {
            Some(left) => self.lent = left,
            None => self.free += 1,
        }
    }
}

#[cfg(test)]
mod tests;
