//! The HTTP paths of the controller.

use std::time::Duration;

use controller::{Config, Deadlines, Http, RateLimit};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use sealing::Scope;
use serde_json::json;
use tests::{Cluster, Fixture, KEY_NAMESPACE, SERVICE, eventually, quiet, sealed_secret};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn answers_probes_and_serves_one_certificate() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    for path in ["healthz", "readyz"] {
        let answer = cluster.http(path).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
        assert!(answer.ends_with("\r\n\r\nok\n"), "{answer}");
        assert!(
            answer.contains("content-type: text/plain; charset=utf-8"),
            "{answer}"
        );
    }
    let answer = cluster.http("v1/cert.pem").await;
    assert!(
        answer.contains("content-type: application/x-pem-file"),
        "{answer}"
    );
    assert_eq!(answer.matches("BEGIN CERTIFICATE").count(), 1);
    let answer = cluster.http("nothing").await;
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    assert!(answer.ends_with("404 page not found\n"), "{answer}");
}

#[tokio::test]
async fn is_reached_through_the_service_proxy() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    let path =
        format!("/api/v1/namespaces/{KEY_NAMESPACE}/services/http:{SERVICE}:/proxy/v1/cert.pem");
    let request = http::Request::get(path).body(Vec::new()).unwrap();
    let answer = cluster.client.request_text(request).await.unwrap();
    assert_eq!(answer.trim(), key.certificate.trim());
}

#[tokio::test]
async fn is_ready_once_it_watches() {
    let mut cluster = Cluster::alone().await;
    let definitions: Api<CustomResourceDefinition> = Api::all(cluster.client.clone());
    let name = "sealedsecrets.bitnami.com";
    let mut definition = definitions.get(name).await.unwrap();
    let now = DeleteParams::default();
    definitions.delete(name, &now).await.unwrap();
    eventually("SealedSecrets are not served", async || {
        let objects = cluster.sealed_secrets("shop");
        objects.list(&Default::default()).await.err()
    })
    .await;
    cluster.begin_controller(quiet()).await;
    eventually("it has a key", async || {
        let answer = cluster.http("v1/cert.pem").await;
        answer.starts_with("HTTP/1.1 200").then_some(())
    })
    .await;
    let answer = cluster.http("readyz").await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    let answer = cluster.http("healthz").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    definition.metadata.resource_version = None;
    definition.status = None;
    definitions
        .create(&PostParams::default(), &definition)
        .await
        .unwrap();
    eventually("it is ready", async || {
        let answer = cluster.http("readyz").await;
        answer.starts_with("HTTP/1.1 200").then_some(())
    })
    .await;
}

/// The body of an answer.
fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").unwrap().1
}

#[tokio::test]
async fn verifies_what_opens_and_looks_at_no_template() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    let failing = json!({ "data": { "x": "{{ fail .a }}" } });
    let good = sealed_secret("db").item("a", "b", &key).template(failing);
    let answer = cluster.post("v1/verify", &good.object().to_string()).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && body(&answer).is_empty(),
        "{answer}"
    );
    let renamed = good.renamed("other").object().to_string();
    let answer = cluster.post("v1/verify", &renamed).await;
    assert!(
        answer.starts_with("HTTP/1.1 409 ") && body(&answer).is_empty(),
        "{answer}"
    );
    for (caller, bad) in ["", "nonsense", "kind: Secret\napiVersion: v1\n"]
        .iter()
        .enumerate()
    {
        let caller = format!("10.0.0.{caller}");
        let answer = cluster.post_for(&caller, "v1/verify", bad).await;
        assert!(
            answer.starts_with("HTTP/1.1 500 ") && body(&answer).is_empty(),
            "{answer}"
        );
    }
    let huge = "x".repeat((3 << 20) + 1);
    assert!(
        cluster
            .post_for("10.0.1.0", "v1/verify", &huge)
            .await
            .starts_with("HTTP/1.1 413 ")
    );
}

