//! Garbage collection by owner references.

use kube::api::{DeleteParams, PropagationPolicy};
use serde_json::{Value, json};

use crate::server::{Server, eventually, widget};

async fn owner(server: &Server, name: &str) -> Value {
    let owner = server.create_widget(widget(name, json!({"size": 1}))).await;
    json!({"apiVersion": "example.com/v1", "kind": "Widget", "name": name, "uid": owner.metadata.uid})
}

fn owned(name: &str, owners: &[&Value]) -> Value {
    json!({"metadata": {"name": name, "ownerReferences": owners}})
}

async fn is_there(server: &Server, name: &str) -> bool {
    server.secrets().get_opt(name).await.unwrap().is_some()
}

#[tokio::test]
async fn dependents_follow_their_last_owner() {
    let server = Server::start().await;
    let (one, two) = (owner(&server, "one").await, owner(&server, "two").await);
    server.create_secret(owned("of-one", &[&one])).await;
    server.create_secret(owned("of-both", &[&one, &two])).await;
    server
        .create_secret(json!({"metadata": {"name": "of-none"}}))
        .await;

    server
        .widgets()
        .delete("one", &DeleteParams::default())
        .await
        .unwrap();
    eventually(async || !is_there(&server, "of-one").await).await;
    eventually(async || {
        let both = server.secrets().get("of-both").await.unwrap();
        both.metadata.owner_references.unwrap().len() == 1
    })
    .await;
    server
        .widgets()
        .delete("two", &DeleteParams::default())
        .await
        .unwrap();
    eventually(async || !is_there(&server, "of-both").await).await;
    assert!(is_there(&server, "of-none").await);
}

#[tokio::test]
async fn an_owner_with_another_uid_is_no_owner() {
    let server = Server::start().await;
    let mut other = owner(&server, "one").await;
    other["uid"] = "of-the-past".into();
    server.create_secret(owned("lost", &[&other])).await;
    eventually(async || !is_there(&server, "lost").await).await;
}

#[tokio::test]
async fn orphans_survive() {
    let server = Server::start().await;
    let one = owner(&server, "one").await;
    server.create_secret(owned("orphan", &[&one])).await;
    let policy = DeleteParams {
        propagation_policy: Some(PropagationPolicy::Orphan),
        ..DeleteParams::default()
    };
    server.widgets().delete("one", &policy).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let orphan = server.secrets().get("orphan").await.unwrap();
    assert_eq!(orphan.metadata.owner_references, None);
}
