//! Many objects in sync cost nothing: not while time goes by, and not when the controller starts again.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kube::api::DeleteParams;
use serde_json::json;
use tests::{
    Cluster, Fixture, KEY_NAMESPACE, eventually, is_real, key_secret, quiet, rsa_operations,
    sealed_secret,
};

const MANY: usize = 500;
const WAITING: usize = 20;
const QUIET: Duration = Duration::from_secs(120);
/// SealedSecrets, Secrets and key Secrets.
const WATCHES: usize = 3;

/// Waits until nothing moves any more: the Event comes beside the status.
async fn come_to_rest(cluster: &Cluster) {
    let mut before = None;
    eventually("the controller is at rest", async || {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let now = Some(cluster.writes());
        std::mem::replace(&mut before, now).filter(|before| Some(*before) == now)
    })
    .await;
}

/// Lets time go by until everything is listed again, and what comes of it is done.
async fn list_everything(cluster: &Cluster) {
    let asked = cluster.requests().len();
    tests::pass(Duration::from_hours(12)).await;
    eventually("everything is listed again", async || {
        let requests = cluster.requests().split_off(asked);
        let lists = requests
            .iter()
            .filter(|request| request.verb == "list")
            .count();
        (lists >= WATCHES).then_some(())
    })
    .await;
    tokio::time::sleep(Duration::from_millis(300)).await;
}

/// Two minutes, which a real server cannot be told to skip.
async fn two_minutes() {
    match is_real() {
        true => tokio::time::sleep(QUIET).await,
        false => tests::pass(QUIET).await,
    }
}

#[tokio::test]
async fn costs_nothing_while_nothing_changes() {
    let (key, missing) = (Fixture::rsa2048(), Fixture::rsa4096());
    let mut cluster = Cluster::start(&[&key]).await;
    cluster.create_many("db", MANY, &key).await;
    cluster.create_many("waiting", WAITING, &missing).await;
    cluster.become_synced(MANY).await;
    come_to_rest(&cluster).await;

    let before = cluster.requests().len();
    two_minutes().await;
    let since = cluster.requests().split_off(before);
    let writes: Vec<_> = since.iter().filter(|request| request.is_write()).collect();
    assert!(writes.is_empty(), "{writes:#?}");
    let lists: Vec<_> = since
        .iter()
        .filter(|request| request.verb == "list")
        .collect();
    assert!(lists.is_empty(), "{lists:#?}");
    let reads = since.iter().filter(|request| request.verb == "get").count();
    assert_eq!(reads, 0);

    cluster.create_secret(&key_secret(&missing)).await;
    cluster.become_synced(MANY + WAITING).await;
    come_to_rest(&cluster).await;

    cluster.stop_controller().await;
    let before = cluster.requests().len();
    cluster.run_controller(quiet()).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut since = cluster.requests().split_off(before);
    let watching = ["list", "watch"];
    since.retain(|request| !watching.contains(&&*request.verb));
    assert!(since.is_empty(), "{since:#?}");
    assert_eq!(opened(&cluster).await, 0);
}

/// How many private RSA operations reconciling has cost so far.
async fn opened(cluster: &Cluster) -> u64 {
    rsa_operations(&cluster.metrics("metrics", "").await, "reconcile")
}

/// <https://github.com/bitnami/sealed-secrets/issues/357>
#[tokio::test]
async fn opens_among_120_keys_in_two_operations() {
    let mut cluster = Cluster::empty().await;
    let month = SignedDuration::from_hours(720);
    let keys: Vec<Fixture> = (0..120)
        .map(|index| Fixture::made_at(Timestamp::now() - month * (120 - index)))
        .collect();
    for key in &keys {
        cluster.create_secret(&key_secret(key)).await;
    }
    cluster.run_controller(quiet()).await;
    // The newest is tried first; of another one it is known after its first item.
    let items = ["a", "b", "c", "d"];
    for (name, key) in [("new", &keys[119]), ("old", &keys[0])] {
        let with = |sealed: tests::Builder, item: &&str| sealed.item(item, "x", key);
        cluster
            .create(items.iter().fold(sealed_secret(name), with).object())
            .await;
        cluster.condition("shop", name, "Ready", "True").await;
    }
    let before = opened(&cluster).await;
    assert_eq!(before, 4 + 120 + 3);
    let edited = sealed_secret("old")
        .item("a", "y", &keys[0])
        .item("b", "y", &keys[0]);
    cluster.edit("shop", "old", edited.spec()).await;
    cluster
        .secret_becomes("shop", "old", &[("a", "y"), ("b", "y")])
        .await;
    assert!(opened(&cluster).await - before <= 2 * 2);
}

/// <https://github.com/bitnami/sealed-secrets/issues/1289>
#[tokio::test]
async fn a_secret_of_nobody_costs_no_request() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    cluster
        .create(sealed_secret("db").item("a", "b", &key).object())
        .await;
    cluster.condition("shop", "db", "Ready", "True").await;
    come_to_rest(&cluster).await;
    let before = cluster.requests().len();
    cluster.create_foreign("foreign", &[("a", "x")]).await;
    cluster
        .patch_secret("shop", "foreign", json!({ "stringData": { "a": "y" } }))
        .await;
    cluster
        .secrets("shop")
        .delete("foreign", &DeleteParams::default())
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(1500)).await; // longer than what is unclear is given
    let since = cluster.requests().split_off(before);
    assert!(since.is_empty(), "{since:#?}");
}

#[tokio::test]
async fn a_list_of_everything_opens_nothing_again() {
    let (key, missing) = (Fixture::rsa2048(), Fixture::rsa4096());
    let cluster = Cluster::start(&[&key]).await;
    cluster
        .create(sealed_secret("db").item("a", "b", &key).object())
        .await;
    cluster
        .create(sealed_secret("failing").item("a", "b", &missing).object())
        .await;
    cluster.condition("shop", "db", "Ready", "True").await;
    cluster.condition("shop", "failing", "Ready", "False").await;
    come_to_rest(&cluster).await;
    let before = opened(&cluster).await;
    list_everything(&cluster).await;
    assert_eq!(opened(&cluster).await, before);
}

/// A key Secret that cannot be read is reported once, however often it is listed.
#[tokio::test]
async fn a_key_that_does_not_read_is_reported_once() {
    let mut unreadable = key_secret(&Fixture::rsa4096());
    (unreadable.data, unreadable.type_) = (None, None);
    let cluster = Cluster::empty().await;
    cluster.create_secret(&unreadable).await;
    let cluster = cluster.with_keys(&[&Fixture::rsa2048()]).await;
    let of_keys = async || {
        let name = unreadable.metadata.name.as_deref().unwrap();
        let events = cluster.events(KEY_NAMESPACE, name).await;
        events.iter().map(|event| event.count.unwrap()).sum::<i32>()
    };
    eventually("it is reported", async || {
        (of_keys().await == 1).then_some(())
    })
    .await;
    come_to_rest(&cluster).await;
    list_everything(&cluster).await;
    assert_eq!(of_keys().await, 1);
}
