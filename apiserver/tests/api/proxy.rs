//! `services/proxy`: what is forwarded, and what is said when nothing answers.

use std::net::SocketAddr;

use kube::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::server::Server;

const SERVICE: &str = "
apiVersion: v1
kind: Service
metadata: {name: sealer, namespace: kube-system}
spec:
  ports: [{name: http, port: 8080}]
---
apiVersion: v1
kind: Service
metadata: {name: nameless, namespace: kube-system}
spec:
  ports: [{port: 8080}]
";

/// Answers each request with the request itself.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 4096];
            let length = stream.read(&mut request).await.unwrap();
            let head = format!(
                "HTTP/1.1 202 Accepted\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).await.unwrap();
            stream.write_all(&request[..length]).await.unwrap();
        }
    });
    address
}

async fn ask(server: &Server, service: &str) -> Result<String, String> {
    let path = format!("/api/v1/namespaces/kube-system/services/{service}/proxy/v1/verify?a=b");
    let request = http::Request::post(path)
        .header("authorization", "Bearer x")
        .body(b"body".to_vec())
        .unwrap();
    match server.client.request_text(request).await {
        Ok(text) => Ok(text),
        Err(Error::Api(status)) => Err(format!("{} {}", status.code, status.message)),
        Err(other) => Err(other.to_string()),
    }
}

#[tokio::test]
async fn a_request_reaches_what_stands_behind_the_service() {
    let server = Server::start().await;
    server.api.create_from_yaml(SERVICE).await.unwrap();
    let backend = echo().await;
    server.api.serve_behind("kube-system", "sealer", backend);
    server.api.serve_behind("kube-system", "nameless", backend);
    for service in [
        "sealer:http",
        "sealer:8080",
        "http:sealer:http",
        "nameless",
        "http:nameless:",
    ] {
        let seen = ask(&server, service).await.unwrap().to_lowercase();
        assert!(
            seen.starts_with("post /v1/verify?a=b http/1.1\r\n"),
            "{seen}"
        );
        assert!(
            seen.contains("x-forwarded-for: 127.0.0.1\r\n") && seen.ends_with("body"),
            "{seen}"
        );
        assert!(!seen.contains("authorization"), "{seen}");
    }
}

#[tokio::test]
async fn a_service_that_cannot_answer_says_why() {
    let server = Server::start().await;
    server.api.create_from_yaml(SERVICE).await.unwrap();
    let refused = async |service: &str| ask(&server, service).await.unwrap_err();
    assert_eq!(
        refused("gone").await,
        "503 no endpoints available for service \"gone\""
    );
    assert_eq!(
        refused("sealer:http").await,
        "503 no endpoints available for service \"sealer\""
    );
    let closed = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    server.api.serve_behind("kube-system", "sealer", closed);
    assert_eq!(
        refused("sealer:nope").await,
        "503 no endpoints available for service \"sealer\""
    );
    assert_eq!(
        refused("sealer:81").await,
        "503 no service port 81 found for service \"sealer\""
    );
    assert_eq!(
        refused("http:sealer:http").await,
        format!(
            "503 error trying to reach service: dial tcp {closed}: connect: connection refused"
        )
    );
    assert_eq!(
        refused("a:b:c:d").await,
        "400 invalid service request \"a:b:c:d\""
    );
}
