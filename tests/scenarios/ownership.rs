//! What is not ours is left alone.

use std::collections::BTreeMap;
use std::time::Instant;

use controller::Config;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use serde_json::json;
use tests::{Cluster, Fixture, eventually, key_secret, quiet, sealed_secret};

fn foreign(annotations: &[&str]) -> Secret {
    annotated(annotations, "true")
}

fn annotated(annotations: &[&str], value: &str) -> Secret {
    let annotations: BTreeMap<_, _> = annotations
        .iter()
        .map(|key| (format!("sealedsecrets.bitnami.com/{key}"), value))
        .collect();
    serde_json::from_value(json!({
        "metadata": { "name": "db", "namespace": "shop", "annotations": annotations },
        "stringData": { "mine": "x" },
    }))
    .unwrap()
}

#[tokio::test]
async fn leaves_a_foreign_secret_alone_and_says_so() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    cluster.create_secret(&foreign(&[])).await;
    let before = cluster.secrets("shop").get("db").await.unwrap();
    cluster
        .create(sealed_secret("db").item("a", "b", &key).object())
        .await;
    let synced = cluster.condition("shop", "db", "Synced", "False").await;
    let text = "Resource \"db\" already exists and is not managed by SealedSecret";
    assert_eq!(synced["message"], format!("failed update: {text}"));
    assert_eq!(cluster.event("shop", "db", "ErrUpdateFailed").await, text);
    let after = cluster.secrets("shop").get("db").await.unwrap();
    assert_eq!(after.resource_version(), before.resource_version());
    cluster
        .ends_as("leaves-a-foreign-secret-alone-and-says-so")
        .await;
}

#[tokio::test]
async fn takes_over_a_secret_that_asks_to_be_managed() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    cluster.create_secret(&foreign(&["managed"])).await;
    cluster
        .create(sealed_secret("db").item("a", "b", &key).object())
        .await;
    cluster.secret_becomes("shop", "db", &[("a", "b")]).await;
    let secret = cluster.secrets("shop").get("db").await.unwrap();
    assert_eq!(secret.owner_references().len(), 1);
    assert!(secret.annotations().is_empty());
    cluster
        .ends_as("takes-over-a-secret-that-asks-to-be-managed")
        .await;
}

#[tokio::test]
async fn merges_into_a_secret_that_asks_to_be_patched() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    cluster.create_secret(&foreign(&["patch"])).await;
    cluster
        .create(sealed_secret("db").item("a", "b", &key).object())
        .await;
    cluster
        .secret_becomes("shop", "db", &[("a", "b"), ("mine", "x")])
        .await;
    let secret = cluster.secrets("shop").get("db").await.unwrap();
    assert!(secret.owner_references().is_empty());
    cluster
        .ends_as("merges-into-a-secret-that-asks-to-be-patched")
        .await;
}

#[tokio::test]
async fn writes_the_secret_once_the_foreign_one_is_gone() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    cluster.create_secret(&foreign(&[])).await;
    cluster
        .create(sealed_secret("db").item("a", "b", &key).object())
        .await;
    cluster.condition("shop", "db", "Synced", "False").await;
    cluster
        .secrets("shop")
        .delete("db", &Default::default())
        .await
        .unwrap();
    cluster.secret_becomes("shop", "db", &[("a", "b")]).await;
    cluster.condition("shop", "db", "Synced", "True").await;
    cluster
        .ends_as("writes-the-secret-once-the-foreign-one-is-gone")
        .await;
}

#[tokio::test]
async fn gives_an_unowned_secret_time_to_come_back() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    cluster.create_secret(&foreign(&["patch"])).await;
    cluster
        .create(sealed_secret("db").item("a", "b", &key).object())
        .await;
    cluster.condition("shop", "db", "Synced", "True").await;
    cluster
        .secrets("shop")
        .delete("db", &Default::default())
        .await
        .unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert!(
        cluster
            .secrets("shop")
            .get_opt("db")
            .await
            .unwrap()
            .is_none()
    );
    cluster.secret_becomes("shop", "db", &[("a", "b")]).await;
    cluster
        .ends_as("gives-an-unowned-secret-time-to-come-back")
        .await;
}

/// Nothing is waited for in between: whatever the controller has seen by then, the Secret may come back.
#[tokio::test]
async fn gives_a_foreign_secret_time_to_come_back_that_went_at_first_sight() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    let round = async |index: usize| {
        let name = format!("s{index}");
        let mut there = foreign(if index < 6 { &[] } else { &["patch"] });
        there.metadata.name = Some(name.clone());
        cluster.create_secret(&there).await;
        let sealed = sealed_secret(&name).item("a", "b", &key);
        cluster.create(sealed.object()).await;
        let secrets = cluster.secrets("shop");
        let deleting = Instant::now();
        secrets.delete(&name, &Default::default()).await.unwrap();
        if index % 4 < 2 {
            // an edit is no reason to hurry
            let edited = sealed.item("more", "b", &key).spec();
            cluster.edit("shop", &name, edited).await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        let is_absent = secrets.get_opt(&name).await.unwrap().is_none();
        // a machine that is busy enough finds its second over
        assert!(is_absent || deleting.elapsed().as_secs() > 0, "{name}");
        cluster.condition("shop", &name, "Ready", "True").await;
        assert_eq!(cluster.secret("shop", &name).await["a"], "b");
    };
    futures::future::join_all((0..12).map(round)).await;
}

