//! What Argo CD and Flux make of a status. Their rules judge `tests/health/objects.json` (`make health`); here our
//! objects are shown to be those.

use serde_json::{Value, json};
use tests::{Cluster, Fixture, sealed_secret};

/// An object as it stands now, without what differs from run to run.
async fn now(cluster: &Cluster) -> Value {
    let object = cluster.sealed_secrets("shop").get("db").await.unwrap();
    let mut status = object.data["status"].clone();
    if let Some(status) = status.as_object_mut() {
        status.remove("applied");
        for condition in status["conditions"].as_array_mut().unwrap() {
            let condition = condition.as_object_mut().unwrap();
            condition.retain(|field, _| !field.ends_with("Time"));
        }
    }
    let mut object = json!({
        "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "spec": { "encryptedData": {} },
        "metadata": { "name": "db", "namespace": "shop", "generation": object.metadata.generation },
    });
    if !status.is_null() {
        object["status"] = status;
    }
    object
}

#[tokio::test]
async fn is_what_argo_cd_and_flux_judge_rightly() {
    let judged: Value = serde_json::from_str(include_str!("../health/objects.json")).unwrap();
    let verdicts: Value = serde_json::from_str(include_str!("../health/verdicts.json")).unwrap();
    let expect = async |cluster: &Cluster, what: &str, argo: &str, flux: &str| {
        assert_eq!(now(cluster).await, judged[what], "{what}");
        assert_eq!(
            verdicts[what],
            json!({ "argoCD": argo, "flux": flux }),
            "{what}"
        );
    };
    let key = Fixture::rsa2048();
    let mut cluster = Cluster::empty().await;
    cluster.create_secret(&tests::key_secret(&key)).await;
    let good = sealed_secret("db").item("a", "b", &key);
    let bad = sealed_secret("db").raw_item("a", "AgA=".into());
    cluster.create(good.object()).await;
    // Flux takes an object that says nothing for one that has nothing to say.
    expect(&cluster, "created", "Progressing", "Current").await;
    cluster.run_controller(tests::quiet()).await;
    cluster.condition("shop", "db", "Ready", "True").await;
    expect(&cluster, "unsealed", "Healthy", "Current").await;
    cluster.stop_controller().await;
    cluster.edit("shop", "db", bad.spec()).await;
    expect(&cluster, "edited", "Progressing", "InProgress").await;
    cluster.run_controller(tests::quiet()).await;
    cluster.condition("shop", "db", "Ready", "False").await;
    expect(&cluster, "broken", "Degraded", "InProgress").await;
    cluster.stop_controller().await;
    cluster.edit("shop", "db", good.spec()).await;
    expect(&cluster, "edited while broken", "Progressing", "InProgress").await;
    cluster.run_controller(tests::quiet()).await;
    cluster.condition("shop", "db", "Ready", "True").await;
    expect(&cluster, "mended", "Healthy", "Current").await;
}
