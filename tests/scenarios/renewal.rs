//! New keys: when they are made, and when they are not.

use std::time::Duration;

use controller::{Config, FirstKey, KeyOrder};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use kube::api::ListParams;
use serde_json::json;
use tests::{Cluster, Fixture, KEY_NAMESPACE, eventually, key_secret, quiet, sealed_secret};

const LABEL: &str = "sealedsecrets.bitnami.com/sealed-secrets-key";

async fn keys(cluster: &Cluster) -> Vec<Secret> {
    let active = ListParams::default().labels(&format!("{LABEL}=active"));
    cluster
        .secrets(KEY_NAMESPACE)
        .list(&active)
        .await
        .unwrap()
        .items
}

async fn becomes(cluster: &Cluster, count: usize) -> Vec<Secret> {
    eventually(&format!("there are {count} keys"), async || {
        Some(keys(cluster).await).filter(|keys| keys.len() == count)
    })
    .await
}

async fn certificate(cluster: &Cluster) -> String {
    let answer = cluster.http("v1/cert.pem").await;
    answer.split_once("\r\n\r\n").unwrap().1.trim().to_owned()
}

async fn ask_for_a_successor(cluster: &Cluster, key: &Fixture) {
    ask(cluster, &key_secret(key).name_any()).await;
}

/// Asks for a successor of the key in a Secret.
async fn ask(cluster: &Cluster, name: &str) {
    let ask =
        json!({ "metadata": { "annotations": { "sealedsecrets.bitnami.com/renew": "true" } } });
    cluster.patch_secret(KEY_NAMESPACE, name, ask).await;
}

#[tokio::test]
async fn makes_a_key_when_it_is_signalled_though_the_period_is_off() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    cluster.ask_for_a_key().await;
    becomes(&cluster, 2).await;
    eventually("the new key is served", async || {
        (certificate(&cluster).await != key.certificate.trim()).then_some(())
    })
    .await;
}

/// <https://github.com/bitnami/sealed-secrets/issues/298>
#[tokio::test]
async fn renews_on_request() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    ask_for_a_successor(&cluster, &key).await;
    becomes(&cluster, 2).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(keys(&cluster).await.len(), 2);
}

#[tokio::test]
async fn renews_one_period_after_the_current_key() {
    let mut cluster = Cluster::empty().await;
    let config = Config {
        key_renew_period: Some(SignedDuration::from_secs(3)),
        ..quiet()
    };
    cluster.run_controller(config).await;
    let first = becomes(&cluster, 1).await.remove(0);
    becomes(&cluster, 2).await;
    assert_eq!(first.name_any(), "sealed-secrets-keyfirst");
}

#[tokio::test]
async fn makes_a_key_at_start_if_the_newest_is_from_before_the_cutoff() {
    let key = Fixture::rsa2048();
    let mut cluster = Cluster::empty().await;
    cluster.create_secret(&key_secret(&key)).await;
    let config = Config {
        key_cutoff: Some(Timestamp::now()),
        ..quiet()
    };
    cluster.run_controller(config.clone()).await;
    becomes(&cluster, 2).await;
    assert_ne!(certificate(&cluster).await, key.certificate.trim());
    cluster.stop_controller().await;
    cluster.run_controller(config).await;
    assert_eq!(keys(&cluster).await.len(), 2);
}

#[tokio::test]
async fn puts_on_a_new_key_what_it_was_told() {
    let mut cluster = Cluster::empty().await;
    let pair = |key: &str, value: &str| [(key.to_owned(), value.to_owned())].into();
    let config = Config {
        key_prefix: "our-key".to_owned(),
        key_labels: pair("team", "a"),
        key_annotations: pair("note", "b"),
        common_name: "our shop".to_owned(),
        key_ttl: SignedDuration::from_hours(48),
        ..quiet()
    };
    cluster.run_controller(config).await;
    let made = becomes(&cluster, 1).await.remove(0);
    assert_eq!(made.name_any(), "our-keyfirst");
    assert_eq!(made.metadata.generate_name.as_deref(), Some("our-key"));
    assert_eq!(
        (&*made.labels()["team"], &*made.labels()[LABEL]),
        ("a", "active")
    );
    assert_eq!(made.annotations()["note"], "b");
    let made = sealing::Certificate::from_pem(Fixture::of(&made).certificate.as_bytes()).unwrap();
    assert_eq!(
        made.not_after()
            .duration_since(made.not_before())
            .as_hours(),
        48
    );
    let label = sealing::Scope::Strict.label("a", "b");
    let value = sealing::Plaintext::new(b"x".to_vec());
    let sealed = sealing::seal_value(&value, &made, &label).unwrap();
    assert!(sealed.starts_with("AQ"), "a key of 2048 bits");
    let pem: String = made
        .as_pem()
        .lines()
        .filter(|line| !line.starts_with('-'))
        .collect();
    let der = sealing::base64::decode(&pem).unwrap();
    assert!(der.windows(8).any(|part| part == b"our shop"));
}

