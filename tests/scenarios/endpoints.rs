//! The HTTP paths of the controller.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use tests::{Cluster, Fixture, KEY_NAMESPACE, SERVICE, eventually, quiet};

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
