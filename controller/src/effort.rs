//! Private RSA operations as they are made: counted and timed, and within what they may cost.

use std::net::IpAddr;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use prometheus::Histogram;
use sealing::{Effort, Enough};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::budget::Budget;
use crate::cores::{Core, Cores};

/// So many operations of one request may open nothing.
pub(crate) const FAILURES: usize = 256;
/// An operation for a request waits this long for a core that no reconcile wants, in steps of this.
const PATIENCE: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(1)];

/// The effort of a reconcile: so many operations, between which it lets others go on.
pub(crate) struct ForObject {
    pub(crate) left: Enough,
    /// None only while it is handed over.
    core: Option<Core>,
    watch: Stopwatch,
    /// When rendering began, if it did.
    pub(crate) rendering: Option<Instant>,
}

/// The effort of a request, which its peer is charged for.
pub(crate) struct ForRequest {
    pub(crate) failures_left: usize,
    pub(crate) budget: Arc<Budget>,
    pub(crate) peer: IpAddr,
    /// Cancelled when nobody waits for the answer any more.
    pub(crate) gone: CancellationToken,
    /// Those of reconcile, which goes first.
    pub(crate) cores: Arc<Cores>,
    pub(crate) watch: Stopwatch,
}

/// Times one operation after the other.
pub(crate) struct Stopwatch {
    seconds: Histogram,
    began: Instant,
}

impl Stopwatch {
    pub(crate) fn new(seconds: Histogram) -> Self {
        Self {
            seconds,
            began: Instant::now(),
        }
    }

    fn begin(&mut self) {
        self.began = Instant::now();
    }

    fn end(&self) {
        self.seconds.observe(self.began.elapsed().as_secs_f64());
    }
}

impl ForObject {
    /// On this core, which it gives back at its end.
    pub(crate) fn new(left: Enough, core: Core, watch: Stopwatch) -> Self {
        Self {
            left,
            core: Some(core),
            watch,
            rendering: None,
        }
    }
}

impl Effort for ForObject {
    fn begin(&mut self) -> bool {
        let is_allowed = self.left.begin();
        if is_allowed {
            self.core = self.core.take().map(Core::give_way);
            self.watch.begin();
        }
        is_allowed
    }

    fn end(&mut self, opened: bool) {
        self.watch.end();
        self.left.end(opened);
    }

    fn render(&mut self) {
        self.rendering = Some(Instant::now());
    }
}

impl ForRequest {
    /// Lets reconciles go first, though not for ever.
    fn give_way(&self) {
        let [most, step] = PATIENCE;
        let mut waited = Duration::ZERO;
        while self.cores.are_busy() && waited < most {
            sleep(step);
            waited += step;
        }
    }
}

impl Effort for ForRequest {
    fn begin(&mut self) -> bool {
        if self.failures_left == 0 || self.gone.is_cancelled() {
            return false;
        }
        self.give_way();
        self.budget.spend(self.peer, 1, Instant::now());
        self.watch.begin();
        true
    }

    fn end(&mut self, opened: bool) {
        self.watch.end();
        if !opened {
            self.failures_left -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use prometheus::HistogramOpts;

    use super::*;
    use crate::queue::Urgency;

    fn watch() -> Stopwatch {
        Stopwatch::new(Histogram::with_opts(HistogramOpts::new("a", "b")).unwrap())
    }

    fn request(failures_left: usize, cores: usize) -> ForRequest {
        ForRequest {
            failures_left,
            budget: Arc::new(Budget::new(1000)),
            peer: [10, 0, 0, 1].into(),
            gone: CancellationToken::new(),
            cores: Arc::new(Cores::new(cores)),
            watch: watch(),
        }
    }

    #[tokio::test]
    async fn an_object_costs_no_more_than_is_allowed() {
        let core = Arc::new(Cores::new(1)).acquire("a", Urgency::Fresh).await;
        let mut effort = ForObject::new(Enough::for_keys(1), core, watch());
        let mut operations = 0;
        while effort.begin() {
            effort.end(false);
            operations += 1;
        }
        assert_eq!(operations, 256);
        assert_eq!(effort.watch.seconds.get_sample_count(), 256);
    }

    #[tokio::test]
    async fn between_two_operations_somebody_else_goes_on() {
        let cores = Arc::new(Cores::new(1));
        let core = cores.acquire("many", Urgency::Fresh).await;
        let mut effort = ForObject::new(Enough::for_keys(1), core, watch());
        let one = tokio::spawn(async move { drop(cores.acquire("one", Urgency::Fresh).await) });
        tokio::task::yield_now().await;
        let work = tokio::task::spawn_blocking(move || effort.begin());
        one.await.unwrap();
        assert!(work.await.unwrap());
    }

    #[test]
    fn only_what_was_in_vain_counts_against_a_request() {
        let mut effort = request(1, 1);
        for opened in [true, true, false] {
            assert!(effort.begin());
            effort.end(opened);
        }
        assert!(!effort.begin());
    }

    #[test]
    fn nothing_is_done_for_a_client_that_has_gone() {
        let mut effort = request(1, 1);
        effort.gone.cancel();
        assert!(!effort.begin());
    }

    #[test]
    fn a_request_goes_on_although_every_core_is_busy() {
        let mut effort = request(1, 0);
        assert!(effort.begin());
    }
}
