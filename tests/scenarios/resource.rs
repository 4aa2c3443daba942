//! The CRD accepts every object that upstream ever wrote.

use serde_json::{Value, json};
use tests::{Cluster, Fixture};

fn upstream() -> Vec<Value> {
    let cases: Value =
        serde_json::from_str(include_str!("../../sealing/tests/vectors/kubeseal.json")).unwrap();
    cases["cases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|case| case["sealed"].clone())
        .collect()
}

/// <https://github.com/bitnami/sealed-secrets/issues/955>
#[tokio::test]
async fn accepts_every_upstream_object() {
    let cluster = Cluster::empty().await;
    let older = [
        json!({ "template": { "metadata": { "creationTimestamp": null }, "data": null }, "encryptedData": {} }),
        json!({ "template": { "metadata": null, "type": "Opaque" }, "encryptedData": { "a": "AgA=" } }),
        json!({ "template": { "data": { "a": null } }, "encryptedData": {} }),
        json!({ "encryptedData": null }),
        json!({ "data": "AgA=", "encryptedData": {} }),
    ];
    let older = older.map(|spec| json!({ "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "metadata": {}, "spec": spec }));
    for (index, mut object) in upstream().into_iter().chain(older).enumerate() {
        object["metadata"]["name"] = format!("object-{index}").into();
        object["metadata"]["namespace"] = "shop".into();
        cluster.create(object).await;
    }
    cluster.ends_as("accepts-every-upstream-object").await;
}

#[tokio::test]
async fn opens_every_upstream_object_of_one_key() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    let cases: Value =
        serde_json::from_str(include_str!("../../sealing/tests/vectors/kubeseal.json")).unwrap();
    for case in cases["cases"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|case| case["key"] == "rsa2048")
    {
        let name = case["sealed"]["metadata"]["name"].as_str().unwrap();
        let mut object = case["sealed"].clone();
        object["metadata"]["namespace"] = "shop".into();
        cluster.create(object).await;
        cluster.condition("shop", name, "Synced", "True").await;
        let secret = cluster.secrets("shop").get(name).await.unwrap();
        assert_eq!(
            serde_json::to_value(secret.data).unwrap(),
            case["data"],
            "{}",
            case["case"]
        );
        cluster.delete("shop", name).await;
        cluster.gone("shop", name).await;
    }
    cluster
        .ends_as("opens-every-upstream-object-of-one-key")
        .await;
}
