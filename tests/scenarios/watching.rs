//! Which SealedSecrets are watched, and what wakes one.

use std::time::Duration;

use controller::{Config, Watched};
use serde_json::json;
use tests::{Cluster, Fixture, key_secret, quiet, sealed_secret};

fn within(additional: &[&str]) -> Config {
    let additional = additional.iter().map(|name| name.to_string()).collect();
    Config {
        watched: Watched::Own { additional },
        ..quiet()
    }
}

#[tokio::test]
async fn watches_only_its_own_namespace_when_told_so() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start_with(within(&[]), &[&key]).await;
    cluster
        .create(sealed_secret("db").item("a", "b", &key).object())
        .await;
    let here = sealed_secret("here")
        .in_namespace(tests::KEY_NAMESPACE)
        .item("a", "b", &key);
    cluster.create(here.object()).await;
    cluster
        .secret_becomes(tests::KEY_NAMESPACE, "here", &[("a", "b")])
        .await;
    assert!(
        cluster
            .secrets("shop")
            .get_opt("db")
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn watches_additional_namespaces() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start_with(within(&["shop"]), &[&key]).await;
    cluster.create_namespace("elsewhere").await;
    cluster
        .create(
            sealed_secret("db")
                .in_namespace("elsewhere")
                .item("a", "b", &key)
                .object(),
        )
        .await;
    cluster
        .create(sealed_secret("db").item("a", "b", &key).object())
        .await;
    cluster.secret_becomes("shop", "db", &[("a", "b")]).await;
    assert!(
        cluster
            .secrets("elsewhere")
            .get_opt("db")
            .await
            .unwrap()
            .is_none()
    );
    // And makes again there what is deleted there.
    cluster
        .secrets("shop")
        .delete("db", &Default::default())
        .await
        .unwrap();
    cluster.secret_becomes("shop", "db", &[("a", "b")]).await;
}

#[tokio::test]
async fn picks_up_a_late_namespace() {
    let key = Fixture::rsa2048();
    let name = format!("late-{}", std::process::id());
    let cluster = Cluster::start_with(within(&["shop", &name]), &[&key]).await; // it is ready
    cluster.create_namespace(&name).await;
    cluster
        .create(
            sealed_secret("db")
                .in_namespace(&name)
                .item("a", "b", &key)
                .object(),
        )
        .await;
    tests::pass(Duration::from_secs(61)).await;
    cluster.secret_becomes(&name, "db", &[("a", "b")]).await;
}

/// <https://github.com/bitnami/sealed-secrets/issues/2045>
#[tokio::test]
async fn starts_many_namespaces_at_once() {
    let key = Fixture::rsa2048();
    let names: Vec<String> = (0..64).map(|number| format!("many-{number}")).collect();
    let mut cluster = Cluster::empty().await;
    cluster.create_secret(&key_secret(&key)).await;
    for name in &names {
        cluster.create_namespace(name).await;
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    cluster.run_controller(within(&names)).await;
    for name in [names[0], names[63]] {
        cluster
            .create(
                sealed_secret("db")
                    .in_namespace(name)
                    .item("a", "b", &key)
                    .object(),
            )
            .await;
        cluster.secret_becomes(name, "db", &[("a", "b")]).await;
    }
}

#[tokio::test]
async fn a_selector_selects_sealed_secrets_and_does_not_stop_recreation() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start_with(
        Config {
            label_selector: "mine=yes".to_owned(),
            ..quiet()
        },
        &[&key],
    )
    .await;
    cluster
        .create(sealed_secret("other").item("a", "b", &key).object())
        .await;
    let mut mine = sealed_secret("db").item("a", "b", &key).object();
    mine["metadata"]["labels"] = json!({ "mine": "yes" });
    cluster.create(mine).await;
    cluster.secret_becomes("shop", "db", &[("a", "b")]).await;
    cluster
        .secrets("shop")
        .delete("db", &Default::default())
        .await
        .unwrap();
    cluster.secret_becomes("shop", "db", &[("a", "b")]).await;
    assert!(
        cluster
            .secrets("shop")
            .get_opt("other")
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn opens_the_deprecated_field_only_while_told_so() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start_with(
        Config {
            accept_deprecated_data: false,
            ..quiet()
        },
        &[&key],
    )
    .await;
    let object = json!({
        "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
        "metadata": { "name": "db", "namespace": "shop" },
        "spec": { "data": "AgA=", "encryptedData": {} },
    });
    cluster.create(object).await;
    let synced = cluster.condition("shop", "db", "Synced", "False").await;
    let text = "using deprecated 'data' field, use 'encryptedData' or flip the feature flag";
    assert_eq!(synced["message"], text);
}

#[tokio::test]
async fn says_why_an_item_does_not_open() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start_with(quiet(), &[&key]).await;
    // The annotation is missing.
    let mut wide = sealed_secret("wide")
        .scoped(sealing::Scope::ClusterWide)
        .item("a", "b", &key)
        .object();
    wide["metadata"]["annotations"] = json!({});
    cluster.create(wide).await;
    let synced = cluster.condition("shop", "wide", "Synced", "False").await;
    assert_eq!(
        synced["message"],
        "no key could decrypt secret (a); a: sealed with the scope cluster-wide, which the annotations do not say"
    );
    // The name was changed, and the template has the old one.
    let template = json!({ "metadata": { "name": "old", "namespace": "shop" } });
    let renamed = sealed_secret("old")
        .item("a", "b", &key)
        .template(template)
        .renamed("new");
    cluster.create(renamed.object()).await;
    let synced = cluster.condition("shop", "new", "Synced", "False").await;
    assert_eq!(
        synced["message"],
        "no key could decrypt secret (a); a: sealed for shop/old"
    );
    // The annotation comes, without a new generation.
    let annotate = json!({ "metadata": { "annotations": { "sealedsecrets.bitnami.com/cluster-wide": "true" } } });
    cluster.patch("shop", "wide", annotate).await;
    cluster.secret_becomes("shop", "wide", &[("a", "b")]).await;
}
