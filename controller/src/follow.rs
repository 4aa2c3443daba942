//! A watch that is followed for ever: whatever ends it, it is begun anew, and now and then in any case.

use std::time::Duration;

use futures::{Stream, StreamExt, stream};
use kube::runtime::watcher::{self, Event};
use tokio::time::{Instant, sleep, timeout_at};

use crate::pause::doubled;

/// The pause after a failed watch grows from the first to the second.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(30)];
/// Nothing depends on seeing every event: this often everything is listed again.
const RESYNC: Duration = Duration::from_secs(600);
/// What may not be watched but may be listed is listed this often. A right may also be given later, or a
/// server that starts may not know it yet: so the first pauses are shorter.
const REFUSED: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];

/// What a watch brings.
pub(crate) enum Change<K> {
    /// A list begins: what is not in it is gone.
    Listing,
    Listed(K),
    Complete,
    Changed(K),
    Gone(K),
    /// It may not be watched.
    Refused,
}

/// Follows what `start` begins.
pub(crate) fn follow<K, S>(
    what: String,
    start: impl Fn() -> S + Send + Sync,
) -> impl Stream<Item = Change<K>> + Send
where
    K: Send,
    S: Stream<Item = watcher::Result<Event<K>>> + Send,
{
    let first = Followed {
        events: Box::pin(start()),
        until: Instant::now() + RESYNC,
        pause: Duration::ZERO,
        failures: Failures::default(),
        refusals: 0,
        refusal: String::new(),
    };
    stream::unfold(
        (first, start, what),
        |(mut followed, start, what)| async move {
            let change = followed.next(&start, &what).await;
            Some((change, (followed, start, what)))
        },
    )
}

struct Followed<S> {
    events: std::pin::Pin<Box<S>>,
    /// When everything is listed again.
    until: Instant,
    /// How long to wait before the watch is begun anew; zero while it goes on.
    pause: Duration,
    failures: Failures,
    /// How often in a row it was refused.
    refusals: u32,
    /// The last refusal that was told: each is told once.
    refusal: String,
}

impl<S> Followed<S> {
    async fn next<K>(&mut self, start: &impl Fn() -> S, what: &str) -> Change<K>
    where
        S: Stream<Item = watcher::Result<Event<K>>>,
    {
        loop {
            if !self.pause.is_zero() {
                sleep(std::mem::take(&mut self.pause)).await;
                self.begin(start);
            }
            match timeout_at(self.until, self.events.next()).await {
                Ok(Some(Ok(event))) => return self.changed(event),
                Ok(Some(Err(error))) if is_refusal(&error) => {
                    self.pause = doubled(REFUSED, self.refusals);
                    self.refusals = self.refusals.saturating_add(1);
                    let text = without_answer(&error);
                    if self.refusal != text {
                        tracing::warn!("cannot watch {what}: {text}");
                        self.refusal = text;
                    }
                    return Change::Refused;
                }
                Ok(Some(Err(error))) => {
                    tracing::warn!("cannot watch {what}: {}", without_answer(&error));
                    self.pause = self.failures.pause();
                }
                Ok(None) => self.pause = self.failures.pause(),
                Err(_) => {
                    self.refusals = 0;
                    self.begin(start);
                }
            }
        }
    }

    fn begin(&mut self, start: &impl Fn() -> S) {
        self.events = Box::pin(start());
        self.until = Instant::now() + RESYNC;
    }

    fn changed<K>(&mut self, event: Event<K>) -> Change<K> {
        match event {
            Event::Init => Change::Listing,
            Event::InitApply(object) => Change::Listed(object),
            Event::InitDone => Change::Complete,
            Event::Apply(object) => {
                self.refusal.clear();
                self.refusals = 0;
                Change::Changed(object)
            }
            Event::Delete(object) => Change::Gone(object),
        }
    }
}

