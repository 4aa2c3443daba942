//! A collection that is followed for ever: listed once, then watched from there. A watch that ended is resumed
//! where it was; it is listed anew only where that is not sure to work, and in any case once in half a day.

use std::collections::VecDeque;
use std::time::Duration;

use aws_lc_rs::rand;
use kube::Client;
use tokio::time::{Instant, sleep, timeout_at};

use crate::answer::Error;
use crate::collection::{Collection, Lenient, Limit};
use crate::pause::doubled;
use crate::watch_lines::{WatchEvent, WatchLines};

/// The pause after a failure grows from the first to the second.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(30)];
/// An API server ends a watch after 290 s, give or take a little. One that goes on for longer is dead, or silent.
const LIFE: [Duration; 2] = [Duration::from_secs(280), Duration::from_secs(300)];
/// A watch that ended otherwise is resumed if it lasted this long, after a look whether the server is as far as it
/// was: one that was set back to an older state goes through the same versions a second time.
const YOUNG: Duration = Duration::from_secs(60);
/// So often in a row a watch may not be resumed before it is listed anew.
const FAILED: u32 = 3;
/// Nothing depends on seeing every event: within this time, and not all controllers at once, everything is
/// listed again.
const RELIST: Duration = Duration::from_hours(12);
/// What may not be watched but may be listed is looked at this often. A right may also be given later, or a
/// server that starts may not know it yet: so the first pauses are shorter.
const REFUSED: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];

/// What following brings.
pub(crate) enum Change<K> {
    /// A list begins: what is not in it is gone.
    Listing,
    Listed(K),
    Complete,
    Changed(K),
    Gone(K),
    /// It may not be listed or watched.
    Refused,
}

/// A collection, and how far it was followed.
pub(crate) struct Followed<K> {
    client: Client,
    collection: Collection,
    /// What it is called in the log.
    what: String,
    stage: Stage,
    ready: VecDeque<Change<K>>,
    /// How long to wait before anything else is asked.
    pause: Duration,
    failures: Failures,
    /// When everything is listed again.
    relist: Instant,
    refused: Refused,
}

enum Stage {
    Listing {
        at: Option<String>,
        limit: Limit,
        /// What the collection was before its first page was read, where that was asked.
        state: Option<u64>,
    },
    Watching {
        version: String,
        watch: Watch,
    },
}

/// How a watch stands.
enum Watch {
    /// It goes on from the version as if it had never ended.
    Due,
    /// It broke off: is the server as far as the version? So many attempts to find out failed.
    Doubtful {
        failed: u32,
    },
    Begun {
        lines: WatchLines,
        at: Instant,
    },
}

/// What is known of something that may not be watched.
#[derive(Default)]
struct Refused {
    /// How often in a row.
    times: u32,
    /// The last refusal that was told: each is told once.
    text: String,
    /// What the collection was when it was last listed.
    state: Option<u64>,
}

impl<K: Lenient> Followed<K> {
    pub(crate) fn new(client: &Client, collection: Collection, what: String) -> Self {
        Self {
            client: client.clone(),
            collection,
            what,
            stage: Stage::listing(),
            ready: VecDeque::new(),
            pause: Duration::ZERO,
            failures: Failures::default(),
            relist: Instant::now(),
            refused: Refused::default(),
        }
    }

    pub(crate) async fn next(&mut self) -> Change<K> {
        loop {
            if let Some(change) = self.ready.pop_front() {
                return change;
            }
            sleep(std::mem::take(&mut self.pause)).await;
            let done = match &self.stage {
                Stage::Listing { .. } => self.list().await,
                Stage::Watching { .. } => self.watch().await,
            };
            if let Err(error) = done {
                self.fail(&error);
            }
        }
    }

    /// Reads one page.
    async fn list(&mut self) -> Result<(), Error> {
        let Stage::Listing { at, limit, state } = &mut self.stage else {
            return Ok(());
        };
        if at.is_none() {
            // Where it may not be watched, it is read again only when something in it moved.
            let is_late = Instant::now() >= self.relist;
            if self.refused.times > 0 && !self.collection.is_metadata_only() {
                let (now, version) = self.collection.state(&self.client).await?;
                if !is_late && self.refused.state == Some(now) {
                    self.stage = Stage::watching(version);
                    return Ok(());
                }
                *state = Some(now);
            }
            self.ready.push_back(Change::Listing);
        }
        let page = self
            .collection
            .page::<K>(&self.client, at.as_deref(), limit);
        let page = page.await?;
        let listed = page.objects.into_iter().map(Change::Listed);
        self.ready.extend(listed);
        if page.unreadable > 0 {
            let (what, objects) = (&self.what, page.unreadable);
            tracing::error!(objects, "cannot read objects without a name among {what}");
        }
        match page.rest {
            Some(rest) => *at = Some(rest),
            None => {
                self.refused.state = *state;
                self.ready.push_back(Change::Complete);
                self.stage = Stage::watching(page.version);
                self.relist = Instant::now() + spread(RELIST);
            }
        }
        Ok(())
    }

