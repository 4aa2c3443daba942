//! The HTTP paths of the controller.

use tests::{Cluster, Fixture, KEY_NAMESPACE, SERVICE};

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
