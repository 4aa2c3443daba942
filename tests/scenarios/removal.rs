//! What goes takes along what it made, and what is unknown is not kept.

use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::DeleteParams;
use serde_json::json;
use tests::{Cluster, Fixture, eventually, sealed_secret};

#[tokio::test]
async fn a_namespace_goes_with_all_that_is_in_it_and_comes_back_empty() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::alone().await.with_keys(&[&key]).await;
    cluster.create_namespace("brief").await;
    let sealed = sealed_secret("db")
        .in_namespace("brief")
        .item("a", "b", &key);
    cluster.create(sealed.object()).await;
    cluster.secret_becomes("brief", "db", &[("a", "b")]).await;
    let namespaces: Api<Namespace> = Api::all(cluster.client.clone());
    namespaces
        .delete("brief", &DeleteParams::default())
        .await
        .unwrap();
    eventually("the namespace is gone", async || {
        namespaces
            .get_opt("brief")
            .await
            .unwrap()
            .is_none()
            .then_some(())
    })
    .await;
    // Nobody's failure: nothing is said of it, and nothing is tried in vain for ever.
    let requests = cluster.requests();
    let said = requests
        .iter()
        .filter(|request| request.is("create", "events") && request.object["namespace"] == "brief");
    assert_eq!(said.count(), 1);
    cluster.create_namespace("brief").await;
    assert!(
        cluster
            .secrets("brief")
            .get_opt("db")
            .await
            .unwrap()
            .is_none()
    );
    cluster.create(sealed.object()).await;
    cluster.secret_becomes("brief", "db", &[("a", "b")]).await;
    cluster
        .ends_as("a-namespace-goes-with-all-that-is-in-it-and-comes-back-empty")
        .await;
}

#[tokio::test]
async fn the_secrets_go_with_the_definition_of_their_kind() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::alone().await.with_keys(&[&key]).await;
    cluster
        .create(sealed_secret("db").item("a", "b", &key).object())
        .await;
    cluster.secret_becomes("shop", "db", &[("a", "b")]).await;
    let crds: Api<CustomResourceDefinition> = Api::all(cluster.client.clone());
    crds.delete("sealedsecrets.bitnami.com", &DeleteParams::default())
        .await
        .unwrap();
    eventually("the Secret is gone", async || {
        cluster
            .secrets("shop")
            .get_opt("db")
            .await
            .unwrap()
            .is_none()
            .then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_the_definition_does_not_know_is_not_kept() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    let mut object = sealed_secret("db").item("a", "b", &key).object();
    object["unknown"] = json!({ "x": 1 });
    object["spec"]["unknown"] = json!(1);
    object["spec"]["template"]["unknown"] = json!("x");
    object["spec"]["template"]["data"] = json!({ "gone": null, "text": "t" });
    cluster.create(object).await;
    cluster
        .secret_becomes("shop", "db", &[("a", "b"), ("text", "t")])
        .await;
    let stored = cluster.sealed_secrets("shop").get("db").await.unwrap();
    assert!(stored.data.get("unknown").is_none() && stored.data["spec"].get("unknown").is_none());
    assert!(stored.data["spec"]["template"].get("unknown").is_none());
    assert_eq!(
        stored.data["spec"]["template"]["data"],
        json!({ "gone": null, "text": "t" })
    );
    cluster
        .ends_as("what-the-definition-does-not-know-is-not-kept")
        .await;
}