    /// Begins a watch, or waits for one event.
    async fn watch(&mut self) -> Result<(), Error> {
        let Stage::Watching { version, watch } = &mut self.stage else {
            return Ok(());
        };
        let (lines, at) = match watch {
            Watch::Begun { lines, at } => (lines, *at),
            _ if Instant::now() >= self.relist => {
                self.stage = Stage::listing();
                return Ok(());
            }
            watch => {
                if let Watch::Doubtful { .. } = watch
                    && !is_as_far(&self.collection.version(&self.client).await?, version)
                {
                    self.stage = Stage::listing();
                    return Ok(());
                }
                let lines = self.collection.watch(&self.client, version).await?;
                let at = Instant::now();
                *watch = Watch::Begun { lines, at };
                return Ok(());
            }
        };
        let Ok(event) = timeout_at(self.relist.min(at + LIFE[1]), lines.next()).await else {
            *watch = Watch::Doubtful { failed: 0 };
            return Ok(());
        };
        let Some((event, now_at)) = event? else {
            if at.elapsed() >= LIFE[0] {
                *watch = Watch::Due;
            } else {
                self.pause = self.failures.pause();
                self.broken(at);
            }
            return Ok(());
        };
        if let Some(now_at) = now_at {
            *version = now_at;
        }
        self.refused.times = 0;
        self.refused.text.clear();
        self.ready.extend(match event {
            WatchEvent::Changed(object) => Some(Change::Changed(object)),
            WatchEvent::Gone(object) => Some(Change::Gone(object)),
            WatchEvent::Bookmark => None,
            WatchEvent::Unreadable => {
                tracing::error!("cannot read an object without a name among {}", self.what);
                None
            }
        });
        Ok(())
    }

    /// Goes on after a watch that broke off.
    fn broken(&mut self, began: Instant) {
        match &mut self.stage {
            Stage::Watching { watch, .. } if began.elapsed() >= YOUNG => {
                *watch = Watch::Doubtful { failed: 0 };
            }
            stage => *stage = Stage::listing(),
        }
    }

    /// Decides how to go on after a failure.
    fn fail(&mut self, error: &Error) {
        if error.code() == Some(403) {
            self.pause = doubled(REFUSED, self.refused.times);
            self.refused.times = self.refused.times.saturating_add(1);
            let text = error.to_string();
            if self.refused.text != text {
                tracing::warn!("cannot watch {}: {text}", self.what);
                self.refused.text = text;
            }
            self.stage = Stage::listing();
            self.ready.push_back(Change::Refused);
            return;
        }
        tracing::warn!("cannot watch {}: {error}", self.what);
        self.pause = self.failures.pause();
        match &mut self.stage {
            _ if error.code() == Some(410) => self.stage = Stage::listing(),
            Stage::Watching { watch, .. } => match watch {
                Watch::Begun { at, .. } => {
                    let began = *at;
                    self.broken(began);
                }
                Watch::Doubtful { failed } if *failed >= FAILED => self.stage = Stage::listing(),
                Watch::Doubtful { failed } => *failed += 1,
                Watch::Due => *watch = Watch::Doubtful { failed: 1 },
            },
            Stage::Listing { .. } => self.stage = Stage::listing(),
        }
    }
}

/// Whether a server at one version has seen another. Versions are numbers, as large as they like.
/// <https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions>
fn is_as_far(now: &str, seen: &str) -> bool {
    let number = |version: &str| version.parse::<u128>().ok();
    match (number(now), number(seen)) {
        (Some(now), Some(seen)) => now >= seen,
        _ => false,
    }
}

impl Stage {
    fn listing() -> Self {
        Self::Listing {
            at: None,
            limit: Limit::default(),
            state: None,
        }
    }

    fn watching(version: String) -> Self {
        Self::Watching {
            version,
            watch: Watch::Due,
        }
    }
}

/// Some time in the last quarter of a period.
fn spread(period: Duration) -> Duration {
    let mut byte = [0];
    _ = rand::fill(&mut byte);
    period - period / 4 * u32::from(byte[0]) / 256
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

#[cfg(test)]
mod tests;