#[tokio::test]
async fn moves_every_value_to_the_current_key_and_leaves_the_rest() {
    let (old, new) = (Fixture::rsa2048(), Fixture::rsa4096());
    let cluster = Cluster::start(&[&old, &new]).await;
    let current = body(&cluster.http("v1/cert.pem").await).trim().to_owned();
    let template = json!({
        "data": { "x": "{{ .a }}", "gone": null }, "type": "a/b", "immutable": true,
        "metadata": { "labels": { "l": "1" }, "annotations": { "sealedsecrets.bitnami.com/cluster-wide": "true" } },
    });
    let mut sent = sealed_secret("db")
        .item("a", "b", &old)
        .item("c", "d", &new)
        .template(template)
        .object();
    sent["metadata"]["labels"] = json!({ "outer": "2" });
    let mut live = sent.clone();
    live["status"] = json!({ "observedGeneration": 1 });
    live["metadata"]["uid"] = "u".into();
    live["metadata"]["resourceVersion"] = "7".into();
    let answer = cluster.post("v1/rotate", &live.to_string()).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.contains("content-type: application/json"),
        "{answer}"
    );
    let mut moved: serde_json::Value = serde_json::from_str(body(&answer)).unwrap();
    let before = sent["spec"]["encryptedData"].take();
    let after = moved["spec"]["encryptedData"].take();
    assert_eq!(moved, sent);
    let fixture = [old, new]
        .into_iter()
        .find(|key| key.certificate.trim() == current)
        .unwrap();
    let oracle = tests::Oracle::from_pem(&fixture.private_key);
    for (item, value) in [("a", "b"), ("c", "d")] {
        assert_ne!(after[item], before[item]);
        let envelope = sealing::base64::decode(after[item].as_str().unwrap()).unwrap();
        assert_eq!(
            oracle.open(&envelope, b"shop/db").as_deref(),
            Some(value.as_bytes())
        );
    }
    // One item that does not open, and nothing is answered.
    live["spec"]["encryptedData"]["a"] = "AgA=".into();
    let answer = cluster.post("v1/rotate", &live.to_string()).await;
    assert!(
        answer.starts_with("HTTP/1.1 500 ") && body(&answer).is_empty(),
        "{answer}"
    );
}

/// What somebody wrote and a cluster added to, with these sealed items.
fn live(sealed: &serde_json::Value) -> String {
    format!(
        r#"# of team A
apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata:
  name: db # the database
  namespace: shop
  labels: {{ app: "1.10" }}
  annotations:
    note: "yes"
    kubectl.kubernetes.io/last-applied-configuration: "{{}}"
  uid: 5a0b0a3e
  resourceVersion: "7"
  generation: 3
  creationTimestamp: "2026-01-01T00:00:00Z"
  managedFields: []
spec:
  template:
    type: Opaque
    immutable: true
    metadata:
      labels: {{ tier: back }}
      annotations: {{ sealedsecrets.bitnami.com/cluster-wide: "true" }}
    data:
      url: "postgres://{{{{ .a }}}}@db" # made of a
      gone: null
  encryptedData: {sealed}
  unknown: [1, 2.5, null]
status: {{ observedGeneration: 3 }}
"#
    )
}

/// Comments, another order, and fields of a live object: only what is sealed may change.
#[tokio::test]
async fn re_encryption_loses_nothing() {
    let (old, new) = (Fixture::rsa2048(), Fixture::made_at(jiff::Timestamp::now()));
    let cluster = Cluster::start(&[&old, &new]).await;
    let sealed = sealed_secret("db")
        .item("a", "b", &old)
        .item("c", "d", &old);
    let sealed = sealed.object()["spec"]["encryptedData"].clone();
    let yaml = live(&sealed);
    let answer = cluster.post("v1/rotate", &yaml).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let mut moved: serde_json::Value = serde_json::from_str(body(&answer)).unwrap();
    let items = moved["spec"]["encryptedData"].take();
    let mut wanted: serde_json::Value = serde_saphyr::from_str(&yaml).unwrap();
    wanted["spec"]["encryptedData"].take();
    wanted.as_object_mut().unwrap().remove("status");
    let metadata = wanted["metadata"].as_object_mut().unwrap();
    for written in [
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "managedFields",
    ] {
        metadata.remove(written);
    }
    let annotations = metadata["annotations"].as_object_mut().unwrap();
    annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    assert_eq!(moved, wanted);
    let oracle = tests::Oracle::from_pem(&new.private_key);
    for (item, value) in [("a", "b"), ("c", "d")] {
        let envelope = sealing::base64::decode(items[item].as_str().unwrap()).unwrap();
        let opened = oracle.open(&envelope, b"shop/db");
        assert_eq!(opened.as_deref(), Some(value.as_bytes()), "{item}");
    }
}

fn annotated(scope: Scope) -> serde_json::Value {
    scope
        .annotation()
        .map_or(json!({}), |key| json!({ key: "true" }))
}

