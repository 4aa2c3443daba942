//! Sealing keys: made once, found again, added and taken away while the controller runs.

use controller::Config;
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;
use kube::api::{ListParams, Patch};
use sealing::Certificate;
use serde_json::json;
use tests::{Cluster, Fixture, KEY_NAMESPACE, eventually, key_secret, quiet, sealed_secret};

async fn key_names(cluster: &Cluster) -> Vec<String> {
    let active =
        ListParams::default().labels("sealedsecrets.bitnami.com/sealed-secrets-key=active");
    cluster
        .secrets(KEY_NAMESPACE)
        .list(&active)
        .await
        .unwrap()
        .iter()
        .map(ResourceExt::name_any)
        .collect()
}

fn fingerprint(key: &Fixture) -> String {
    let certificate = Certificate::from_pem(key.certificate.as_bytes()).unwrap();
    certificate.fingerprint().to_string()
}

/// What the served certificate is called.
async fn current(cluster: &Cluster) -> String {
    let answer = cluster.http("v1/cert.pem").await;
    let (_, pem) = answer.split_once("\r\n\r\n").unwrap();
    let certificate = Certificate::from_pem(pem.as_bytes()).unwrap();
    certificate.fingerprint().to_string()
}

/// This many hours ago.
fn ago(hours: i64) -> Timestamp {
    Timestamp::now() - SignedDuration::from_hours(hours)
}

#[tokio::test]
async fn makes_the_first_key_and_serves_its_certificate() {
    let mut cluster = Cluster::empty().await;
    cluster.run_controller(quiet()).await;
    assert_eq!(key_names(&cluster).await, ["sealed-secrets-keyfirst"]);
    let secret = cluster
        .secrets(KEY_NAMESPACE)
        .get("sealed-secrets-keyfirst")
        .await
        .unwrap();
    assert_eq!(secret.type_.as_deref(), Some("kubernetes.io/tls"));
    assert_eq!(
        secret.metadata.generate_name.as_deref(),
        Some("sealed-secrets-key")
    );
    let stored = Certificate::from_pem(&secret.data.unwrap()["tls.crt"].0).unwrap();
    let answer = cluster.http("v1/cert.pem").await;
    let served =
        Certificate::from_pem(answer.split_once("\r\n\r\n").unwrap().1.as_bytes()).unwrap();
    assert_eq!(served.fingerprint(), stored.fingerprint());
}

#[tokio::test]
async fn finds_its_key_again_after_a_restart() {
    let mut cluster = Cluster::empty().await;
    cluster.run_controller(quiet()).await;
    let before = cluster.http("v1/cert.pem").await;
    cluster.stop_controller().await;
    cluster.run_controller(quiet()).await;
    let body = |answer: &str| answer.split_once("\r\n\r\n").unwrap().1.to_owned();
    assert_eq!(body(&cluster.http("v1/cert.pem").await), body(&before));
    assert_eq!(key_names(&cluster).await.len(), 1);
}

#[tokio::test]
async fn opens_at_once_what_waited_for_a_key() {
    let (here, missing) = (Fixture::rsa2048(), Fixture::rsa4096());
    let cluster = Cluster::start(&[&here]).await;
    cluster
        .create(sealed_secret("db").item("a", "b", &missing).object())
        .await;
    cluster.condition("shop", "db", "Synced", "False").await;
    cluster.create_secret(&key_secret(&missing)).await;
    cluster.secret_becomes("shop", "db", &[("a", "b")]).await;
    cluster.condition("shop", "db", "Synced", "True").await;
    cluster.ends_as("opens-at-once-what-waited-for-a-key").await;
}