/// Failures in a row. Only time ends the row: a list that goes well before each failing watch does
/// not, or every failure would cost a list at once.
#[derive(Default)]
struct Failures {
    in_a_row: u32,
    last: Option<Instant>,
}

impl Failures {
    /// Counts a failure, and says how long to wait after it.
    fn pause(&mut self) -> Duration {
        let [_, longest] = PAUSES;
        let now = Instant::now();
        let is_new_row = self
            .last
            .is_none_or(|last| now.duration_since(last) > 2 * longest);
        self.in_a_row = if is_new_row {
            1
        } else {
            self.in_a_row.saturating_add(1)
        };
        self.last = Some(now);
        doubled(PAUSES, self.in_a_row - 1)
    }
}

fn is_refusal(error: &watcher::Error) -> bool {
    use watcher::Error::{InitialListFailed, WatchError, WatchFailed, WatchStartFailed};
    match error {
        InitialListFailed(kube::Error::Api(status))
        | WatchStartFailed(kube::Error::Api(status))
        | WatchFailed(kube::Error::Api(status))
        | WatchError(status) => status.code == 403,
        _ => false,
    }
}

/// What failed, without the answer's text where it does not decode: it may hold a Secret.
fn without_answer(error: &watcher::Error) -> String {
    use watcher::Error::{InitialListFailed, WatchFailed, WatchStartFailed};
    match error {
        InitialListFailed(source) | WatchStartFailed(source) | WatchFailed(source) => {
            match source {
                kube::Error::Api(status) => status.message.clone(),
                kube::Error::SerdeError(_) => "the API server's answer does not decode".to_owned(),
                source => source.to_string(),
            }
        }
        error => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::Mutex;

    use k8s_openapi::api::core::v1::Secret;
    use kube::core::response::Status;

    use super::*;

    fn failure(code: u16) -> watcher::Error {
        let status = Status::failure("no", "Reason").with_code(code);
        watcher::Error::WatchStartFailed(kube::Error::Api(status.boxed()))
    }

    /// How often a watch is begun in ten minutes whose list goes well, and then this happens.
    async fn lists(then: impl Fn() -> Option<watcher::Error> + Sync) -> usize {
        let lists = Mutex::new(0);
        let start = || {
            *lists.lock().unwrap() += 1;
            let listed = stream::iter([Ok::<Event<Secret>, _>(Event::Init), Ok(Event::InitDone)]);
            match then() {
                Some(error) => listed.chain(stream::iter([Err(error)])).left_stream(),
                None => listed.chain(stream::pending()).right_stream(),
            }
        };
        let mut changes = pin!(follow("Secrets".to_owned(), start));
        let follow_it = async { while changes.next().await.is_some() {} };
        _ = tokio::time::timeout(RESYNC + PAUSES[1] / 2, follow_it).await;
        *lists.lock().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn begins_a_failed_watch_anew_but_not_in_a_hurry() {
        let lists = lists(|| Some(failure(410))).await;
        assert!((20..=30).contains(&lists), "{lists} lists in ten minutes");
    }

    #[tokio::test(start_paused = true)]
    async fn lists_every_minute_what_may_not_be_watched() {
        // After 0, 1, 3, 7, 15, 31 and 63 seconds, and then nine times more.
        assert_eq!(lists(|| Some(failure(403))).await, 16);
    }

    /// <https://github.com/bitnami/sealed-secrets/issues/542>
    #[tokio::test(start_paused = true)]
    async fn lists_everything_again_every_ten_minutes() {
        assert_eq!(lists(|| None).await, 2);
    }

    #[test]
    fn begins_anew_after_a_quiet_time() {
        let mut failures = Failures::default();
        let pauses = [failures.pause(), failures.pause(), failures.pause()];
        assert_eq!(pauses.map(|pause| pause.as_millis()), [500, 1000, 2000]);
        failures.last = failures
            .last
            .and_then(|last| last.checked_sub(Duration::from_secs(61)));
        assert_eq!(failures.pause().as_millis(), 500);
    }
}
