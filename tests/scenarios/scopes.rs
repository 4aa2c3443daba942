//! Where a value opens is decided by the outer object alone.

use sealing::Scope;
use serde_json::json;
use tests::{Cluster, Fixture, sealed_secret};

#[tokio::test]
async fn opens_a_namespace_wide_value_under_any_name_of_its_namespace() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    cluster.create_namespace("else").await;
    let sealed = sealed_secret("db")
        .scoped(Scope::NamespaceWide)
        .item("a", "b", &key);
    cluster
        .create(sealed.clone().renamed("other").object())
        .await;
    cluster.secret_becomes("shop", "other", &[("a", "b")]).await;
    cluster.create(sealed.in_namespace("else").object()).await;
    cluster.condition("else", "db", "Synced", "False").await;
    cluster
        .ends_as("opens-a-namespace-wide-value-under-any-name-of-its-namespace")
        .await;
}

#[tokio::test]
async fn opens_a_cluster_wide_value_anywhere() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    cluster.create_namespace("else").await;
    let sealed = sealed_secret("db")
        .scoped(Scope::ClusterWide)
        .item("a", "b", &key);
    cluster
        .create(sealed.renamed("other").in_namespace("else").object())
        .await;
    cluster.secret_becomes("else", "other", &[("a", "b")]).await;
    cluster.ends_as("opens-a-cluster-wide-value-anywhere").await;
}

#[tokio::test]
async fn does_not_widen_the_scope_by_the_template() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    let annotations = json!({ "sealedsecrets.bitnami.com/cluster-wide": "true" });
    let template = json!({ "metadata": { "annotations": annotations } });
    let sealed = sealed_secret("db")
        .scoped(Scope::ClusterWide)
        .item("a", "b", &key);
    let mut object = sealed.template(template).object();
    object["metadata"]["annotations"] = json!({});
    cluster.create(object).await;
    cluster.condition("shop", "db", "Synced", "False").await;
    cluster
        .ends_as("does-not-widen-the-scope-by-the-template")
        .await;
}

#[tokio::test]
async fn does_not_take_the_name_from_the_template() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    let template = json!({ "metadata": { "name": "db", "namespace": "shop" } });
    let sealed = sealed_secret("db").item("a", "b", &key).template(template);
    cluster.create(sealed.renamed("other").object()).await;
    cluster.condition("shop", "other", "Synced", "False").await;
    cluster
        .ends_as("does-not-take-the-name-from-the-template")
        .await;
}

#[tokio::test]
async fn reconciles_when_only_the_scope_annotation_is_added() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    let sealed = sealed_secret("db")
        .scoped(Scope::ClusterWide)
        .item("a", "b", &key);
    let mut object = sealed.object();
    object["metadata"]["annotations"] = json!({});
    cluster.create(object).await;
    cluster.condition("shop", "db", "Synced", "False").await;
    let patch = json!({ "metadata": sealed.object()["metadata"] });
    let patch = kube::api::Patch::Merge(patch);
    cluster
        .sealed_secrets("shop")
        .patch("db", &Default::default(), &patch)
        .await
        .unwrap();
    cluster.secret_becomes("shop", "db", &[("a", "b")]).await;
    cluster
        .ends_as("reconciles-when-only-the-scope-annotation-is-added")
        .await;
}
