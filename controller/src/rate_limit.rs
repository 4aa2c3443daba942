//! How many requests one caller may make: a bucket for each `X-Forwarded-For` and path, which the API
//! server's proxy fills in. It paces honest callers; what a request may cost is the budget's.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::Instant;

use crate::config::RateLimit;

const BUCKETS: usize = 65_536;

/// The buckets, each as the instant at which it is full again (the generic cell rate algorithm).
pub(crate) struct RateLimiter {
    /// The time that one request takes up.
    interval: Duration,
    /// So many requests may come at once.
    at_once: u32,
    hasher: RandomState,
    full_at: Mutex<HashMap<u64, Instant>>,
}

/// What a bucket says to a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    limit: u32,
    remaining: u32,
    /// When the bucket is full again.
    reset: Duration,
    /// How long to wait; none for a request that is let in.
    pub(crate) wait: Option<Duration>,
}

impl RateLimiter {
    pub(crate) fn new(limit: RateLimit) -> Self {
        Self {
            interval: Duration::from_secs(1) / limit.per_second.max(1),
            at_once: limit.burst.saturating_add(1),
            hasher: RandomState::new(),
            full_at: Mutex::default(),
        }
    }

    /// Takes one request out of the bucket of this caller and path.
    pub(crate) fn take(&self, forwarded_for: &[u8], path: &str, now: Instant) -> Turn {
        let bucket = (forwarded_for.to_ascii_lowercase(), path);
        let bucket = self.hasher.hash_one(bucket);
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if full_at.len() >= BUCKETS && !full_at.contains_key(&bucket) {
            full_at.retain(|_, at| *at > now);
            if full_at.len() >= BUCKETS {
                full_at.clear();
            }
        }
        let before = full_at.get(&bucket).copied().unwrap_or(now).max(now);
        let after = before + self.interval;
        let whole = self.interval.saturating_mul(self.at_once);
        let (until, wait) = match (after - now).checked_sub(whole) {
            Some(excess) if !excess.is_zero() => (before, Some(excess)),
            _ => {
                full_at.insert(bucket, after);
                (after, None)
            }
        };
        let reset = until - now;
        let room = whole.saturating_sub(reset).as_nanos();
        let remaining = room.checked_div(self.interval.as_nanos());
        Turn {
            limit: self.at_once,
            remaining: remaining.map_or(self.at_once, |room| room.try_into().unwrap_or(u32::MAX)),
            reset,
            wait,
        }
    }
}

impl Turn {
    /// Says it in the headers of the answer.
    pub(crate) fn tell(&self, headers: &mut HeaderMap) {
        let mut set = |name, value: u64| {
            headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
        };
        set("x-ratelimit-limit", self.limit.into());
        set("x-ratelimit-remaining", self.remaining.into());
        set("x-ratelimit-reset", whole_seconds(self.reset));
    }
}

/// Seconds, rounded up: whoever waits for so long is let in.
pub(crate) fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter() -> RateLimiter {
        RateLimiter::new(RateLimit {
            per_second: 2,
            burst: 2,
        })
    }

    const HALF: Duration = Duration::from_millis(500);

    #[test]
    fn lets_three_in_at_once_and_then_one_every_half_second() {
        let (limiter, now) = (limiter(), Instant::now());
        let take = |now| limiter.take(b"a", "/v1/verify", now);
        for (remaining, reset) in [(2, HALF), (1, 2 * HALF), (0, 3 * HALF)] {
            let turn = take(now);
            let wanted = Turn {
                limit: 3,
                remaining,
                reset,
                wait: None,
            };
            assert_eq!(turn, wanted);
        }
        let denied = take(now);
        assert_eq!((denied.wait, denied.reset), (Some(HALF), 3 * HALF));
        assert_eq!(take(now + HALF).wait, None);
        assert_eq!(take(now + HALF).wait, Some(HALF));
    }

    #[test]
    fn keeps_a_bucket_for_each_caller_and_path_whatever_the_case() {
        let (limiter, now) = (limiter(), Instant::now());
        for _ in 0..3 {
            limiter.take(b"fe80::A", "/v1/verify", now);
        }
        assert!(limiter.take(b"fe80::a", "/v1/verify", now).wait.is_some());
        assert!(limiter.take(b"fe80::b", "/v1/verify", now).wait.is_none());
        assert!(limiter.take(b"fe80::a", "/v1/other", now).wait.is_none());
    }

    #[test]
    fn remembers_no_more_callers_than_it_has_room_for() {
        let (limiter, now) = (limiter(), Instant::now());
        for caller in 0..=BUCKETS {
            limiter.take(&caller.to_be_bytes(), "/", now);
        }
        assert!(limiter.full_at.lock().unwrap().len() <= BUCKETS);
    }

    #[test]
    fn tells_the_headers_that_callers_know() {
        let mut headers = HeaderMap::new();
        let turn = limiter().take(b"", "/", Instant::now());
        turn.tell(&mut headers);
        assert_eq!(headers["X-RateLimit-Limit"], "3");
        assert_eq!(headers["X-RateLimit-Remaining"], "2");
        assert_eq!(headers["X-RateLimit-Reset"], "1");
    }
}
