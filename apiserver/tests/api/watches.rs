//! Watches: where they begin, what they show, and how they end.

use std::pin::pin;
use std::time::Duration;

use futures::{Stream, StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, Patch, PatchParams, WatchEvent, WatchParams};
use kube::runtime::watcher;
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

use crate::server::Server;

async fn next(
    events: &mut (impl Stream<Item = kube::Result<WatchEvent<Secret>>> + Unpin),
) -> String {
    let event = tokio::time::timeout(Duration::from_secs(5), events.next())
        .await
        .unwrap();
    match event.unwrap().unwrap() {
        WatchEvent::Added(secret) => format!("added {}", secret.name_any()),
        WatchEvent::Modified(secret) => format!("modified {}", secret.name_any()),
        WatchEvent::Deleted(secret) => format!("deleted {}", secret.name_any()),
        WatchEvent::Bookmark(bookmark) => {
            format!("bookmark {}", bookmark.metadata.annotations.len())
        }
        WatchEvent::Error(status) => format!("error {}", status.code),
    }
}

async fn label(server: &Server, name: &str, labels: Value) {
    let labels = Patch::Merge(json!({"metadata": {"labels": labels}}));
    server
        .secrets()
        .patch(name, &PatchParams::default(), &labels)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_watch_tells_what_happened_after_its_version() {
    let server = Server::start().await;
    let first = server
        .create_secret(json!({"metadata": {"name": "a"}}))
        .await;
    let version = first.metadata.resource_version.unwrap();
    let mut events = pin!(
        server
            .secrets()
            .watch(&WatchParams::default(), &version)
            .await
            .unwrap()
    );
    server
        .create_secret(json!({"metadata": {"name": "b"}}))
        .await;
    label(&server, "b", json!({"x": "y"})).await;
    server
        .secrets()
        .delete("a", &DeleteParams::default())
        .await
        .unwrap();
    assert_eq!(next(&mut events).await, "added b");
    assert_eq!(next(&mut events).await, "modified b");
    assert_eq!(next(&mut events).await, "deleted a");
}

#[tokio::test]
async fn a_watch_without_a_version_begins_with_what_is_there() {
    let server = Server::start().await;
    server
        .create_secret(json!({"metadata": {"name": "a"}}))
        .await;
    let mut events = pin!(
        server
            .secrets()
            .watch(&WatchParams::default(), "0")
            .await
            .unwrap()
    );
    assert_eq!(next(&mut events).await, "added a");
}

#[tokio::test]
async fn an_object_that_leaves_the_selector_is_gone() {
    let server = Server::start().await;
    let params = WatchParams::default().labels("app=db");
    let mut events = pin!(server.secrets().watch(&params, "0").await.unwrap());
    server
        .create_secret(json!({"metadata": {"name": "a"}}))
        .await;
    label(&server, "a", json!({"app": "db"})).await;
    label(&server, "a", json!({"app": "db", "x": "y"})).await;
    label(&server, "a", json!({"app": "web"})).await;
    server
        .secrets()
        .delete("a", &DeleteParams::default())
        .await
        .unwrap();
    server
        .create_secret(json!({"metadata": {"name": "b", "labels": {"app": "db"}}}))
        .await;
    for expected in ["added a", "modified a", "deleted a", "added b"] {
        assert_eq!(next(&mut events).await, expected);
    }
}

#[tokio::test]
async fn a_forgotten_version_is_told_in_the_stream() {
    let server = Server::start().await;
    let first = server
        .create_secret(json!({"metadata": {"name": "a"}}))
        .await;
    server
        .create_secret(json!({"metadata": {"name": "b"}}))
        .await;
    server.api.compact();
    let version = first.metadata.resource_version.unwrap();
    let mut events = pin!(
        server
            .secrets()
            .watch(&WatchParams::default(), &version)
            .await
            .unwrap()
    );
    assert_eq!(next(&mut events).await, "error 410");
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn a_watch_ends_in_time_with_a_bookmark() {
    let server = Server::start().await;
    let params = WatchParams::default().timeout(1);
    let mut events = pin!(server.secrets().watch(&params, "0").await.unwrap());
    assert_eq!(next(&mut events).await, "bookmark 0");
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn a_streamed_list_ends_with_a_marked_bookmark() {
    let server = Server::start().await;
    server
        .create_secret(json!({"metadata": {"name": "a"}}))
        .await;
    let params = WatchParams::default().initial_events();
    let mut events = pin!(server.secrets().watch(&params, "0").await.unwrap());
    assert_eq!(next(&mut events).await, "added a");
    assert_eq!(next(&mut events).await, "bookmark 1");
}

#[tokio::test]
async fn watches_of_metadata_show_metadata() {
    let server = Server::start().await;
    server
        .create_secret(json!({"metadata": {"name": "a"}, "stringData": {"x": "y"}}))
        .await;
    let mut events = pin!(
        server
            .secrets()
            .watch_metadata(&WatchParams::default(), "0")
            .await
            .unwrap()
    );
    match events.next().await.unwrap().unwrap() {
        WatchEvent::Added(secret) => {
            assert_eq!(secret.types.unwrap().kind, "PartialObjectMetadata")
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_watcher_recovers_from_what_is_forgotten() {
    let server = Server::start().await;
    server
        .create_secret(json!({"metadata": {"name": "a"}}))
        .await;
    for config in [
        watcher::Config::default(),
        watcher::Config::default().streaming_lists(),
    ] {
        let mut events = pin!(
            watcher(server.secrets(), config).try_filter_map(async |event| Ok(match event {
                watcher::Event::Apply(secret) | watcher::Event::InitApply(secret) =>
                    Some(secret.name_any()),
                _ => None,
            }))
        );
        assert_eq!(events.try_next().await.unwrap().unwrap(), "a");
    }
}

#[tokio::test]
async fn a_server_that_stops_ends_its_watches() {
    let server = Server::start().await;
    let secrets: Api<Secret> = server.secrets();
    let mut events = pin!(secrets.watch(&WatchParams::default(), "0").await.unwrap());
    drop(server);
    let end = tokio::time::timeout(Duration::from_secs(5), events.next())
        .await
        .unwrap();
    assert!(end.is_none());
}
