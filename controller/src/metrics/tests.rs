use serde_json::json;

use super::*;
use crate::collection::Lenient;

fn object(labels: serde_json::Value) -> Guarded {
    let object = json!({
        "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
        "metadata": { "name": "db", "namespace": "shop", "labels": labels }, "spec": { "encryptedData": {} },
    });
    Guarded::from_json(&object.to_string()).unwrap()
}

fn labelled(instance: &str) -> Guarded {
    object(json!({ INSTANCE: instance }))
}

/// The series of a family, as `label=value,… number`.
fn series(metrics: &Metrics, family: &str) -> Vec<String> {
    let families = metrics.gather();
    let name = format!("{PREFIX}_{family}");
    let family = families.iter().filter(|family| family.name() == name);
    let metrics = family.flat_map(MetricFamily::get_metric);
    let series = metrics.map(|metric| {
        let labels = metric.get_label().iter();
        let labels: Vec<String> = labels
            .map(|label| format!("{}={}", label.name(), label.value()))
            .collect();
        let value = metric.get_gauge().get_value() + metric.get_counter().get_value();
        format!("{} {value}", labels.join(","))
    });
    series.collect()
}

fn begun() -> (Metrics, NamespacedName) {
    let (metrics, key) = (Metrics::new(false), object(json!({})).key());
    metrics.begin(Some(&key));
    (metrics, key)
}

#[test]
fn starts_at_zero_for_each_namespace_with_a_sealed_secret() {
    let metrics = Metrics::new(false);
    let fetch = "namespace=,reason=fetch 0";
    assert_eq!(series(&metrics, "unseal_errors_total"), [fetch]);
    let (metrics, _) = begun();
    let wanted = [
        fetch,
        "namespace=shop,reason=status 0",
        "namespace=shop,reason=unmanaged 0",
        "namespace=shop,reason=unseal 0",
        "namespace=shop,reason=update 0",
    ];
    assert_eq!(series(&metrics, "unseal_errors_total"), wanted);
    assert_eq!(series(&metrics, "unseal_requests_total"), [" 1"]);
    let build = format!("revision={} 1", version());
    assert_eq!(series(&metrics, "build_info"), [build]);
}

#[test]
fn tells_the_condition_of_an_object_with_its_instance() {
    let (metrics, _) = begun();
    metrics.tell(&labelled("a"), None, true);
    let condition = |instance: &str, value: &str| {
        format!(
            "condition=Synced,name=db,namespace=shop,ss_app_kubernetes_io_instance={instance} {value}"
        )
    };
    assert_eq!(series(&metrics, "condition_info"), [condition("a", "1")]);
    metrics.tell(&labelled("a"), Some(&Error::Deprecated), true);
    assert_eq!(series(&metrics, "condition_info"), [condition("a", "-1")]);
    // Another instance is the same object, and not one more.
    metrics.tell(&labelled("b"), None, true);
    assert_eq!(series(&metrics, "condition_info"), [condition("b", "1")]);
    metrics.tell(&object(json!({})), None, true);
    assert_eq!(series(&metrics, "condition_info"), [condition("", "1")]);
}

#[test]
fn forgets_the_series_of_an_object_that_is_gone() {
    let (metrics, key) = begun();
    metrics.tell(&labelled("a"), None, true);
    metrics.forget(&key);
    assert_eq!(series(&metrics, "condition_info"), [""; 0]);
    assert_eq!(series(&metrics, "unseal_errors_total").len(), 1);
    assert!(metrics.items_by_key().is_empty());
    metrics.forget(&key); // of which nothing was ever told
}

#[test]
fn tells_no_names_on_request() {
    let metrics = Metrics::new(true);
    let object = labelled("a");
    metrics.begin(Some(&object.key()));
    metrics.tell(&object, None, true);
    assert_eq!(series(&metrics, "condition_info"), [""; 0]);
    assert_eq!(series(&metrics, "unseal_errors_total").len(), 1);
    metrics.forget(&object.key());
}

#[test]
fn counts_items_by_the_key_that_opened_them() {
    let (metrics, key) = begun();
    let vectors = include_str!("../../../sealing/tests/vectors/rsa2048.json");
    let vectors: serde_json::Value = serde_json::from_str(vectors).unwrap();
    let pem = vectors["certificate_pem"].as_str().unwrap();
    let certificate = sealing::Certificate::from_pem(pem.as_bytes()).unwrap();
    let fingerprint = certificate.fingerprint();
    metrics.recorded(&key, &[fingerprint.to_string()], 3);
    let count = |count| BTreeMap::from([(fingerprint.short().to_owned(), count)]);
    assert_eq!(metrics.items_by_key(), count(3));
    metrics.opened(&key, &[(fingerprint.clone(), 2)].into());
    assert_eq!(metrics.items_by_key(), count(2));
    metrics.recorded(&key, &["x".to_owned(), "y".to_owned()], 9); // what is known stays
    assert_eq!(metrics.items_by_key(), count(2));
    metrics.tell(&object(json!({})), Some(&Error::Deprecated), true);
    assert!(metrics.items_by_key().is_empty());
    metrics.recorded(&key, &["x".to_owned(), "y".to_owned()], 9);
    assert_eq!(metrics.items_by_key(), [(SEVERAL.to_owned(), 9)].into());
}
