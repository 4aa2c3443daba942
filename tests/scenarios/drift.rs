//! What others do to a Secret of ours, and what becomes of that.

use std::time::Duration;

use controller::Config;
use k8s_openapi::api::core::v1::Event;
use kube::ResourceExt;
use kube::api::DeleteParams;
use serde_json::{Value, json};
use tests::{Cluster, Fixture, eventually, quiet, sealed_secret};

const SKIP_OWNER: &str = "sealedsecrets.bitnami.com/skip-set-owner-references";

/// An object whose Secret is there.
async fn db(cluster: &Cluster, key: &Fixture, template: Value) {
    let sealed = sealed_secret("db").item("a", "b", key).template(template);
    cluster.create(sealed.object()).await;
    cluster.condition("shop", "db", "Ready", "True").await;
}

/// <https://github.com/bitnami/sealed-secrets/issues/770>
#[tokio::test]
async fn repairs_values_labels_and_owners() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start_with(quiet(), &[&key]).await;
    db(
        &cluster,
        &key,
        json!({ "metadata": { "labels": { "app": "shop" } } }),
    )
    .await;
    let damage = json!({
        "metadata": { "labels": { "app": "other" }, "ownerReferences": null },
        "data": { "a": null }, "stringData": { "more": "x" },
    });
    // Without an owner it would not be ours; the record knows it.
    cluster.patch_secret("shop", "db", damage).await;
    cluster.secret_becomes("shop", "db", &[("a", "b")]).await;
    let secret = cluster.secrets("shop").get("db").await.unwrap();
    assert_eq!(secret.labels()["app"], "shop");
    assert_eq!(secret.owner_references().len(), 1);
}

#[tokio::test]
async fn leaves_labels_that_others_added_until_the_object_changes() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start_with(quiet(), &[&key]).await;
    db(&cluster, &key, json!({})).await;
    let theirs = json!({ "metadata": { "labels": { "theirs": "x" } } });
    let labelled = cluster.patch_secret("shop", "db", theirs).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let after = cluster.secrets("shop").get("db").await.unwrap();
    assert_eq!(after.resource_version(), labelled.resource_version());
    // Also when there is something to repair.
    cluster
        .patch_secret("shop", "db", json!({ "stringData": { "a": "c" } }))
        .await;
    cluster.secret_becomes("shop", "db", &[("a", "b")]).await;
    assert_eq!(
        cluster.secrets("shop").get("db").await.unwrap().labels()["theirs"],
        "x"
    );
    cluster
        .edit(
            "shop",
            "db",
            sealed_secret("db").item("a", "c", &key).spec(),
        )
        .await;
    cluster.secret_becomes("shop", "db", &[("a", "c")]).await;
    assert!(
        cluster
            .secrets("shop")
            .get("db")
            .await
            .unwrap()
            .labels()
            .is_empty()
    );
}

/// <https://github.com/bitnami/sealed-secrets/issues/1151>
#[tokio::test]
async fn repairs_nothing_and_makes_nothing_again_when_told_so() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start_with(
        Config {
            repair: false,
            ..quiet()
        },
        &[&key],
    )
    .await;
    db(&cluster, &key, json!({})).await;
    cluster
        .patch_secret("shop", "db", json!({ "stringData": { "a": "c" } }))
        .await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    cluster.secret_becomes("shop", "db", &[("a", "c")]).await;
    let secrets = cluster.secrets("shop");
    secrets
        .delete("db", &DeleteParams::default())
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(1300)).await;
    assert!(secrets.get_opt("db").await.unwrap().is_none());
    // An edit makes it again.
    cluster
        .edit(
            "shop",
            "db",
            sealed_secret("db").item("a", "d", &key).spec(),
        )
        .await;
    cluster.secret_becomes("shop", "db", &[("a", "d")]).await;
}

