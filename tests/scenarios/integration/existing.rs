//! UC5 to UC8 and UC10 to UC12: a Secret is there before its SealedSecret.

use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use serde_json::{Value, json};
use tests::{Cluster, Fixture};

use super::{NAME, delete_secret, is_absent, labels, sealed, secret};

/// A Secret that is there before its SealedSecret.
fn existing(annotations: &[&str]) -> Value {
    let annotations: serde_json::Map<_, _> = annotations
        .iter()
        .map(|key| (format!("sealedsecrets.bitnami.com/{key}"), "true".into()))
        .collect();
    json!({
        "metadata": { "name": NAME, "namespace": "shop", "annotations": annotations, "labels": { "anotherlabel": "anothervalue" } },
        "stringData": { "foo2": "bar2" },
    })
}

async fn create_secret(cluster: &Cluster, secret: Value) {
    let secret: Secret = serde_json::from_value(secret).unwrap();
    cluster.create_secret(&secret).await;
}

/// UC5
#[tokio::test]
async fn takes_over_a_managed_secret() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    create_secret(&cluster, existing(&["managed"])).await;
    cluster.create(sealed(&key).object()).await;
    cluster.event("shop", NAME, "Unsealed").await;
    cluster
        .secret_becomes("shop", NAME, &[("foo", "bar")])
        .await;
    let secret = secret(&cluster).await;
    assert_eq!(secret.owner_references()[0].name, NAME);
    assert_eq!(secret.metadata.annotations, None);
    assert_eq!(labels(&secret), [("mylabel", "myvalue")]);
    cluster.ends_as("takes-over-a-managed-secret").await;
}

/// UC6
#[tokio::test]
async fn owns_and_merges_into_a_secret_that_is_managed_and_patched() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    create_secret(&cluster, existing(&["managed", "patch"])).await;
    cluster.create(sealed(&key).object()).await;
    let items = [("foo", "bar"), ("foo2", "bar2")];
    cluster.secret_becomes("shop", NAME, &items).await;
    let secret = secret(&cluster).await;
    assert_eq!(secret.owner_references()[0].name, NAME);
    assert_eq!(secret.annotations().len(), 2);
    let all = [("anotherlabel", "anothervalue"), ("mylabel", "myvalue")];
    assert_eq!(labels(&secret), all);
    cluster
        .ends_as("owns-and-merges-into-a-secret-that-is-managed-and-patched")
        .await;
}

/// UC7
#[tokio::test]
async fn merges_into_a_patched_secret_without_owning_it() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    create_secret(&cluster, existing(&["patch"])).await;
    cluster.create(sealed(&key).object()).await;
    let items = [("foo", "bar"), ("foo2", "bar2")];
    cluster.secret_becomes("shop", NAME, &items).await;
    let secret = secret(&cluster).await;
    assert!(secret.owner_references().is_empty());
    assert_eq!(secret.annotations().len(), 1);
    let all = [("anotherlabel", "anothervalue"), ("mylabel", "myvalue")];
    assert_eq!(labels(&secret), all);
    cluster
        .ends_as("merges-into-a-patched-secret-without-owning-it")
        .await;
}

/// UC8
#[tokio::test]
async fn merges_into_a_patched_secret_that_is_empty() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    let mut empty = existing(&["patch"]);
    empty["stringData"] = Value::Null;
    empty["metadata"]["labels"] = Value::Null;
    create_secret(&cluster, empty).await;
    cluster.create(sealed(&key).object()).await;
    cluster
        .secret_becomes("shop", NAME, &[("foo", "bar")])
        .await;
    let secret = secret(&cluster).await;
    assert!(secret.owner_references().is_empty());
    assert_eq!(labels(&secret), [("mylabel", "myvalue")]);
    cluster
        .ends_as("merges-into-a-patched-secret-that-is-empty")
        .await;
}

/// UC10
#[tokio::test]
async fn makes_a_managed_secret_again() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    create_secret(&cluster, existing(&["managed"])).await;
    cluster.create(sealed(&key).object()).await;
    delete_secret(&cluster).await;
    cluster
        .secret_becomes("shop", NAME, &[("foo", "bar")])
        .await;
    assert_eq!(secret(&cluster).await.owner_references()[0].name, NAME);
}

/// UC11, UC12
#[tokio::test]
async fn does_not_hurry_to_replace_an_unowned_secret() {
    for annotations in [&[][..], &["patch"]] {
        let key = Fixture::rsa2048();
        let cluster = Cluster::start(&[&key]).await;
        create_secret(&cluster, existing(annotations)).await;
        // As far apart as requests over a network.
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        cluster.create(sealed(&key).object()).await;
        delete_secret(&cluster).await;
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        assert!(is_absent(&cluster, "shop", NAME).await, "{annotations:?}");
    }
}
