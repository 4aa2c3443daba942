//! UC13, UC14 and UC18 to UC25: what opens where, and what does not.

use sealing::Scope;
use tests::{Cluster, Fixture};

use super::{NAME, is_absent, scoped, sealed};

/// UC13, UC14
#[tokio::test]
async fn refuses_what_a_key_of_1024_bits_sealed() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    // the length of an RSA block, the block, and something behind it
    let blob = [&[0, 128][..], &[7; 128], &[7; 19]].concat();
    let foreign = sealed(&key).raw_item("foo", sealing::base64::encode(&blob).into());
    cluster.create(foreign.object()).await;
    cluster.event("shop", NAME, "ErrUnsealFailed").await;
    assert!(is_absent(&cluster, "shop", NAME).await);
    cluster
        .ends_as("refuses-what-a-key-of-1024-bits-sealed")
        .await;
}

/// UC18, UC19
#[tokio::test]
async fn opens_nothing_strict_under_another_name() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    cluster.create(sealed(&key).renamed("other").object()).await;
    cluster.event("shop", "other", "ErrUnsealFailed").await;
    assert!(is_absent(&cluster, "shop", "other").await);
    cluster
        .ends_as("opens-nothing-strict-under-another-name")
        .await;
}

/// UC20, UC21
#[tokio::test]
async fn opens_nothing_strict_in_another_namespace() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    cluster.create_namespace("else").await;
    cluster
        .create(sealed(&key).in_namespace("else").object())
        .await;
    cluster.event("else", NAME, "ErrUnsealFailed").await;
    assert!(is_absent(&cluster, "else", NAME).await);
    cluster
        .ends_as("opens-nothing-strict-in-another-namespace")
        .await;
}

/// UC22
#[tokio::test]
async fn opens_what_is_cluster_wide_under_another_name() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    let sealed = scoped(Scope::ClusterWide, &key).renamed("other");
    cluster.create(sealed.object()).await;
    cluster
        .secret_becomes("shop", "other", &[("foo", "bar")])
        .await;
    cluster.condition("shop", "other", "Synced", "True").await;
    cluster
        .ends_as("opens-what-is-cluster-wide-under-another-name")
        .await;
}

/// UC23
#[tokio::test]
async fn opens_what_is_cluster_wide_in_another_namespace() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    cluster.create_namespace("else").await;
    let sealed = scoped(Scope::ClusterWide, &key).in_namespace("else");
    cluster.create(sealed.object()).await;
    cluster
        .secret_becomes("else", NAME, &[("foo", "bar")])
        .await;
    cluster.condition("else", NAME, "Synced", "True").await;
    cluster
        .ends_as("opens-what-is-cluster-wide-in-another-namespace")
        .await;
}

/// UC24
#[tokio::test]
async fn opens_what_is_namespace_wide_under_another_name() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    let sealed = scoped(Scope::NamespaceWide, &key).renamed("other");
    cluster.create(sealed.object()).await;
    cluster
        .secret_becomes("shop", "other", &[("foo", "bar")])
        .await;
    cluster
        .ends_as("opens-what-is-namespace-wide-under-another-name")
        .await;
}

/// UC25
#[tokio::test]
async fn opens_nothing_namespace_wide_in_another_namespace() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    cluster.create_namespace("else").await;
    let sealed = scoped(Scope::NamespaceWide, &key).in_namespace("else");
    cluster.create(sealed.object()).await;
    cluster.condition("else", NAME, "Synced", "False").await;
    assert!(is_absent(&cluster, "else", NAME).await);
    cluster
        .ends_as("opens-nothing-namespace-wide-in-another-namespace")
        .await;
}