#[tokio::test]
async fn an_unowned_secret_that_it_wrote_is_success_and_is_kept() {
    let key = Fixture::rsa2048();
    let mut cluster = Cluster::start_with(quiet(), &[&key]).await;
    db(
        &cluster,
        &key,
        json!({ "metadata": { "annotations": { SKIP_OWNER: "true" } } }),
    )
    .await;
    let secret = cluster.secrets("shop").get("db").await.unwrap();
    assert!(secret.owner_references().is_empty());
    let template = json!({ "metadata": { "annotations": { SKIP_OWNER: "true" } } });
    let changed = sealed_secret("db").item("a", "c", &key).template(template);
    cluster.edit("shop", "db", changed.spec()).await;
    cluster.secret_becomes("shop", "db", &[("a", "c")]).await;
    cluster.condition("shop", "db", "Ready", "True").await;
    cluster.stop_controller().await;
    cluster.run_controller(quiet()).await;
    cluster
        .patch_secret("shop", "db", json!({ "stringData": { "a": "x" } }))
        .await;
    cluster.secret_becomes("shop", "db", &[("a", "c")]).await;
    cluster.delete("shop", "db").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    cluster.secret_becomes("shop", "db", &[("a", "c")]).await;
}

/// Does something to the Secret until the controller gives in, and lets its pause go by.
async fn fight(cluster: &Cluster, hurt: impl AsyncFn()) {
    let text = "somebody else keeps changing the Secret back";
    eventually("it gives in", async || {
        hurt().await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        let object = cluster.sealed_secrets("shop").get("db").await.unwrap();
        (object.data["status"]["conditions"][0]["message"] == text).then_some(())
    })
    .await;
    // The pause begins when that is told.
    eventually("an Event says so", async || {
        let events = cluster.events("shop", "db").await;
        let is_told = |event: &Event| event.message.as_deref() == Some(text);
        events.iter().any(is_told).then_some(())
    })
    .await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    tests::pass(Duration::from_secs(61)).await;
}

#[tokio::test]
async fn stops_fighting_and_says_so() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start_with(quiet(), &[&key]).await;
    db(&cluster, &key, json!({})).await;
    fight(&cluster, async || {
        let damage = json!({ "stringData": { "a": "x" } });
        cluster.patch_secret("shop", "db", damage).await;
    })
    .await;
    cluster.secret_becomes("shop", "db", &[("a", "b")]).await;
    cluster.condition("shop", "db", "Ready", "True").await;
}

#[tokio::test]
async fn stops_making_again_what_somebody_keeps_deleting() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start_with(quiet(), &[&key]).await;
    db(&cluster, &key, json!({})).await;
    let secrets = cluster.secrets("shop");
    fight(&cluster, async || {
        _ = secrets.delete("db", &DeleteParams::default()).await;
    })
    .await;
    cluster.secret_becomes("shop", "db", &[("a", "b")]).await;
    cluster.condition("shop", "db", "Ready", "True").await;
}

#[tokio::test]
async fn deletes_only_its_own_secrets_when_told_to() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start_with(
        Config {
            delete_secrets: true,
            ..quiet()
        },
        &[&key],
    )
    .await;
    let unowned = json!({ "metadata": { "annotations": { SKIP_OWNER: "true" } } });
    db(&cluster, &key, unowned).await;
    cluster.create_foreign("foreign", &[("a", "x")]).await;
    cluster
        .create(sealed_secret("foreign").item("a", "b", &key).object())
        .await;
    cluster
        .condition("shop", "foreign", "Synced", "False")
        .await;
    cluster.delete("shop", "db").await;
    cluster.delete("shop", "foreign").await;
    let secrets = cluster.secrets("shop");
    eventually("its own Secret is deleted", async || {
        secrets.get_opt("db").await.unwrap().is_none().then_some(())
    })
    .await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(secrets.get_opt("foreign").await.unwrap().is_some());
}

/// <https://github.com/bitnami/sealed-secrets/issues/1364>
#[tokio::test]
async fn a_second_controller_does_no_harm() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start_with(quiet(), &[&key]).await;
    cluster.run_second_controller(quiet()).await;
    for name in ["a", "b", "c", "d"] {
        cluster
            .create(sealed_secret(name).item("a", "b", &key).object())
            .await;
    }
    for name in ["a", "b", "c", "d"] {
        cluster.secret_becomes("shop", name, &[("a", "b")]).await;
        cluster.condition("shop", name, "Ready", "True").await;
    }
    let before = cluster.secrets("shop").get("a").await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let after = cluster.secrets("shop").get("a").await.unwrap();
    assert_eq!(after.resource_version(), before.resource_version());
}
