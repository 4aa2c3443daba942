//! Many objects in sync cost nothing: not while time goes by, and not when the controller starts again.

use std::time::Duration;

use futures::StreamExt;
use futures::stream::iter;
use kube::api::ListParams;
use tests::{Cluster, Fixture, eventually, is_real, key_secret, quiet, sealed_secret};

const MANY: usize = 500;
const WAITING: usize = 20;
const QUIET: Duration = Duration::from_secs(120);
/// SealedSecrets, Secrets and key Secrets.
const WATCHES: usize = 3;

async fn create(cluster: &Cluster, prefix: &str, count: usize, key: &Fixture) {
    let create = |index| async move {
        let sealed = sealed_secret(&format!("{prefix}-{index}")).item("a", "b", key);
        cluster.create(sealed.object()).await;
    };
    iter(0..count).for_each_concurrent(8, create).await;
}

async fn become_synced(cluster: &Cluster, count: usize) {
    let objects = cluster.sealed_secrets("shop");
    eventually(&format!("{count} objects are in sync"), async || {
        let all = objects.list(&ListParams::default()).await.unwrap();
        let synced = all
            .iter()
            .filter(|object| object.data["status"]["conditions"][0]["status"] == "True");
        (synced.count() == count).then_some(())
    })
    .await;
}

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
    create(&cluster, "db", MANY, &key).await;
    create(&cluster, "waiting", WAITING, &missing).await;
    become_synced(&cluster, MANY).await;
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
    assert!(lists.len() <= WATCHES, "{lists:#?}");
    let reads = since.iter().filter(|request| request.verb == "get").count();
    assert_eq!(reads, 0);

    cluster.create_secret(&key_secret(&missing)).await;
    become_synced(&cluster, MANY + WAITING).await;
    come_to_rest(&cluster).await;

    cluster.stop_controller().await;
    let before = cluster.requests().len();
    cluster.run_controller(quiet()).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut since = cluster.requests().split_off(before);
    let watching = ["list", "watch"];
    since.retain(|request| !watching.contains(&&*request.verb));
    assert!(since.is_empty(), "{since:#?}");
}
