//! What is counted and measured, and the series of each SealedSecret, which go with it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use prometheus::core::Collector;
use prometheus::proto::MetricFamily;
use prometheus::{
    Gauge, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGaugeVec, Opts,
    Registry, exponential_buckets,
};
use sealing::Fingerprint;

use crate::args::version;
use crate::error::Error;
use crate::guarded::Guarded;
use crate::namespaced_name::NamespacedName;

const PREFIX: &str = "sealed_secrets_controller";
/// Why a SealedSecret is not in sync; the first is told of no namespace.
const REASONS: [&str; 5] = [FETCH, "unseal", "unmanaged", "update", "status"];
pub(crate) const FETCH: &str = "fetch";
const INSTANCE: &str = "app.kubernetes.io/instance";
/// Stands for the key of items of which only that several keys opened them is on record.
const SEVERAL: &str = "several";

/// Everything that is counted and measured.
pub(crate) struct Metrics {
    registry: Registry,
    /// Whether no series tells the name of a SealedSecret.
    omits_names: bool,
    unseal_requests: IntCounter,
    unseal_errors: IntCounterVec,
    conditions: IntGaugeVec,
    pub(crate) http_requests: IntCounterVec,
    pub(crate) http_seconds: HistogramVec,
    pub(crate) reconcile_seconds: Histogram,
    rsa_seconds: HistogramVec,
    pub(crate) api_requests: IntCounterVec,
    pub(crate) audit_lines_lost: IntCounter,
    pub(crate) keys: IntGaugeVec,
    pub(crate) key_not_before: IntGaugeVec,
    pub(crate) key_not_after: IntGaugeVec,
    pub(crate) items: IntGaugeVec,
    pub(crate) queued: IntGaugeVec,
    pub(crate) waiting_seconds: Gauge,
    objects: Mutex<HashMap<NamespacedName, Series>>,
}

/// What is known of one SealedSecret.
#[derive(Default)]
struct Series {
    /// The label of its condition, once it has one.
    instance: Option<String>,
    /// How many of its items each key opened; none while that is not known.
    items: Option<BTreeMap<String, usize>>,
}

impl Metrics {
    #[expect(clippy::too_many_lines, reason = "a few lines for each family")]
    pub(crate) fn new(omits_names: bool) -> Self {
        let registry = Registry::new();
        let made = Made(&registry);
        let build = made.gauges("build_info", "The version that runs", &["revision"]);
        build.with_label_values(&[version()]).set(1);
        let metrics = Self {
            omits_names,
            unseal_requests: made.counter(
                "unseal_requests_total",
                "Reconciles begun, retries and deletions included",
            ),
            unseal_errors: made.counters(
                "unseal_errors_total",
                "Reconciles that failed, by reason and namespace",
                &["reason", "namespace"],
            ),
            conditions: made.gauges(
                "condition_info",
                "Condition of a SealedSecret: -1 False, 0 Unknown, 1 True",
                &[
                    "namespace",
                    "name",
                    "condition",
                    "ss_app_kubernetes_io_instance",
                ],
            ),
            http_requests: made.counters(
                "http_requests_total",
                "HTTP requests answered",
                &["path", "code", "method"],
            ),
            http_seconds: made.histograms(
                "http_request_duration_seconds",
                "Time that HTTP requests took",
                prometheus::DEFAULT_BUCKETS.to_vec(),
                &["path", "method"],
            ),
            reconcile_seconds: made.histogram(
                "reconcile_duration_seconds",
                "Time that reconciles took",
                exponential(0.001, 2.0, 16),
            ),
            rsa_seconds: made.histograms(
                "rsa_operation_duration_seconds",
                "Time that private RSA operations took, by what they were made for",
                exponential(0.0001, 2.0, 12),
                &["for"],
            ),
            api_requests: made.counters(
                "api_requests_total",
                "Requests to the API server, by verb and code of the answer",
                &["verb", "code"],
            ),
            audit_lines_lost: made.counter(
                "audit_lines_lost_total",
                "Lines of the audit log that could not be written",
            ),
            keys: made.gauges("keys", "Sealing keys in memory", &["state"]),
            key_not_before: made.gauges(
                "key_not_before_timestamp_seconds",
                "Begin of a key's certificate",
                &["key"],
            ),
            key_not_after: made.gauges(
                "key_not_after_timestamp_seconds",
                "End of a key's certificate",
                &["key"],
            ),
            items: made.gauges("items", "Items that a key opened", &["key"]),
            queued: made.gauges("queue_depth", "SealedSecrets to reconcile", &["queue"]),
            waiting_seconds: made.register(Gauge::with_opts(made.named(
                "queue_oldest_waiting_seconds",
                "For how long the oldest SealedSecret has waited",
            ))),
            objects: Mutex::default(),
            registry,
        };
        metrics.unseal_errors.with_label_values(&[FETCH, ""]);
        metrics.rsa_seconds(RECONCILE);
        metrics.rsa_seconds(HTTP);
        #[cfg(target_os = "linux")]
        {
            let process = prometheus::process_collector::ProcessCollector::for_self();
            _ = metrics.registry.register(Box::new(process));
        }
        metrics
    }

    pub(crate) fn gather(&self) -> Vec<MetricFamily> {
        self.registry.gather()
    }

    pub(crate) fn rsa_seconds(&self, work: &str) -> Histogram {
        self.rsa_seconds.with_label_values(&[work])
    }

