//! In sync means no work: no write, no Event, nothing opened.

use std::time::Duration;

use controller::Config;
use kube::ResourceExt;
use serde_json::{Value, json};
use tests::{Cluster, Fixture, eventually, quiet, sealed_secret};

const UPSTREAMS_CRD: &str = include_str!("../manifests/upstream-crd.yaml");

async fn record(cluster: &Cluster, name: &str) -> Value {
    let object = cluster.sealed_secrets("shop").get(name).await.unwrap();
    object.data["status"]["applied"].clone()
}

/// What a write or an Event would change, once the first Event is there.
async fn traces(cluster: &Cluster) -> (Vec<Option<String>>, usize) {
    cluster.event("shop", "db", "Unsealed").await;
    let sealed = cluster.sealed_secrets("shop").get("db").await.unwrap();
    let secret = cluster.secrets("shop").get("db").await.unwrap();
    let versions = vec![sealed.resource_version(), secret.resource_version()];
    (versions, cluster.events("shop", "db").await.len())
}

async fn restart(cluster: &mut Cluster) {
    cluster.stop_controller().await;
    cluster.run_controller(quiet()).await;
    // What it would do, it would do by now.
    tokio::time::sleep(Duration::from_millis(300)).await;
}

/// <https://github.com/bitnami/sealed-secrets/issues/1833>
#[tokio::test]
async fn a_restart_in_sync_is_silent() {
    let key = Fixture::rsa2048();
    let mut cluster = Cluster::start(&[&key]).await;
    let random = json!({ "data": { "random": "{{ randAlphaNum 20 }}" } });
    let sealed = sealed_secret("db").item("a", "b", &key).template(random);
    cluster.create(sealed.object()).await;
    cluster.condition("shop", "db", "Ready", "True").await;
    let before = traces(&cluster).await;
    restart(&mut cluster).await;
    assert_eq!(traces(&cluster).await, before);
}

#[tokio::test]
async fn records_which_version_of_the_secret_is_right() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    cluster
        .create(sealed_secret("db").item("a", "b", &key).object())
        .await;
    cluster.condition("shop", "db", "Ready", "True").await;
    let secret = cluster.secrets("shop").get("db").await.unwrap();
    let record = record(&cluster, "db").await;
    assert_eq!(record["generation"], 1);
    assert_eq!(record["secretUid"].as_str(), secret.uid().as_deref());
    // Of the version it says no more than the controller needs to know it again.
    assert_eq!(record["secretVersion"].as_str().unwrap().len(), 64);
    let version = secret.resource_version().unwrap();
    assert!(!record.to_string().contains(&format!("\"{version}\"")));
    assert_eq!(record["keys"].as_array().unwrap().len(), 1);
    assert_eq!(record["mac"].as_str().unwrap().len(), 64);
}

#[tokio::test]
async fn repairs_at_the_next_start_what_changed_in_between() {
    let key = Fixture::rsa2048();
    let mut cluster = Cluster::start(&[&key]).await;
    cluster
        .create(sealed_secret("db").item("a", "b", &key).object())
        .await;
    cluster.condition("shop", "db", "Ready", "True").await;
    let before = record(&cluster, "db").await;
    cluster.stop_controller().await;
    cluster
        .patch_secret("shop", "db", json!({ "stringData": { "a": "changed" } }))
        .await;
    cluster.run_controller(quiet()).await;
    cluster.secret_becomes("shop", "db", &[("a", "b")]).await;
    // And the record is of the version that is there now: the next start finds nothing to do.
    eventually("the record follows", async || {
        let now = record(&cluster, "db").await;
        (now["secretVersion"] != before["secretVersion"]).then_some(())
    })
    .await;
    let before = traces(&cluster).await;
    restart(&mut cluster).await;
    assert_eq!(traces(&cluster).await, before);
}

#[tokio::test]
async fn tells_the_truth_when_a_key_is_lost_although_the_secret_is_there() {
    let (lost, other) = (Fixture::rsa2048(), Fixture::rsa4096());
    let mut cluster = Cluster::start(&[&lost, &other]).await;
    cluster
        .create(sealed_secret("db").item("a", "b", &lost).object())
        .await;
    cluster.condition("shop", "db", "Ready", "True").await;
    cluster.stop_controller().await;
    cluster
        .secrets(tests::KEY_NAMESPACE)
        .delete("sealed-secrets-key2048", &Default::default())
        .await
        .unwrap();
    cluster.run_controller(quiet()).await;
    let synced = cluster.condition("shop", "db", "Synced", "False").await;
    assert_eq!(
        synced["message"],
        "no key could decrypt secret (a); a: unknown key, or sealed for another name"
    );
    cluster.secret_becomes("shop", "db", &[("a", "b")]).await;
}

