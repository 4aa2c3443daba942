//! What one namespace does to the others: objects that fail as expensively as they can are in nobody's way.

use std::time::Duration;

use futures::StreamExt;
use futures::stream::iter;
use kube::api::ListParams;
use serde_json::Value;
use tests::{Builder, Cluster, Fixture, is_real, rsa_operations, sealed_secret};

const NEIGHBOUR: &str = "neighbour";
const OBJECTS: usize = 60;
/// More than an object may be tried with in vain, and a search for the cause.
const ITEMS: usize = 260;
const MOST: u64 = 256 + 64;

/// An object with so many items that no key opens.
fn expensive(name: &str, bad: &Value) -> Value {
    let object = sealed_secret(name).in_namespace(NEIGHBOUR);
    let add = |object: Builder, item| object.raw_item(&format!("i{item:03}"), bad.clone());
    (0..ITEMS).fold(object, add).object()
}

async fn operations(cluster: &Cluster) -> u64 {
    rsa_operations(&cluster.metrics("metrics", "").await, "reconcile")
}

async fn with_a_neighbour(key: &Fixture) -> (Cluster, Value) {
    let cluster = Cluster::start(&[key]).await;
    cluster.create_namespace(NEIGHBOUR).await;
    let other = sealed_secret("other").item("a", "b", key);
    let bad = other.spec()["encryptedData"]["a"].take();
    (cluster, bad)
}

#[tokio::test]
async fn a_new_object_waits_for_no_other_namespace() {
    let key = Fixture::rsa2048();
    let (cluster, bad) = with_a_neighbour(&key).await;
    let create = async |index: usize| {
        cluster.create(expensive(&format!("e-{index}"), &bad)).await;
    };
    iter(0..OBJECTS).for_each_concurrent(16, create).await;
    cluster
        .create(sealed_secret("db").item("a", "b", &key).object())
        .await;
    cluster.secret_becomes("shop", "db", &[("a", "b")]).await;
    let objects = cluster.sealed_secrets(NEIGHBOUR);
    let all = objects.list(&ListParams::default()).await.unwrap();
    let told = all.iter().filter(|object| !object.data["status"].is_null());
    let told = told.count();
    assert!(told < OBJECTS / 2, "{told} of {OBJECTS} went first");
    assert!(operations(&cluster).await < MOST * OBJECTS as u64 / 2);
}

#[tokio::test]
async fn what_cost_too_much_is_not_tried_again_until_it_changes() {
    let key = Fixture::rsa2048();
    let (cluster, bad) = with_a_neighbour(&key).await;
    cluster.create(expensive("db", &bad)).await;
    let synced = cluster.condition(NEIGHBOUR, "db", "Synced", "False").await;
    let message = synced["message"].as_str().unwrap();
    assert!(
        message.contains("too many attempts to open the items of one object (i256, "),
        "{message}"
    );
    assert_eq!(operations(&cluster).await, MOST);
    if !is_real() {
        tests::pass(Duration::from_secs(400)).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(operations(&cluster).await, MOST);
    }
    let good = sealed_secret("db")
        .in_namespace(NEIGHBOUR)
        .item("a", "b", &key);
    cluster.edit(NEIGHBOUR, "db", good.spec()).await;
    cluster.secret_becomes(NEIGHBOUR, "db", &[("a", "b")]).await;
    cluster
        .ends_as("what-cost-too-much-is-not-tried-again-until-it-changes")
        .await;
}
