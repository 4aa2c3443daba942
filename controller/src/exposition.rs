//! `/metrics`: what was measured, and what only shows when somebody looks, as text for Prometheus.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use prometheus::proto::{MetricFamily, MetricType};
use prometheus::{IntGaugeVec, TextEncoder};
use tokio::time::Instant;

use crate::endpoints::not_found;
use crate::key_ring::KeyRing;
use crate::metrics::Metrics;
use crate::queue::Queue;

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What can be seen.
#[derive(Clone)]
pub(crate) struct Exposed {
    metrics: Arc<Metrics>,
    keys: Arc<KeyRing>,
    queue: Arc<Queue>,
    /// One looks at a time: what only shows then is set anew each time.
    looking: Arc<Mutex<()>>,
}

impl Exposed {
    pub(crate) fn new(metrics: Arc<Metrics>, keys: Arc<KeyRing>, queue: Arc<Queue>) -> Self {
        Self {
            metrics,
            keys,
            queue,
            looking: Arc::default(),
        }
    }

    pub(crate) fn paths(self) -> Router {
        Router::new()
            .route("/metrics", any(metrics))
            .fallback(not_found)
            .with_state(self)
    }

    fn look(&self, now: Instant) -> Vec<MetricFamily> {
        let _looking = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
        let metrics = &self.metrics;
        let queue = self.queue.depth(now);
        let depths = [
            ("fresh", queue.fresh),
            ("backlog", queue.backlog),
            ("later", queue.later),
        ];
        set(
            &metrics.queued,
            depths.map(|(name, depth)| (name, count(depth))),
        );
        metrics.waiting_seconds.set(queue.oldest.as_secs_f64());
        let keys = self.keys.describe();
        let active = keys.iter().filter(|key| key.is_active).count();
        let states = [("active", active), ("retired", keys.len() - active)];
        set(
            &metrics.keys,
            states.map(|(name, keys)| (name, count(keys))),
        );
        let begins = keys
            .iter()
            .map(|key| (&*key.fingerprint, key.not_before.as_second()));
        set(&metrics.key_not_before, begins);
        let ends = keys
            .iter()
            .map(|key| (&*key.fingerprint, key.not_after.as_second()));
        set(&metrics.key_not_after, ends);
        let mut items = metrics.items_by_key();
        for key in &keys {
            items.entry(key.fingerprint.clone()).or_default();
        }
        let items = items.iter().map(|(key, items)| (&**key, count(*items)));
        set(&metrics.items, items);
        metrics.gather()
    }
}

/// Sets a family of gauges to these and no others.
fn set<'a>(gauges: &IntGaugeVec, to: impl IntoIterator<Item = (&'a str, i64)>) {
    gauges.reset();
    for (label, value) in to {
        gauges.with_label_values(&[label]).set(value);
    }
}

fn count(number: usize) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

async fn metrics(State(exposed): State<Exposed>, headers: HeaderMap) -> Response {
    let families = exposed.look(Instant::now());
    let Ok(text) = TextEncoder::new().encode_to_string(&families) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let accepted = headers.get(ACCEPT).map(|value| value.as_bytes());
    let accepted = String::from_utf8_lossy(accepted.unwrap_or_default());
    if accepted.contains("application/openmetrics-text") {
        (
            [(CONTENT_TYPE, OPEN_METRICS)],
            open_metrics(&text, &families),
        )
            .into_response()
    } else {
        ([(CONTENT_TYPE, TEXT)], text).into_response()
    }
}

/// The same as OpenMetrics has it: a family of counters is called without `_total`, and there is an end.
fn open_metrics(text: &str, families: &[MetricFamily]) -> String {
    let is_counter = |name: &str| {
        let mut families = families.iter();
        families
            .any(|family| family.name() == name && family.get_field_type() == MetricType::COUNTER)
    };
    let line = |line: &str| {
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        match words[..] {
            ["#", kind, name, rest] if is_counter(name) => {
                let name = name.strip_suffix("_total").unwrap_or(name);
                format!("# {kind} {name} {rest}\n")
            }
            _ => format!("{line}\n"),
        }
    };
    let mut told: String = text.lines().map(line).collect();
    told.push_str("# EOF\n");
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_a_family_of_counters_without_total() {
        let metrics = Metrics::new(false);
        metrics.begin(None);
        let families = metrics.gather();
        let text = TextEncoder::new().encode_to_string(&families).unwrap();
        let told = open_metrics(&text, &families);
        let counter = "# TYPE sealed_secrets_controller_unseal_requests counter\n\
            sealed_secrets_controller_unseal_requests_total 1\n";
        assert!(told.contains(counter), "{told}");
        assert!(told.contains("# TYPE sealed_secrets_controller_build_info gauge\n"));
        assert!(told.ends_with("\n# EOF\n"));
    }
}
