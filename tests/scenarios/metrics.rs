//! What the controller tells Prometheus, read by a parser that is not ours.

use std::collections::BTreeMap;

use http::{Method, Request, Response};
use kube::Client;
use kube::client::Body;
use prometheus_parse::{Scrape, Value};
use serde_json::json;
use tests::{Cluster, Fixture, eventually, key_secret, quiet, sealed_secret};
use tower::service_fn;

/// All samples of one look, by `name{label="value",…}`.
async fn scrape(cluster: &Cluster) -> BTreeMap<String, f64> {
    let answer = cluster.metrics("metrics", "").await;
    let (head, text) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(head.contains("content-type: text/plain; version=0.0.4"));
    let lines = text.lines().map(|line| Ok(line.to_owned()));
    let scrape = Scrape::parse(lines).unwrap();
    let samples = scrape.samples.into_iter().map(|sample| {
        let mut labels: Vec<String> = sample
            .labels
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        labels.sort();
        let value = match sample.value {
            Value::Counter(value) | Value::Gauge(value) | Value::Untyped(value) => value,
            Value::Histogram(buckets) => buckets.last().map_or(0.0, |bucket| bucket.count),
            Value::Summary(_) => f64::NAN,
        };
        let name = sample.metric.replace("sealed_secrets_controller_", "");
        (format!("{name}{{{}}}", labels.join(",")), value)
    });
    samples.collect()
}

async fn becomes(cluster: &Cluster, series: &str, wanted: impl Fn(f64) -> bool) {
    eventually(series, async || {
        scrape(cluster)
            .await
            .get(series)
            .is_some_and(|value| wanted(*value))
            .then_some(())
    })
    .await;
}

/// A client to whom the server refuses to show one Secret, and to write one status.
fn hindered(client: Client) -> Client {
    let hindered = service_fn(move |request: Request<Body>| {
        let client = client.clone();
        async move {
            let (method, path) = (request.method(), request.uri().path());
            let is_hindered = (method == Method::GET && path.ends_with("/secrets/unseen"))
                || (method == Method::PUT && path.ends_with("/untold/status"));
            if is_hindered {
                let status = json!({ "kind": "Status", "status": "Failure", "reason": "InternalError", "message": "no", "code": 500 });
                let body = Body::from(status.to_string().into_bytes());
                return Ok(Response::builder().status(500).body(body).unwrap());
            }
            client.send(request).await
        }
    });
    Client::new(hindered, "default")
}

/// An object for each reason to fail.
async fn provoke(cluster: &Cluster, key: &Fixture) {
    cluster.create_foreign("foreign", &[("x", "y")]).await;
    let refused = json!({ "type": "kubernetes.io/tls" }); // which wants other items
    for object in [
        sealed_secret("elsewhere")
            .item("a", "b", key)
            .renamed("here"),
        sealed_secret("foreign").item("a", "b", key),
        sealed_secret("refused")
            .item("a", "b", key)
            .template(refused),
        sealed_secret("unseen").item("a", "b", key),
        sealed_secret("untold").item("a", "b", key),
    ] {
        cluster.create(object.object()).await;
    }
}

