//! Lists: pages, selectors, and metadata alone.

use kube::api::ListParams;
use serde_json::json;

use crate::server::{Server, refusal};

#[tokio::test]
async fn pages_show_one_version_until_it_is_forgotten() {
    let server = Server::start().await;
    for name in ["a", "b", "c"] {
        server
            .create_secret(json!({"metadata": {"name": name}}))
            .await;
    }
    let first = server
        .secrets()
        .list(&ListParams::default().limit(2))
        .await
        .unwrap();
    assert_eq!(first.metadata.remaining_item_count, Some(1));
    let token = first.metadata.continue_.unwrap();
    server
        .create_secret(json!({"metadata": {"name": "d"}}))
        .await;

    let second = server
        .secrets()
        .list(&ListParams::default().continue_token(&token))
        .await
        .unwrap();
    let names: Vec<_> = second
        .items
        .iter()
        .map(|secret| secret.metadata.name.as_deref().unwrap())
        .collect();
    assert_eq!((names, second.metadata.continue_), (vec!["c"], None));
    assert_eq!(
        second.metadata.resource_version,
        first.metadata.resource_version
    );

    server.api.compact();
    let status = refusal(
        server
            .secrets()
            .list(&ListParams::default().continue_token(&token))
            .await,
    );
    assert_eq!((status.code, status.reason.as_str()), (410, "Expired"));
}

#[tokio::test]
async fn lists_are_selected_by_label_and_field() {
    let server = Server::start().await;
    server
        .create_secret(json!({"metadata": {"name": "a", "labels": {"app": "db"}}}))
        .await;
    server
        .create_secret(json!({"metadata": {"name": "b"}, "type": "example.com/x"}))
        .await;
    let names = async |params: ListParams| -> Vec<String> {
        let list = server.secrets().list(&params).await.unwrap();
        list.items
            .into_iter()
            .filter_map(|secret| secret.metadata.name)
            .collect()
    };
    assert_eq!(
        names(ListParams::default().labels("app in (db),!gone")).await,
        ["a"]
    );
    assert_eq!(names(ListParams::default().labels("app!=db")).await, ["b"]);
    assert_eq!(
        names(ListParams::default().fields("type=example.com/x")).await,
        ["b"]
    );
    assert_eq!(
        names(ListParams::default().fields("metadata.name=a")).await,
        ["a"]
    );
}

#[tokio::test]
async fn metadata_alone_can_be_read() {
    let server = Server::start().await;
    server
        .create_secret(json!({"metadata": {"name": "db"}, "stringData": {"a": "b"}}))
        .await;
    let secret = server.secrets().get_metadata("db").await.unwrap();
    assert_eq!(secret.types.unwrap().kind, "PartialObjectMetadata");
    let list = server
        .secrets()
        .list_metadata(&ListParams::default())
        .await
        .unwrap();
    assert_eq!(list.items[0].metadata.name.as_deref(), Some("db"));
}
