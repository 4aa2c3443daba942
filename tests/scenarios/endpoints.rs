//! The HTTP paths of the controller.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use serde_json::json;
use tests::{Cluster, Fixture, KEY_NAMESPACE, SERVICE, eventually, quiet, sealed_secret};

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
    for bad in ["", "nonsense", "kind: Secret\napiVersion: v1\n"] {
        let answer = cluster.post("v1/verify", bad).await;
        assert!(
            answer.starts_with("HTTP/1.1 500 ") && body(&answer).is_empty(),
            "{answer}"
        );
    }
    let huge = "x".repeat((3 << 20) + 1);
    assert!(
        cluster
            .post("v1/verify", &huge)
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