#[tokio::test]
async fn counts_failures_by_reason_and_forgets_what_is_gone() {
    let key = Fixture::rsa2048();
    let mut cluster = Cluster::empty().await;
    cluster.create_secret(&key_secret(&key)).await;
    let client = hindered(cluster.client.clone());
    cluster.begin_controller_as(client, quiet()).await;
    cluster.ready().await;
    let before = scrape(&cluster).await;
    assert_eq!(before["unseal_errors_total{namespace=,reason=fetch}"], 0.0);
    assert_eq!(before["unseal_requests_total{}"], 0.0);
    assert!(
        !before
            .keys()
            .any(|series| series.contains("namespace=shop"))
    );

    let mut good = sealed_secret("good")
        .item("a", "b", &key)
        .item("c", "d", &key)
        .object();
    good["metadata"]["labels"] = json!({ "app.kubernetes.io/instance": "shop-1" });
    cluster.create(good).await;
    let good = "condition_info{condition=Synced,name=good,namespace=shop,ss_app_kubernetes_io_instance=shop-1}";
    becomes(&cluster, good, |value| value == 1.0).await;
    for reason in ["unseal", "unmanaged", "update", "status"] {
        let series = format!("unseal_errors_total{{namespace=shop,reason={reason}}}");
        assert_eq!(scrape(&cluster).await[&series], 0.0, "{series}");
    }

    provoke(&cluster, &key).await;
    for (reason, namespace) in [
        ("fetch", ""),
        ("unseal", "shop"),
        ("unmanaged", "shop"),
        ("update", "shop"),
        ("status", "shop"),
    ] {
        let series = format!("unseal_errors_total{{namespace={namespace},reason={reason}}}");
        becomes(&cluster, &series, |value| value > 0.0).await;
    }
    let bad =
        "condition_info{condition=Synced,name=here,namespace=shop,ss_app_kubernetes_io_instance=}";
    becomes(&cluster, bad, |value| value == -1.0).await;
    for name in ["good", "here"] {
        cluster.delete("shop", name).await;
    }
    eventually("their series are gone", async || {
        let now = scrape(&cluster).await;
        (!now.contains_key(good) && !now.contains_key(bad)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn counts_requests_by_path_code_and_method() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    let object = sealed_secret("db").item("a", "b", &key);
    let moved = sealed_secret("db")
        .item("a", "b", &key)
        .renamed("x")
        .object();
    for code in [200, 409, 500] {
        let body = match code {
            200 => object.object().to_string(),
            409 => moved.to_string(),
            _ => String::new(),
        };
        let answer = cluster.post("v1/verify", &body).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {code} ")), "{answer}");
    }
    // As many more as are let in, and one too many.
    let mut more = 0.0;
    while !cluster
        .post("v1/verify", "")
        .await
        .starts_with("HTTP/1.1 429 ")
    {
        more += 1.0;
    }
    cluster
        .post("v1/rotate", &object.object().to_string())
        .await;
    for path in ["v1/cert.pem", "healthz", "readyz", "nothing"] {
        cluster.http(path).await;
    }
    let now = scrape(&cluster).await;
    for (path, code, method) in [
        ("/v1/verify", 200, "post"),
        ("/v1/verify", 409, "post"),
        ("/v1/verify", 429, "post"),
        ("/v1/rotate", 200, "post"),
        ("/v1/cert.pem", 200, "get"),
    ] {
        let series = format!("http_requests_total{{code={code},method={method},path={path}}}");
        assert_eq!(now[&series], 1.0, "{series}");
    }
    let refused = "http_requests_total{code=500,method=post,path=/v1/verify}";
    assert_eq!(now[refused], 1.0 + more);
    assert!(
        !now.keys()
            .any(|series| series.contains("healthz") || series.contains("nothing"))
    );
    assert_eq!(
        now["http_request_duration_seconds{method=post,path=/v1/verify}"],
        4.0 + more
    );
}

#[tokio::test]
async fn tells_keys_items_and_work() {
    let (old, new) = (Fixture::rsa2048(), Fixture::rsa4096());
    let cluster = Cluster::start(&[&old, &new]).await;
    let (short, other) = (old.fingerprint(), new.fingerprint());
    let object = sealed_secret("db")
        .item("a", "b", &old)
        .item("c", "d", &old);
    cluster.create(object.object()).await;
    becomes(&cluster, &format!("items{{key={short}}}"), |items| {
        items == 2.0
    })
    .await;
    cluster
        .post("v1/rotate", &object.object().to_string())
        .await;
    becomes(&cluster, "reconcile_duration_seconds{}", |count| {
        count >= 1.0
    })
    .await;
    let now = scrape(&cluster).await;
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(now[&format!("build_info{{revision=v{version}}}")], 1.0);
    assert_eq!(now["keys{state=active}"], 2.0);
    assert_eq!(now["keys{state=retired}"], 0.0);
    assert_eq!(now[&format!("items{{key={other}}}")], 0.0);
    for name in [
        "key_not_before_timestamp_seconds",
        "key_not_after_timestamp_seconds",
    ] {
        assert!(now[&format!("{name}{{key={short}}}")] > 1.0e9);
    }
    for series in [
        "queue_depth{queue=fresh}",
        "queue_depth{queue=backlog}",
        "queue_oldest_waiting_seconds{}",
    ] {
        becomes(&cluster, series, |value| value == 0.0).await;
    }
    assert!(now["rsa_operation_duration_seconds{for=reconcile}"] >= 2.0);
    assert!(now["rsa_operation_duration_seconds{for=http}"] >= 2.0);
    assert!(now["api_requests_total{code=201,verb=create}"] >= 1.0);
    assert!(now["api_requests_total{code=200,verb=list}"] >= 1.0);
    assert_eq!(now["audit_lines_lost_total{}"], 0.0);
    assert!(cfg!(not(target_os = "linux")) || now["process_start_time_seconds{}"] > 0.0);
}

#[tokio::test]
async fn omits_names_on_request() {
    let key = Fixture::rsa2048();
    let mut config = quiet();
    config.metrics_omit_names = true;
    let cluster = Cluster::start_with(config, &[&key]).await;
    cluster
        .create(sealed_secret("db").item("a", "b", &key).object())
        .await;
    cluster.condition("shop", "db", "Synced", "True").await;
    becomes(&cluster, "unseal_requests_total{}", |value| value >= 1.0).await;
    let told = cluster.metrics("metrics", "").await;
    assert!(
        !told.contains("\"db\"") && !told.contains("\"shop\""),
        "{told}"
    );
}

#[tokio::test]
async fn knows_the_keys_of_what_was_in_sync_before_it_started() {
    let key = Fixture::rsa2048();
    let mut cluster = Cluster::start(&[&key]).await;
    cluster
        .create(sealed_secret("db").item("a", "b", &key).object())
        .await;
    cluster.condition("shop", "db", "Synced", "True").await;
    cluster.stop_controller().await;
    cluster.run_controller(quiet()).await;
    let items = format!("items{{key={}}}", key.fingerprint());
    becomes(&cluster, &items, |items| items == 1.0).await;
    let now = scrape(&cluster).await;
    assert_eq!(now["rsa_operation_duration_seconds{for=reconcile}"], 0.0);
}

#[tokio::test]
async fn exposes_open_metrics_to_those_who_ask_and_nothing_else() {
    let cluster = Cluster::start(&[&Fixture::rsa2048()]).await;
    let accept = "Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n";
    let answer = cluster.metrics("metrics", accept).await;
    assert!(answer.contains("content-type: application/openmetrics-text; version=1.0.0"));
    assert!(answer.contains("# TYPE sealed_secrets_controller_unseal_requests counter\n"));
    assert!(answer.ends_with("# EOF\n"));
    for path in ["", "healthz", "v1/cert.pem", "metrics/", "debug/pprof/"] {
        let answer = cluster.metrics(path, "").await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "{path}: {answer}");
    }
    let answer = cluster.http("metrics").await;
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
}
