//! UC1 to UC4, UC9 and UC15 to UC17: a Secret is made, follows its SealedSecret, and comes back.

use kube::ResourceExt;
use serde_json::json;
use tests::{Cluster, Fixture, eventually, sealed_secret};

use super::{NAME, delete_secret, labels, sealed, secret};

/// UC1
#[tokio::test]
async fn creates_a_secret() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    cluster.create(sealed(&key).object()).await;
    cluster
        .secret_becomes("shop", NAME, &[("foo", "bar")])
        .await;
    assert_eq!(labels(&secret(&cluster).await), [("mylabel", "myvalue")]);
    let synced = cluster.condition("shop", NAME, "Synced", "True").await;
    assert_eq!(synced["lastTransitionTime"], synced["lastUpdateTime"]);
    cluster.event("shop", NAME, "Unsealed").await;
    cluster.ends_as("creates-a-secret").await;
}

/// UC2
#[tokio::test]
async fn updates_it() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    cluster.create(sealed(&key).object()).await;
    cluster.condition("shop", NAME, "Synced", "True").await;
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    cluster
        .edit("shop", NAME, sealed(&key).item("foo", "baz", &key).spec())
        .await;
    cluster
        .secret_becomes("shop", NAME, &[("foo", "baz")])
        .await;
    let synced = cluster.condition("shop", NAME, "Synced", "True").await;
    assert_ne!(synced["lastTransitionTime"], synced["lastUpdateTime"]);
    let object = cluster.sealed_secrets("shop").get(NAME).await.unwrap();
    assert_eq!(object.data["status"]["observedGeneration"], 2);
    cluster.ends_as("updates-it").await;
}

/// UC3
#[tokio::test]
async fn follows_an_item_that_is_renamed() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    cluster.create(sealed(&key).object()).await;
    cluster
        .secret_becomes("shop", NAME, &[("foo", "bar")])
        .await;
    let mut spec = sealed(&key).spec();
    let ciphertext = spec["encryptedData"]["foo"].take();
    spec["encryptedData"] = json!({ "xyzzy": ciphertext });
    cluster.edit("shop", NAME, spec).await;
    cluster
        .secret_becomes("shop", NAME, &[("xyzzy", "bar")])
        .await;
    cluster.ends_as("follows-an-item-that-is-renamed").await;
}

/// UC4
#[tokio::test]
async fn takes_an_item_that_was_sealed_separately() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    cluster.create(sealed(&key).object()).await;
    cluster
        .secret_becomes("shop", NAME, &[("foo", "bar")])
        .await;
    cluster
        .edit("shop", NAME, sealed(&key).item("foo2", "new!", &key).spec())
        .await;
    let items = [("foo", "bar"), ("foo2", "new!")];
    cluster.secret_becomes("shop", NAME, &items).await;
    cluster
        .ends_as("takes-an-item-that-was-sealed-separately")
        .await;
}

/// UC9
#[tokio::test]
async fn makes_an_owned_secret_again() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    cluster.create(sealed(&key).object()).await;
    cluster
        .secret_becomes("shop", NAME, &[("foo", "bar")])
        .await;
    let before = secret(&cluster).await.uid();
    delete_secret(&cluster).await;
    eventually("another Secret is there", async || {
        let now = cluster.secrets("shop").get_opt(NAME).await.unwrap()?;
        (now.uid() != before).then_some(())
    })
    .await;
    cluster
        .secret_becomes("shop", NAME, &[("foo", "bar")])
        .await;
    assert_eq!(secret(&cluster).await.owner_references()[0].name, NAME);
    cluster.event("shop", NAME, "Unsealed").await;
    cluster.ends_as("makes-an-owned-secret-again").await;
}

/// UC15
#[tokio::test]
async fn keeps_the_type_of_a_docker_config() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    let template = json!({ "type": "kubernetes.io/dockerconfigjson" });
    let item = ".dockerconfigjson";
    let sealed = sealed_secret(NAME)
        .item(item, "{\"auths\":{}}", &key)
        .template(template);
    cluster.create(sealed.object()).await;
    cluster
        .secret_becomes("shop", NAME, &[(item, "{\"auths\":{}}")])
        .await;
    let type_ = secret(&cluster).await.type_;
    assert_eq!(type_.as_deref(), Some("kubernetes.io/dockerconfigjson"));
    cluster.event("shop", NAME, "Unsealed").await;
    cluster.ends_as("keeps-the-type-of-a-docker-config").await;
}

/// UC16, UC17
#[tokio::test]
async fn makes_an_immutable_secret_and_leaves_it() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    let immutable = sealed(&key).template(json!({ "immutable": true }));
    cluster.create(immutable.object()).await;
    cluster.condition("shop", NAME, "Synced", "True").await;
    cluster.event("shop", NAME, "Unsealed").await;
    assert_eq!(secret(&cluster).await.immutable, Some(true));
    cluster
        .edit("shop", NAME, immutable.item("foo", "baz", &key).spec())
        .await;
    let message = cluster.event("shop", NAME, "ErrUpdateFailed").await;
    assert!(
        message.contains("the target Secret is immutable"),
        "{message}"
    );
    let object = cluster.sealed_secrets("shop").get(NAME).await.unwrap();
    assert_eq!(object.metadata.generation, Some(2));
    cluster
        .ends_as("makes-an-immutable-secret-and-leaves-it")
        .await;
}