/// Every scope an item may be sealed with, of the object, and of its template: what the template says never counts,
/// and what opens is sealed again under the same label.
#[tokio::test]
async fn re_encryption_keeps_the_scope() {
    let key = Fixture::rsa2048();
    let mut config = quiet();
    config.http.rate_limit.per_second = 1000;
    config.http.rate_limit.burst = 1000;
    config.http.rsa_rate_limit = 10_000;
    let cluster = Cluster::start_with(config, &[&key]).await;
    let oracle = tests::Oracle::from_pem(&key.private_key);
    let scopes = &[Scope::Strict, Scope::NamespaceWide, Scope::ClusterWide];
    for (sealed, outer, template) in scopes.iter().flat_map(|sealed| {
        let both = move |outer| scopes.iter().map(move |template| (sealed, outer, template));
        scopes.iter().flat_map(both)
    }) {
        let case = format!("{sealed:?} {outer:?} {template:?}");
        let metadata = json!({ "metadata": { "annotations": annotated(*template), "name": "x", "namespace": "y" } });
        let object = sealed_secret("db").scoped(*sealed).item("a", "b", &key);
        let mut object = object.template(metadata).object();
        object["metadata"]["annotations"] = annotated(*outer);
        let opens = sealed == outer;
        let answer = cluster.post("v1/verify", &object.to_string()).await;
        let wanted = if opens {
            "HTTP/1.1 200 "
        } else {
            "HTTP/1.1 409 "
        };
        assert!(answer.starts_with(wanted), "{case}: {answer}");
        let answer = cluster.post("v1/rotate", &object.to_string()).await;
        let wanted = if opens {
            "HTTP/1.1 200 "
        } else {
            "HTTP/1.1 500 "
        };
        assert!(answer.starts_with(wanted), "{case}: {answer}");
        if opens {
            let moved: serde_json::Value = serde_json::from_str(body(&answer)).unwrap();
            let item = moved["spec"]["encryptedData"]["a"].as_str().unwrap();
            let envelope = sealing::base64::decode(item).unwrap();
            let labels = [&b"shop/db"[..], b"shop", b""];
            let opened = labels.map(|label| oracle.open(&envelope, label).is_some());
            assert_eq!(opened, scopes.map(|scope| scope == *outer), "{case}");
        }
    }
}

/// However many requests come, from however many callers, a new object is unsealed.
#[tokio::test]
async fn a_flood_of_re_encryption_leaves_reconcile_alone() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    let object = sealed_secret("db")
        .item("a", "b", &key)
        .object()
        .to_string();
    let flood = (0..1000).map(|caller| {
        let (cluster, object) = (&cluster, &object);
        async move {
            let caller = format!("10.0.{}.{}", caller / 250, caller % 250);
            cluster.post_for(&caller, "v1/rotate", object).await
        }
    });
    let flood = futures::future::join_all(flood);
    let fresh = async {
        cluster
            .create(sealed_secret("fresh").item("a", "b", &key).object())
            .await;
        cluster.secret_becomes("shop", "fresh", &[("a", "b")]).await;
    };
    let (answers, ()) = tokio::join!(flood, fresh);
    let known = |answer: &String| {
        // Where too many come at once, some are closed.
        answer.is_empty()
            || ["HTTP/1.1 200 ", "HTTP/1.1 429 "]
                .iter()
                .any(|known| answer.starts_with(known))
    };
    assert!(answers.iter().all(known));
    let opened = |answer: &&String| answer.starts_with("HTTP/1.1 200 ");
    assert!(answers.iter().any(|answer| opened(&answer)));
}

/// Starts the controller again with these settings.
async fn tell(cluster: &mut Cluster, http: Http) {
    cluster.stop_controller().await;
    cluster.run_controller(Config { http, ..quiet() }).await;
}

/// The code of an answer.
fn code(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap()
}