    /// Counts a reconcile of an object, or of one that is gone.
    pub(crate) fn begin(&self, object: Option<&NamespacedName>) {
        self.unseal_requests.inc();
        let Some(key) = object else { return };
        if !self.omits_names {
            for reason in &REASONS[1..] {
                let labels = [*reason, &key.namespace];
                self.unseal_errors.with_label_values(&labels);
            }
        }
        self.lock().entry(key.clone()).or_default();
    }

    /// Tells what became of an object, and whether its status could be written.
    pub(crate) fn tell(&self, object: &Guarded, error: Option<&Error>, is_told: bool) {
        let key = object.key();
        let reason = error.map(Error::metric_reason);
        for reason in reason.into_iter().chain((!is_told).then_some("status")) {
            let namespace = if reason == FETCH { "" } else { &key.namespace };
            self.unseal_errors
                .with_label_values(&[reason, namespace])
                .inc();
        }
        let mut objects = self.lock();
        let series = objects.entry(key.clone()).or_default();
        if reason == Some("unseal") {
            series.items = None;
        }
        if self.omits_names {
            return;
        }
        let labels = object.metadata().labels.as_ref();
        let instance = labels.and_then(|labels| labels.get(INSTANCE)).cloned();
        let instance = instance.unwrap_or_default();
        if let Some(before) = series.instance.replace(instance.clone())
            && before != instance
        {
            self.remove_condition(&key, &before);
        }
        self.conditions
            .with_label_values(&condition(&key, &instance))
            .set(if error.is_none() { 1 } else { -1 });
    }

    /// Notes which keys opened the items of an object.
    pub(crate) fn opened(&self, key: &NamespacedName, by: &BTreeMap<Fingerprint, usize>) {
        let by = by
            .iter()
            .map(|(key, items)| (key.short().to_owned(), *items));
        self.lock().entry(key.clone()).or_default().items = Some(by.collect());
    }

    /// The same by a record, which tells the keys and not what each opened. What is known stays.
    pub(crate) fn recorded(&self, key: &NamespacedName, by: &[String], items: usize) {
        let by = match by {
            [] => return,
            [one] => one.parse().map(|key: Fingerprint| key.short().to_owned()),
            _ => Ok(SEVERAL.to_owned()),
        };
        let Ok(by) = by else { return }; // no record of ours holds anything else
        let mut objects = self.lock();
        let series = objects.entry(key.clone()).or_default();
        series.items.get_or_insert_with(|| [(by, items)].into());
    }

    /// Forgets an object that is gone, and its namespace with the last of it.
    pub(crate) fn forget(&self, key: &NamespacedName) {
        let mut objects = self.lock();
        let series = objects.remove(key);
        if let Some(instance) = series.and_then(|series| series.instance) {
            self.remove_condition(key, &instance);
        }
        if !objects.keys().any(|other| other.namespace == key.namespace) {
            for reason in &REASONS[1..] {
                let labels = [*reason, &key.namespace];
                _ = self.unseal_errors.remove_label_values(&labels);
            }
        }
    }

    /// How many items each key opened, over all objects.
    pub(crate) fn items_by_key(&self) -> BTreeMap<String, usize> {
        let mut sums = BTreeMap::new();
        for (key, items) in self
            .lock()
            .values()
            .flat_map(|series| &series.items)
            .flatten()
        {
            *sums.entry(key.clone()).or_default() += items;
        }
        sums
    }

    fn remove_condition(&self, key: &NamespacedName, instance: &str) {
        _ = self
            .conditions
            .remove_label_values(&condition(key, instance));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<NamespacedName, Series>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What RSA operations are made for.
pub(crate) const RECONCILE: &str = "reconcile";
pub(crate) const HTTP: &str = "http";

fn condition<'a>(key: &'a NamespacedName, instance: &'a str) -> [&'a str; 4] {
    [&key.namespace, &key.name, "Synced", instance]
}

fn exponential(start: f64, factor: f64, count: usize) -> Vec<f64> {
    exponential_buckets(start, factor, count).expect("the buckets grow")
}

/// Makes families of series in a registry.
struct Made<'a>(&'a Registry);

impl Made<'_> {
    fn named(&self, name: &str, help: &str) -> Opts {
        Opts::new(format!("{PREFIX}_{name}"), help)
    }

    fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.register(IntCounter::with_opts(self.named(name, help)))
    }

    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.register(IntCounterVec::new(self.named(name, help), labels))
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.register(IntGaugeVec::new(self.named(name, help), labels))
    }

    fn histogram(&self, name: &str, help: &str, buckets: Vec<f64>) -> Histogram {
        let options = HistogramOpts::from(self.named(name, help)).buckets(buckets);
        self.register(Histogram::with_opts(options))
    }

    fn histograms(
        &self,
        name: &str,
        help: &str,
        buckets: Vec<f64>,
        labels: &[&str],
    ) -> HistogramVec {
        let options = HistogramOpts::from(self.named(name, help)).buckets(buckets);
        self.register(HistogramVec::new(options, labels))
    }

    fn register<C: Collector + Clone + 'static>(&self, made: prometheus::Result<C>) -> C {
        let made = made.expect("the names of our metrics are valid");
        let registered = self.0.register(Box::new(made.clone()));
        registered.expect("the names of our metrics differ");
        made
    }
}

#[cfg(test)]
mod tests;
