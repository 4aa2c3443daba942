//! The rules of core Secrets, as a client is told them.

use k8s_openapi::api::core::v1::Secret;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::server::{Server, refusal};

async fn refused_patch(server: &Server, patch: Value) -> String {
    refusal(
        server
            .secrets()
            .patch("db", &PatchParams::default(), &Patch::Merge(patch))
            .await,
    )
    .message
}

#[tokio::test]
async fn string_data_becomes_data() {
    let server = Server::start().await;
    let secret = server
        .create_secret(json!({"metadata": {"name": "db"}, "stringData": {"a": "b"}}))
        .await;
    assert_eq!(secret.data.unwrap()["a"].0, b"b");
    assert_eq!(
        (secret.string_data, secret.type_.as_deref()),
        (None, Some("Opaque"))
    );
}

#[tokio::test]
async fn the_type_is_immutable() {
    let server = Server::start().await;
    server
        .create_secret(json!({"metadata": {"name": "db"}}))
        .await;
    assert_eq!(
        refused_patch(&server, json!({"type": "example.com/x"})).await,
        "Secret \"db\" is invalid: type: Invalid value: \"example.com/x\": field is immutable"
    );
}

#[tokio::test]
async fn an_immutable_secret_stays_as_it_is() {
    let server = Server::start().await;
    let secret = json!({"metadata": {"name": "db"}, "immutable": true, "stringData": {"a": "b"}});
    server.create_secret(secret).await;
    assert_eq!(
        refused_patch(&server, json!({"stringData": {"a": "c"}})).await,
        "Secret \"db\" is invalid: data: Forbidden: field is immutable when `immutable` is set"
    );
    assert_eq!(
        refused_patch(&server, json!({"immutable": false})).await,
        "Secret \"db\" is invalid: immutable: Forbidden: field is immutable when `immutable` is set"
    );
    let label = json!({"metadata": {"labels": {"a": "b"}}});
    server
        .secrets()
        .patch("db", &PatchParams::default(), &Patch::Merge(label))
        .await
        .unwrap();
}

#[tokio::test]
async fn data_is_base64() {
    let server = Server::start().await;
    server
        .create_secret(json!({"metadata": {"name": "db"}}))
        .await;
    assert_eq!(
        refused_patch(&server, json!({"data": {"a": "abc%"}})).await,
        "Secret in version \"v1\" cannot be handled as a Secret: illegal base64 data at input byte 3"
    );
}

#[tokio::test]
async fn a_tls_secret_has_its_two_keys() {
    let server = Server::start().await;
    let secret = json!({"metadata": {"name": "db"}, "type": "kubernetes.io/tls", "stringData": {"tls.crt": ""}});
    let secret: Secret = serde_json::from_value(secret).unwrap();
    let status = refusal(
        server
            .secrets()
            .create(&PostParams::default(), &secret)
            .await,
    );
    assert_eq!((status.code, status.reason.as_str()), (422, "Invalid"));
    assert_eq!(
        status.message,
        "Secret \"db\" is invalid: data[tls.key]: Required value"
    );
    let causes = status.details.unwrap().causes;
    assert_eq!(
        (causes[0].field.as_str(), causes[0].reason.as_str()),
        ("data[tls.key]", "FieldValueRequired")
    );
}