#[tokio::test]
async fn seals_no_more_to_a_retired_key_but_opens_with_it() {
    let (old, new) = (Fixture::rsa2048(), Fixture::rsa4096());
    let cluster = Cluster::start(&[&old, &new]).await;
    let before = current(&cluster).await;
    let (retired, other) = if before == fingerprint(&old) {
        (&old, &new)
    } else {
        (&new, &old)
    };
    let compromised = json!({ "metadata": { "labels": { "sealedsecrets.bitnami.com/sealed-secrets-key": "compromised" } } });
    let name = format!("sealed-secrets-key{}", retired.name);
    cluster
        .secrets(KEY_NAMESPACE)
        .patch(&name, &Default::default(), &Patch::Merge(compromised))
        .await
        .unwrap();
    eventually("the other key is current", async || {
        (current(&cluster).await == fingerprint(other)).then_some(())
    })
    .await;
    cluster
        .create(sealed_secret("db").item("a", "b", retired).object())
        .await;
    cluster.secret_becomes("shop", "db", &[("a", "b")]).await;
    cluster
        .ends_as("seals-no-more-to-a-retired-key-but-opens-with-it")
        .await;
}

#[tokio::test]
async fn reports_a_malformed_key_on_itself_and_serves_the_others() {
    let key = Fixture::rsa2048();
    let mut cluster = Cluster::empty().await;
    let mut broken = key_secret(&Fixture::rsa4096());
    broken
        .data
        .as_mut()
        .unwrap()
        .insert("tls.key".into(), k8s_openapi::ByteString(b"junk".to_vec()));
    cluster.create_secret(&broken).await;
    cluster.create_secret(&key_secret(&key)).await;
    cluster.run_controller(quiet()).await;
    let message = cluster
        .event(KEY_NAMESPACE, &broken.name_any(), "ErrKeyInvalid")
        .await;
    assert_eq!(
        message,
        "cannot read the sealing key: `tls.key`: data does not contain a valid private key"
    );
    cluster
        .create(sealed_secret("db").item("a", "b", &key).object())
        .await;
    cluster.secret_becomes("shop", "db", &[("a", "b")]).await;
    cluster
        .ends_as("reports-a-malformed-key-on-itself-and-serves-the-others")
        .await;
}

#[tokio::test]
async fn takes_the_legacy_key_without_a_label() {
    let key = Fixture::rsa2048();
    let mut cluster = Cluster::empty().await;
    let mut legacy = key_secret(&key);
    legacy.metadata.name = Some("sealed-secrets-key".into());
    legacy.metadata.labels = None;
    cluster.create_secret(&legacy).await;
    cluster.run_controller(quiet()).await;
    cluster
        .create(sealed_secret("db").item("a", "b", &key).object())
        .await;
    cluster.secret_becomes("shop", "db", &[("a", "b")]).await;
    assert!(key_names(&cluster).await.is_empty());
    cluster
        .ends_as("takes-the-legacy-key-without-a-label")
        .await;
}

#[tokio::test]
async fn makes_a_successor_when_the_newest_key_is_old_enough() {
    let key = Fixture::rsa2048();
    let mut cluster = Cluster::empty().await;
    cluster.create_secret(&key_secret(&key)).await;
    let every_hour = Some(SignedDuration::from_hours(1));
    let config = Config {
        key_renew_period: every_hour,
        ..quiet()
    };
    cluster.run_controller(config).await;
    let successor = format!("sealed-secrets-key{}", &fingerprint(&key)[..7]);
    let names = ["sealed-secrets-key2048".to_owned(), successor];
    eventually("there are two keys", async || {
        (key_names(&cluster).await == names).then_some(())
    })
    .await;
    cluster
        .create(sealed_secret("db").item("a", "b", &key).object())
        .await;
    cluster.secret_becomes("shop", "db", &[("a", "b")]).await;
    cluster
        .ends_as("makes-a-successor-when-the-newest-key-is-old-enough")
        .await;
}

