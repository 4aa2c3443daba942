//! Losing everything, as if etcd had.

use std::pin::pin;
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::{ListParams, WatchParams};
use serde_json::json;

use crate::server::{Server, refusal};

/// The newest version that the server knows.
async fn version(server: &Server) -> u64 {
    let list = server.secrets().list(&ListParams::default()).await.unwrap();
    list.metadata.resource_version.unwrap().parse().unwrap()
}

#[tokio::test]
async fn nothing_is_left_and_versions_begin_anew() {
    let server = Server::start().await;
    for index in 0..50 {
        let name = format!("s{index}");
        server
            .create_secret(json!({"metadata": {"name": name}}))
            .await;
    }
    let before = version(&server).await;
    server.api.start_over(Duration::ZERO).await.unwrap();
    assert!(version(&server).await < before);
    let all = ListParams::default();
    assert!(server.secrets().list(&all).await.unwrap().items.is_empty());
    assert_eq!(refusal(server.widgets().list(&all).await).code, 404);
    let namespaces: Api<Namespace> = Api::all(server.client.clone());
    assert_eq!(namespaces.list(&all).await.unwrap().items.len(), 4);
}

#[tokio::test]
async fn watches_break_off_and_one_from_before_hears_nothing() {
    let server = Server::start().await;
    let options = WatchParams::default();
    let version = version(&server).await.to_string();
    let mut before = pin!(server.secrets().watch(&options, &version).await.unwrap());
    server.api.start_over(Duration::ZERO).await.unwrap();
    assert!(before.next().await.is_none());

    let future = (1_000_000).to_string();
    let mut after = pin!(server.secrets().watch(&options, &future).await.unwrap());
    server
        .create_secret(json!({"metadata": {"name": "a"}}))
        .await;
    let heard = tokio::time::timeout(Duration::from_millis(200), after.next()).await;
    assert!(heard.is_err(), "{heard:?}");
}

#[tokio::test]
async fn nobody_is_answered_meanwhile() {
    let server = Server::start().await;
    let away = server.api.start_over(Duration::from_millis(50));
    let ask = async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        refusal(server.secrets().list(&ListParams::default()).await).code
    };
    let (over, code) = tokio::join!(away, ask);
    over.unwrap();
    assert_eq!(code, 503);
    version(&server).await;
}

#[tokio::test]
async fn garbage_is_collected_as_before() {
    let server = Server::start().await;
    server.api.start_over(Duration::ZERO).await.unwrap();
    let owner = json!({"apiVersion": "v1", "kind": "Secret", "name": "gone", "uid": "gone"});
    let orphan = json!({"metadata": {"name": "orphan", "ownerReferences": [owner]}});
    server.create_secret(orphan).await;
    crate::server::eventually(|| async {
        let found = server.secrets().get_opt("orphan").await.unwrap();
        found.is_none()
    })
    .await;
}