/// Upstream's definition prunes the record; everything works without it.
#[tokio::test]
async fn works_under_upstreams_definition() {
    let key = Fixture::rsa2048();
    let mut cluster = Cluster::with_crd(UPSTREAMS_CRD)
        .await
        .with_keys(&[&key])
        .await;
    cluster
        .create(sealed_secret("db").item("a", "b", &key).object())
        .await;
    cluster.condition("shop", "db", "Ready", "True").await;
    assert_eq!(record(&cluster, "db").await, Value::Null);
    let before = traces(&cluster).await;
    restart(&mut cluster).await;
    assert_eq!(traces(&cluster).await, before);
    cluster
        .patch_secret("shop", "db", json!({ "stringData": { "a": "changed" } }))
        .await;
    cluster.secret_becomes("shop", "db", &[("a", "b")]).await;
}

/// Who may write a status may copy a record; it proves nothing of another object.
#[tokio::test]
async fn believes_no_record_that_was_made_for_another_object() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    let unowned = json!({ "metadata": { "annotations": { "sealedsecrets.bitnami.com/skip-set-owner-references": "true" } } });
    let mine = sealed_secret("mine")
        .item("a", "b", &key)
        .template(unowned.clone());
    cluster.create(mine.object()).await;
    cluster.condition("shop", "mine", "Ready", "True").await;
    let mut copied = record(&cluster, "mine").await;

    cluster.create_foreign("db", &[("a", "foreign")]).await;
    let before = cluster.secrets("shop").get("db").await.unwrap();
    copied["secretUid"] = before.uid().into();
    copied["secretVersion"] = before.resource_version().into();
    for record in [copied.clone(), {
        copied["generation"] = 2.into();
        copied
    }] {
        let forged = sealed_secret("db")
            .item("a", "b", &key)
            .template(unowned.clone());
        cluster.create(forged.object()).await;
        cluster.condition("shop", "db", "Synced", "False").await;
        let good = json!({ "status": "True", "type": "Synced" });
        let status = json!({ "observedGeneration": 1, "conditions": [good], "applied": record });
        cluster.write_status("shop", "db", status).await;
        // A label wakes it.
        cluster
            .patch(
                "shop",
                "db",
                json!({ "metadata": { "labels": { "wake": "up" } } }),
            )
            .await;
        let synced = cluster.condition("shop", "db", "Synced", "False").await;
        let text =
            "failed update: Resource \"db\" already exists and is not managed by SealedSecret";
        assert_eq!(synced["message"], text);
        assert!(
            cluster
                .event("shop", "db", "ErrUpdateFailed")
                .await
                .contains("not managed")
        );
        let after = cluster.secrets("shop").get("db").await.unwrap();
        assert_eq!(after.resource_version(), before.resource_version());
        cluster.delete("shop", "db").await;
    }
}

/// <https://github.com/bitnami/sealed-secrets/issues/223>
#[tokio::test]
async fn stays_silent_when_nothing_changed() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    cluster
        .create(sealed_secret("db").item("a", "b", &key).object())
        .await;
    cluster.condition("shop", "db", "Ready", "True").await;
    let before = traces(&cluster).await;
    tests::pass(Duration::from_hours(12)).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(traces(&cluster).await, before);
}

#[tokio::test]
async fn writes_no_status_when_it_is_told_not_to() {
    let key = Fixture::rsa2048();
    let config = Config {
        update_status: false,
        ..quiet()
    };
    let cluster = Cluster::start_with(config, &[&key]).await;
    cluster
        .create(sealed_secret("db").item("a", "b", &key).object())
        .await;
    cluster.secret_becomes("shop", "db", &[("a", "b")]).await;
    cluster.event("shop", "db", "Unsealed").await;
    let object = cluster.sealed_secrets("shop").get("db").await.unwrap();
    assert_eq!(object.data.get("status"), None);
}