#[tokio::test]
async fn lets_no_sealed_secret_make_a_sealing_key() {
    let (key, chosen) = (Fixture::rsa2048(), Fixture::rsa4096());
    let cluster = Cluster::start(&[&key]).await;
    let before = cluster.http("v1/cert.pem").await;
    let labels = json!({ "sealedsecrets.bitnami.com/sealed-secrets-key": "active" });
    let sealed = sealed_secret("chosen")
        .in_namespace(KEY_NAMESPACE)
        .item("tls.key", &chosen.private_key, &key)
        .item("tls.crt", &chosen.certificate, &key)
        .template(json!({ "type": "kubernetes.io/tls", "metadata": { "labels": labels } }));
    cluster.create(sealed.object()).await;
    let synced = cluster
        .condition(KEY_NAMESPACE, "chosen", "Synced", "False")
        .await;
    let text = "cannot make a sealing key: the label `sealedsecrets.bitnami.com/sealed-secrets-key` is reserved in this namespace";
    assert_eq!(synced["message"], text);
    assert!(
        cluster
            .secrets(KEY_NAMESPACE)
            .get_opt("chosen")
            .await
            .unwrap()
            .is_none()
    );
    let body = |answer: &str| answer.split_once("\r\n\r\n").unwrap().1.to_owned();
    assert_eq!(body(&cluster.http("v1/cert.pem").await), body(&before));
}

#[tokio::test]
async fn serves_the_certificate_of_a_newer_key_and_not_of_an_older_one() {
    let key = Fixture::made_at(ago(2));
    let cluster = Cluster::start(&[&key]).await;
    let (older, newer) = (Fixture::made_at(ago(3)), Fixture::made_at(ago(1)));
    cluster.create_secret(&key_secret(&older)).await;
    cluster
        .create(sealed_secret("old").item("a", "b", &older).object())
        .await;
    cluster.secret_becomes("shop", "old", &[("a", "b")]).await;
    assert_eq!(current(&cluster).await, fingerprint(&key));
    cluster.create_secret(&key_secret(&newer)).await;
    eventually("the newer key is current", async || {
        (current(&cluster).await == fingerprint(&newer)).then_some(())
    })
    .await;
    cluster
        .ends_as("serves-the-certificate-of-a-newer-key-and-not-of-an-older-one")
        .await;
}

#[tokio::test]
async fn makes_a_successor_at_the_moment_when_it_is_due() {
    let period = SignedDuration::from_secs(20);
    let key = Fixture::made_at(Timestamp::now() - SignedDuration::from_secs(17));
    let mut cluster = Cluster::empty().await;
    cluster.create_secret(&key_secret(&key)).await;
    let config = Config {
        key_renew_period: Some(period),
        ..quiet()
    };
    cluster.run_controller(config).await;
    assert_eq!(current(&cluster).await, fingerprint(&key));
    eventually("another key is current", async || {
        (current(&cluster).await != fingerprint(&key)).then_some(())
    })
    .await;
    let age = Timestamp::now().duration_since(key_begins(&key));
    assert!(age >= period, "{age:?}");
}

fn key_begins(key: &Fixture) -> Timestamp {
    let certificate = Certificate::from_pem(key.certificate.as_bytes()).unwrap();
    certificate.not_before()
}

#[tokio::test]
async fn makes_a_key_every_period() {
    let mut cluster = Cluster::empty().await;
    let config = Config {
        key_renew_period: Some(SignedDuration::from_millis(100)),
        ..quiet()
    };
    cluster.run_controller(config).await;
    eventually("there are three keys", async || {
        (key_names(&cluster).await.len() >= 3).then_some(())
    })
    .await;
}

#[tokio::test]
async fn opens_and_serves_while_keys_come() {
    let key = Fixture::made_at(ago(100));
    let cluster = Cluster::start(&[&key]).await;
    let keys: Vec<Fixture> = (1..6).map(|hours| Fixture::made_at(ago(hours))).collect();
    let come = async {
        for key in &keys {
            cluster.create_secret(&key_secret(key)).await;
        }
    };
    let open = async {
        for index in 0..10 {
            let name = format!("s{index}");
            cluster
                .create(sealed_secret(&name).item("a", "b", &key).object())
                .await;
            cluster.secret_becomes("shop", &name, &[("a", "b")]).await;
        }
    };
    let fetch = async {
        for _ in 0..50 {
            current(&cluster).await;
        }
    };
    tokio::join!(come, open, fetch);
    eventually("the newest key is current", async || {
        (current(&cluster).await == fingerprint(&keys[0])).then_some(())
    })
    .await;
    cluster.ends_as("opens-and-serves-while-keys-come").await;
}