#[tokio::test]
async fn seals_to_the_key_whose_secret_is_newest_when_told_so() {
    // The certificate of the second is older.
    let fixtures = [Fixture::rsa2048(), Fixture::rsa4096()];
    for [first, second] in [[0, 1], [1, 0]].map(|order| order.map(|index: usize| &fixtures[index]))
    {
        let mut cluster = Cluster::empty().await;
        cluster.create_secret(&key_secret(first)).await;
        tokio::time::sleep(Duration::from_millis(1100)).await;
        cluster.create_secret(&key_secret(second)).await;
        let config = Config {
            key_order: KeyOrder::Created,
            ..quiet()
        };
        cluster.run_controller(config).await;
        assert_eq!(certificate(&cluster).await, second.certificate.trim());
    }
}

/// A cluster whose SealedSecret was opened once, without the key that opened it.
async fn restored(key: &Fixture) -> Cluster {
    let cluster = Cluster::empty().await;
    cluster
        .create(sealed_secret("db").item("a", "b", key).object())
        .await;
    let told = json!({ "conditions": [{ "type": "Synced", "status": "True" }] });
    cluster.write_status("shop", "db", told).await;
    cluster
}

/// <https://github.com/bitnami/sealed-secrets/issues/1588>
#[tokio::test]
async fn a_restore_makes_no_new_key() {
    let key = Fixture::rsa2048();
    let mut cluster = restored(&key).await;
    cluster.run_controller(quiet()).await; // it is ready
    let events = cluster
        .event(KEY_NAMESPACE, "sealed-secrets-keyfirst", "KeyMissing")
        .await;
    assert!(events.contains("restore the key Secrets"), "{events}");
    assert!(
        cluster
            .http("v1/cert.pem")
            .await
            .starts_with("HTTP/1.1 500")
    );
    assert!(keys(&cluster).await.is_empty());
    cluster.create_secret(&key_secret(&key)).await;
    cluster.secret_becomes("shop", "db", &[("a", "b")]).await;
    assert_eq!(certificate(&cluster).await, key.certificate.trim());
    assert_eq!(keys(&cluster).await.len(), 1);
}

#[tokio::test]
async fn makes_a_key_in_spite_of_that_when_told_so() {
    let key = Fixture::rsa2048();
    let mut cluster = restored(&key).await;
    cluster
        .run_controller(Config {
            first_key: FirstKey::Always,
            ..quiet()
        })
        .await;
    becomes(&cluster, 1).await;
}

/// <https://github.com/bitnami/sealed-secrets/issues/702>
#[tokio::test]
async fn never_generates_when_told_so() {
    let mut cluster = Cluster::empty().await;
    cluster
        .run_controller(Config {
            first_key: FirstKey::Never,
            ..quiet()
        })
        .await;
    cluster
        .event(KEY_NAMESPACE, "sealed-secrets-keyfirst", "KeyMissing")
        .await;
    assert!(keys(&cluster).await.is_empty());
    // Asked for on purpose, it does.
    cluster.ask_for_a_key().await;
    becomes(&cluster, 1).await;
}

/// <https://github.com/bitnami/sealed-secrets/issues/848>
#[tokio::test]
async fn two_controllers_start_with_one_key() {
    let mut cluster = Cluster::empty().await;
    cluster.run_second_controller(quiet()).await;
    cluster.run_controller(quiet()).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(keys(&cluster).await.len(), 1);
}

#[tokio::test]
async fn two_controllers_make_one_successor() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    cluster.run_second_controller(quiet()).await;
    ask_for_a_successor(&cluster, &key).await;
    becomes(&cluster, 2).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(keys(&cluster).await.len(), 2);
}

#[tokio::test]
async fn makes_another_successor_where_the_one_that_is_there_is_older() {
    let ago = |hours| Fixture::made_at(Timestamp::now() - SignedDuration::from_hours(hours));
    let (key, older) = (ago(1), ago(2));
    let mut cluster = Cluster::empty().await;
    let name = format!("sealed-secrets-key{}", &key.fingerprint()[..7]);
    let mut there = key_secret(&older);
    there.metadata.name = Some(name.clone());
    cluster.create_secret(&key_secret(&key)).await;
    cluster.create_secret(&there).await;
    cluster.run_controller(quiet()).await;
    ask_for_a_successor(&cluster, &key).await;
    let there = becomes(&cluster, 3).await;
    let made = there
        .iter()
        .find(|secret| secret.name_any() == name.clone() + "1");
    let made = Fixture::of(made.unwrap()).certificate;
    eventually("the new key is served", async || {
        (certificate(&cluster).await == made.trim()).then_some(())
    })
    .await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(keys(&cluster).await.len(), 3);
}