#[tokio::test]
async fn does_not_own_a_foreign_secret_that_happens_to_be_equal() {
    let key = Fixture::rsa2048();
    let config = Config {
        delete_secrets: true,
        ..quiet()
    };
    let cluster = Cluster::start_with(config, &[&key]).await;
    // It may have no owner, or ours would make it differ.
    let skip = json!({ "sealedsecrets.bitnami.com/skip-set-owner-references": "true" });
    let mut equal = foreign(&[]);
    equal.metadata.annotations = serde_json::from_value(skip.clone()).unwrap();
    cluster.create_secret(&equal).await;
    let template = json!({ "metadata": { "annotations": skip } });
    let sealed = sealed_secret("db").template(template);
    cluster
        .create(sealed.clone().item("mine", "x", &key).object())
        .await;
    cluster.condition("shop", "db", "Ready", "True").await;
    cluster
        .edit("shop", "db", sealed.item("mine", "y", &key).spec())
        .await;
    let synced = cluster.condition("shop", "db", "Synced", "False").await;
    let message = synced["message"].as_str().unwrap();
    assert!(message.contains("is not managed by"), "{message}");
    cluster.delete("shop", "db").await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    cluster.secret_becomes("shop", "db", &[("mine", "x")]).await;
    cluster
        .ends_as("does-not-own-a-foreign-secret-that-happens-to-be-equal")
        .await;
}

#[tokio::test]
async fn says_that_an_immutable_secret_stays_as_it_is() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    let immutable = sealed_secret("db").template(json!({ "immutable": true }));
    cluster
        .create(immutable.clone().item("a", "b", &key).object())
        .await;
    cluster.secret_becomes("shop", "db", &[("a", "b")]).await;
    assert_eq!(
        cluster.secrets("shop").get("db").await.unwrap().immutable,
        Some(true)
    );
    cluster
        .edit("shop", "db", immutable.item("a", "c", &key).spec())
        .await;
    let synced = cluster.condition("shop", "db", "Synced", "False").await;
    let message = synced["message"].as_str().unwrap();
    assert!(
        message.ends_with("field is immutable when `immutable` is set"),
        "{message}"
    );
    let event = cluster.event("shop", "db", "ErrUpdateFailed").await;
    assert!(
        event.starts_with("Error updating shop/db: the target Secret is immutable."),
        "{event}"
    );
    cluster.secret_becomes("shop", "db", &[("a", "b")]).await;
    cluster
        .ends_as("says-that-an-immutable-secret-stays-as-it-is")
        .await;
}

#[tokio::test]
async fn takes_only_the_exact_word_true_as_consent() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    let sealed = sealed_secret("db").item("a", "b", &key);
    for value in ["True", "yes", "1", ""] {
        cluster
            .create_secret(&annotated(&["managed", "patch"], value))
            .await;
        cluster.create(sealed.object()).await;
        cluster.condition("shop", "db", "Synced", "False").await;
        cluster.secret_becomes("shop", "db", &[("mine", "x")]).await;
        cluster.delete("shop", "db").await;
        cluster
            .secrets("shop")
            .delete("db", &Default::default())
            .await
            .unwrap();
    }
    cluster
        .ends_as("takes-only-the-exact-word-true-as-consent")
        .await;
}

/// <https://github.com/bitnami/sealed-secrets/issues/1151> (L83)
#[tokio::test]
async fn runs_with_skip_recreate() {
    let key = Fixture::rsa2048();
    let mut cluster = Cluster::empty().await;
    cluster.create_secret(&key_secret(&key)).await;
    let config = Config {
        repair: false,
        ..quiet()
    };
    cluster.run_controller(config).await;
    let sealed = sealed_secret("db").item("a", "b", &key);
    cluster.create(sealed.object()).await;
    cluster.condition("shop", "db", "Synced", "True").await;
    cluster
        .secrets("shop")
        .delete("db", &Default::default())
        .await
        .unwrap();
    // longer than one that comes back needs
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    let gone = cluster.secrets("shop").get_opt("db").await.unwrap();
    assert!(gone.is_none());
    cluster
        .edit("shop", "db", sealed.item("a", "c", &key).spec())
        .await;
    cluster.secret_becomes("shop", "db", &[("a", "c")]).await;
    cluster.ends_as("runs-with-skip-recreate").await;
}

/// <https://github.com/bitnami/sealed-secrets/issues/629> (L23)
#[tokio::test]
async fn converges_after_etcd_starts_over() {
    let key = Fixture::rsa2048();
    let mut cluster = Cluster::alone().await.with_keys(&[&key]).await;
    let sealed = |index: usize, value: &str| {
        let name = format!("s{index}");
        sealed_secret(&name).item("a", value, &key).object()
    };
    for index in 0..20 {
        cluster.create(sealed(index, "old")).await;
    }
    for index in 0..20 {
        let name = format!("s{index}");
        cluster.condition("shop", &name, "Synced", "True").await;
    }
    cluster.start_over().await;
    // as a backup has it and Git
    cluster.create_secret(&key_secret(&key)).await;
    for index in 0..20 {
        cluster.create(sealed(index, "new")).await;
    }
    for index in 0..20 {
        let name = format!("s{index}");
        cluster.secret_becomes("shop", &name, &[("a", "new")]).await;
        cluster.condition("shop", &name, "Synced", "True").await;
    }
    // and it sees again what happens to Secrets
    cluster
        .secrets("shop")
        .delete("s7", &Default::default())
        .await
        .unwrap();
    eventually("the deleted Secret is there again", async || {
        cluster.secrets("shop").get_opt("s7").await.unwrap()
    })
    .await;
}
