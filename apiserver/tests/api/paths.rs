//! What the server says of itself, and how it refuses what it does not do.

use kube::Error;
use serde_json::{Value, json};

use crate::server::{Server, widget};

async fn refused(server: &Server, request: http::request::Builder) -> (u16, String) {
    let request = request.body(b"{}".to_vec()).unwrap();
    match server.client.request::<Value>(request).await.unwrap_err() {
        Error::Api(status) => (status.code, status.message),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_not_served_is_not_found() {
    let server = Server::start().await;
    let (known, unknown) = (
        "the server could not find the requested resource",
        "404 page not found",
    );
    for (path, text) in [
        ("/nowhere", unknown),
        ("/apis/example.com/v2", unknown),
        ("/api/v1/pods", known),
        ("/api/v1/namespaces/default/secrets/db/scale", known),
    ] {
        assert_eq!(
            refused(&server, http::Request::get(path)).await,
            (404, text.to_owned()),
            "{path}"
        );
    }
    let review = http::Request::post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews");
    assert_eq!(refused(&server, review).await, (404, unknown.to_owned()));
}

#[tokio::test]
async fn methods_and_forms_it_does_not_know_are_refused() {
    let server = Server::start().await;
    let text = "the server does not allow this method on the requested resource".to_owned();
    let object = "/api/v1/namespaces/default/secrets/db";
    assert_eq!(
        refused(&server, http::Request::post(object)).await,
        (405, text)
    );
    let protobuf = "application/vnd.kubernetes.protobuf";
    assert_eq!(
        refused(
            &server,
            http::Request::get(object).header("accept", protobuf)
        )
        .await
        .0,
        406
    );
    let text = http::Request::post("/api/v1/namespaces").header("content-type", "text/plain");
    assert_eq!(refused(&server, text).await.0, 415);
}

#[tokio::test]
async fn openapi_describes_custom_resources_and_promises_field_validation() {
    let server = Server::start().await;
    let index = server.get("/openapi/v3", "application/json").await;
    let url = index["paths"]["apis/example.com/v1"]["serverRelativeURL"]
        .as_str()
        .unwrap();
    let document = server.get(url, "application/json").await;
    let schema = &document["components"]["schemas"]["com.example.v1.Widget"];
    assert_eq!(
        schema["properties"]["spec"]["properties"]["size"]["type"],
        "integer"
    );
    let patch =
        &document["paths"]["/apis/example.com/v1/namespaces/{namespace}/widgets/{name}"]["patch"];
    assert_eq!(patch["x-kubernetes-group-version-kind"]["kind"], "Widget");
    let parameters = patch["parameters"].as_array().unwrap();
    assert!(
        parameters
            .iter()
            .any(|parameter| parameter["name"] == "fieldValidation")
    );
}

#[tokio::test]
async fn manifests_are_created_in_their_order_or_refused_by_name() {
    let server = Server::start().await;
    let manifest = "
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
# nothing here
---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: shop}}
- {apiVersion: v1, kind: ConfigMap, metadata: {name: b}}
";
    server.api.create_from_yaml(manifest).await.unwrap();
    let maps = server.get("/api/v1/configmaps", "application/json").await;
    let places: Vec<_> = maps["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|map| &map["metadata"]["namespace"])
        .collect();
    assert_eq!(places, [&json!("default"), &json!("shop")]);

    let invalid = widget("w", json!({})).to_string();
    let error = server.api.create_from_yaml(&invalid).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot create Widget `w`: Widget.example.com \"w\" is invalid: spec.size: Required value"
    );
    let unknown = server
        .api
        .create_from_yaml("{apiVersion: v1, kind: Pod, metadata: {name: p}}")
        .await;
    assert_eq!(
        unknown.unwrap_err().to_string(),
        "cannot create Pod `p`: no matches for kind \"Pod\" in version \"v1\""
    );
}