#[tokio::test]
async fn offers_and_takes_what_it_is_told_to() {
    let key = Fixture::rsa2048();
    let with = |sealed: tests::Builder, item: u8| sealed.item(&format!("i{item}"), "x", &key);
    let many = (0..40).fold(sealed_secret("db"), with);
    let object = many.object().to_string();

    let off = Http {
        verifies: false,
        re_encrypts: false,
        ..Http::default()
    };
    let mut cluster = Cluster::start(&[&key]).await;
    tell(&mut cluster, off).await;
    for path in ["v1/verify", "v1/rotate"] {
        assert_eq!(code(&cluster.post(path, &object).await), "404");
    }

    let small = Http {
        max_request_bytes: 100,
        ..Http::default()
    };
    tell(&mut cluster, small).await;
    assert_eq!(code(&cluster.post("v1/verify", &object).await), "413");

    let slow = Http {
        rate_limit: RateLimit {
            per_second: 1,
            burst: 99,
        },
        ..Http::default()
    };
    tell(&mut cluster, slow).await;
    let mut answer = String::new();
    for _ in 0..60 {
        answer = cluster.post("v1/verify", "{}").await;
        assert_eq!(code(&answer), "500");
    }
    assert!(answer.contains("x-ratelimit-limit: 100\r\n"), "{answer}");
    let (_, reset) = answer.split_once("x-ratelimit-reset: ").unwrap();
    let seconds: u32 = reset.split("\r\n").next().unwrap().parse().unwrap();
    assert!(
        seconds > 30,
        "{seconds} s for sixty requests at one per second"
    );

    let poor = Http {
        rsa_rate_limit: 1,
        ..Http::default()
    };
    tell(&mut cluster, poor).await;
    assert_eq!(code(&cluster.post("v1/verify", &object).await), "200");
    assert_eq!(code(&cluster.post("v1/verify", &object).await), "429");
}

#[tokio::test]
async fn waits_no_longer_than_it_is_told_to() {
    let key = Fixture::rsa2048();
    let second = Duration::from_secs(1);
    let mut cluster = Cluster::start(&[&key]).await;
    for (deadlines, sent) in [
        (
            Deadlines {
                header: second,
                ..Deadlines::default()
            },
            "POST /v1/ver",
        ),
        (
            Deadlines {
                answer: second,
                ..Deadlines::default()
            },
            "POST /v1/verify HTTP/1.1\r\nHost: c\r\nContent-Length: 9\r\n\r\nfour",
        ),
    ] {
        let http = Http {
            deadlines,
            ..Http::default()
        };
        tell(&mut cluster, http).await;
        let mut stream = TcpStream::connect(cluster.address()).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        tests::pass(2 * second).await;
        let mut rest = Vec::new();
        let closed = tokio::time::timeout(3 * second, stream.read_to_end(&mut rest));
        assert!(closed.await.is_ok(), "{sent}");
    }
}

/// The blob of an old release is a whole Secret, and may hold a copy of itself in plain text.
#[tokio::test]
async fn re_encrypts_the_deprecated_field_without_telling_what_is_in_it() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    let canary = "cGxhaW50ZXh0IGNhbmFyeQ==";
    let copy = json!({ "data": { "a": canary } }).to_string();
    let secret = json!({
        "metadata": {
            "name": "db", "namespace": "shop", "finalizers": ["example.com/keep"], "labels": { "app": "db" },
            "annotations": { "kubectl.kubernetes.io/last-applied-configuration": copy, "note": "n" },
        },
        "immutable": true, "type": "example.com/db", "data": { "a": canary },
    });
    let mut object = sealed_secret("db").object();
    let sealed = sealed_secret("db")
        .item("all", &secret.to_string(), &key)
        .spec();
    object["spec"]["data"] = sealed["encryptedData"]["all"].clone();
    let answer = cluster.post("v1/rotate", &object.to_string()).await;
    assert_eq!(code(&answer), "200");
    assert!(!answer.contains(canary));
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let moved: serde_json::Value = serde_json::from_str(body).unwrap();
    let template = json!({
        "immutable": true, "type": "example.com/db",
        "metadata": {
            "name": "db", "namespace": "shop", "finalizers": ["example.com/keep"],
            "labels": { "app": "db" }, "annotations": { "note": "n" },
        },
    });
    assert_eq!(moved["spec"]["template"], template);
    cluster.create(moved).await;
    cluster
        .secret_becomes("shop", "db", &[("a", "plaintext canary")])
        .await;
    // or nobody could tidy up
    let free = json!({ "metadata": { "finalizers": null } });
    cluster.patch_secret("shop", "db", free).await;
}

#[tokio::test]
async fn takes_no_sequence_for_an_object() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    let mut object = sealed_secret("db").object();
    object["spec"] = json!([null, null, {}]);
    for path in ["v1/verify", "v1/rotate"] {
        let answer = cluster.post(path, &object.to_string()).await;
        assert_eq!(code(&answer), "500", "{path}");
    }
}