/// Takes every name that can be foreseen for a key.
async fn take_names(cluster: &Cluster, slot: &str) {
    for ordinal in ["", "1", "2", "3", "4", "5", "6", "7", "8", "9"] {
        let mut taken = Secret::default();
        taken.metadata.name = Some(format!("sealed-secrets-key{slot}{ordinal}"));
        taken.metadata.namespace = Some(KEY_NAMESPACE.to_owned());
        cluster.create_secret(&taken).await;
    }
}

#[tokio::test]
async fn no_name_that_others_take_keeps_a_key_from_being_made() {
    let mut cluster = Cluster::empty().await;
    take_names(&cluster, "first").await;
    cluster.run_controller(quiet()).await;
    let first = becomes(&cluster, 1).await.remove(0);
    assert_eq!(first.name_any().len(), "sealed-secrets-key".len() + 8);
    let key = Fixture::of(&first);
    take_names(&cluster, &key.fingerprint()[..7]).await;
    ask(&cluster, &first.name_any()).await;
    becomes(&cluster, 2).await;
    eventually("the successor is served", async || {
        (certificate(&cluster).await != key.certificate.trim()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_restored_key_from_before_labels_ends_the_wait() {
    let key = Fixture::rsa2048();
    let mut cluster = restored(&key).await;
    cluster.run_controller(quiet()).await;
    let mut legacy = key_secret(&key);
    legacy.metadata.name = Some("sealed-secrets-key".to_owned());
    legacy.metadata.labels = None;
    cluster.create_secret(&legacy).await;
    tests::pass(Duration::from_secs(10)).await;
    cluster.secret_becomes("shop", "db", &[("a", "b")]).await;
    assert_eq!(certificate(&cluster).await, key.certificate.trim());
    assert!(keys(&cluster).await.is_empty());
}

/// <https://github.com/bitnami/sealed-secrets/issues/1862>
#[tokio::test]
async fn ignores_keys_of_other_namespaces() {
    let (own, other) = (Fixture::rsa2048(), Fixture::rsa4096());
    let cluster = Cluster::start(&[&own]).await;
    let mut foreign = key_secret(&other);
    foreign.metadata.namespace = Some("shop".to_owned());
    cluster.create_secret(&foreign).await;
    cluster
        .create(sealed_secret("db").item("a", "b", &other).object())
        .await;
    cluster.condition("shop", "db", "Synced", "False").await;
    assert_eq!(certificate(&cluster).await, own.certificate.trim());
}

/// <https://github.com/bitnami/sealed-secrets/issues/2034>
#[tokio::test]
async fn a_deleted_key_still_unseals() {
    let (kept, deleted) = (Fixture::rsa2048(), Fixture::rsa4096());
    let cluster = Cluster::start(&[&kept, &deleted]).await;
    let secrets = cluster.secrets(KEY_NAMESPACE);
    secrets
        .delete(&key_secret(&deleted).name_any(), &Default::default())
        .await
        .unwrap();
    eventually("the other key is served", async || {
        (certificate(&cluster).await == kept.certificate.trim()).then_some(())
    })
    .await;
    cluster
        .create(sealed_secret("db").item("a", "b", &deleted).object())
        .await;
    cluster.secret_becomes("shop", "db", &[("a", "b")]).await;
}

/// Waits until the controller has seen every key Secret so far, by one more that is older than all.
async fn catches_up(cluster: &Cluster, hours: i64) {
    let key = Fixture::made_at(Timestamp::now() - SignedDuration::from_hours(hours));
    cluster.create_secret(&key_secret(&key)).await;
    let name = format!("after-{hours}");
    cluster
        .create(sealed_secret(&name).item("a", "b", &key).object())
        .await;
    cluster.secret_becomes("shop", &name, &[("a", "b")]).await;
}

#[tokio::test]
async fn a_copy_of_a_key_comes_and_goes() {
    let key = Fixture::made_at(Timestamp::now());
    let cluster = Cluster::start(&[&key]).await;
    let secrets = cluster.secrets(KEY_NAMESPACE);
    let mut copy = key_secret(&key);
    copy.metadata.name = Some("backup".to_owned());
    cluster.create_secret(&copy).await;
    catches_up(&cluster, 1000).await;
    secrets.delete("backup", &Default::default()).await.unwrap();
    catches_up(&cluster, 2000).await;
    assert_eq!(certificate(&cluster).await, key.certificate.trim());
    // And the other way round: what was copied goes, and the copy stays.
    cluster.create_secret(&copy).await;
    catches_up(&cluster, 3000).await;
    let original = key_secret(&key).name_any();
    secrets
        .delete(&original, &Default::default())
        .await
        .unwrap();
    catches_up(&cluster, 4000).await;
    assert_eq!(certificate(&cluster).await, key.certificate.trim());
}
