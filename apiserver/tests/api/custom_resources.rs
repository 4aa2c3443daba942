//! CRDs: validation, pruning, nulls, unknown fields, discovery and deletion.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::{Api, Discovery};
use serde_json::{Value, json};

use crate::server::{Server, eventually, object, refusal, widget};

async fn refused(spec: Value) -> String {
    let server = Server::start().await;
    let status = refusal(
        server
            .widgets()
            .create(&PostParams::default(), &object(widget("w", spec)))
            .await,
    );
    assert_eq!((status.code, status.reason.as_str()), (422, "Invalid"));
    status.message
}

#[tokio::test]
async fn invalid_fields_are_named() {
    assert_eq!(
        refused(json!("x")).await,
        "Widget.example.com \"w\" is invalid: spec: Invalid value: \"string\": spec in body must be of type object: \"string\""
    );
    assert_eq!(
        refused(json!({})).await,
        "Widget.example.com \"w\" is invalid: spec.size: Required value"
    );
    assert_eq!(
        refused(json!({"size": 1, "colour": "blue"})).await,
        "Widget.example.com \"w\" is invalid: spec.colour: Unsupported value: \"blue\": supported values: \"red\", \"green\""
    );
    assert_eq!(
        refused(json!({"size": 0, "parts": {"a": 1}})).await,
        "Widget.example.com \"w\" is invalid: [spec.parts.a: Invalid value: \"integer\": spec.parts.a in body must be of type \
         string: \"integer\", spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1]"
    );
    assert_eq!(
        refused(json!({"size": 1, "parts": {"a": null}})).await,
        "Widget.example.com \"w\" is invalid: spec.parts.a: Invalid value: \"null\": spec.parts.a in body must be of type \
         string: \"null\""
    );
}

#[tokio::test]
async fn what_is_missing_at_the_top_is_required() {
    let server = Server::start().await;
    let bare = object(
        json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}}),
    );
    let status = refusal(server.widgets().create(&PostParams::default(), &bare).await);
    assert_eq!(
        status.message,
        "Widget.example.com \"w\" is invalid: spec: Required value"
    );
}

#[tokio::test]
async fn unknown_fields_are_pruned_nulls_settled_and_defaults_set() {
    let server = Server::start().await;
    let spec =
        json!({"size": 1, "unknown": 1, "note": null, "title": null, "anything": {"goes": [1]}});
    let created = server.create_widget(widget("w", spec)).await;
    assert_eq!(
        created.data["spec"],
        json!({"size": 1, "colour": "red", "note": null, "anything": {"goes": [1]}})
    );
}

#[tokio::test]
async fn unknown_fields_are_refused_warned_about_or_ignored() {
    let server = Server::start().await;
    let create = async |name: &str, validation: &str| {
        let path =
            format!("/apis/example.com/v1/namespaces/default/widgets?fieldValidation={validation}");
        let body = widget(name, json!({"size": 1, "foo": 1}))
            .to_string()
            .into_bytes();
        server
            .client
            .send(http::Request::post(path).body(body.into()).unwrap())
            .await
            .unwrap()
    };
    assert_eq!(create("strict", "Strict").await.status(), 400);
    let warned = create("warn", "Warn").await;
    assert_eq!(warned.status(), 201);
    assert_eq!(
        warned.headers()["warning"],
        r#"299 - "unknown field \"spec.foo\"""#
    );
    assert!(
        create("ignore", "Ignore")
            .await
            .headers()
            .get("warning")
            .is_none()
    );
}

#[tokio::test]
async fn metadata_is_typed() {
    let server = Server::start().await;
    let path = "/apis/example.com/v1/namespaces/default/widgets";
    let mut widget = widget("w", json!({"size": 1}));
    widget["metadata"]["labels"] = json!({"a": true});
    let request = http::Request::post(path)
        .body(widget.to_string().into_bytes())
        .unwrap();
    let status = refusal(server.client.request::<Value>(request).await);
    assert_eq!(status.code, 400);
    assert_eq!(
        status.message,
        "Widget in version \"v1\" cannot be handled as a Widget: json: cannot unmarshal bool into Go struct field \
         ObjectMeta.labels of type string"
    );
}

#[tokio::test]
async fn an_update_names_the_version_it_replaces() {
    let server = Server::start().await;
    let mut created = server.create_widget(widget("w", json!({"size": 1}))).await;
    created.metadata.resource_version = None;
    let status = refusal(
        server
            .widgets()
            .replace("w", &PostParams::default(), &created)
            .await,
    );
    assert_eq!(
        status.message,
        "widgets.example.com \"w\" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update"
    );
}

#[tokio::test]
async fn a_crd_is_established_discovered_and_takes_its_objects_along() {
    let server = Server::start().await;
    let crds = Api::<CustomResourceDefinition>::all(server.client.clone());
    let conditions = crds
        .get("widgets.example.com")
        .await
        .unwrap()
        .status
        .unwrap()
        .conditions
        .unwrap();
    assert!(
        conditions
            .iter()
            .any(|condition| condition.type_ == "Established" && condition.status == "True")
    );
    let discovery = Discovery::new(server.client.clone()).run().await.unwrap();
    assert!(
        discovery
            .get("example.com")
            .unwrap()
            .recommended_kind("Widget")
            .is_some()
    );

    server.create_widget(widget("w", json!({"size": 1}))).await;
    crds.delete("widgets.example.com", &DeleteParams::default())
        .await
        .unwrap();
    eventually(async || crds.get_opt("widgets.example.com").await.unwrap().is_none()).await;
    let status = refusal(server.widgets().list(&ListParams::default()).await);
    assert_eq!(
        (status.code, status.message.as_str()),
        (404, "404 page not found")
    );
}
