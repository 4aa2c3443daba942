//! Keys that somebody would like others to seal to, and the one key from before labels, which they resemble.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{DynamicObject, ListParams, PostParams};
use kube::client::Body;
use kube::core::ApiResource;
use kube::{Client, Resource, ResourceExt};
use sealing::{Certificate, PrivateKey, SealedSecret};
use serde_json::{Value, json};
use tests::{Cluster, Fixture, KEY_NAMESPACE, is_real, key_secret, quiet, sealed_secret};
use tokio::sync::watch;
use tower::service_fn;

const LEGACY: &str = "sealed-secrets-key";
const NO_KEY: &str = "no key could decrypt secret";

/// The key Secret of a fixture as it was before there were labels.
fn legacy(key: &Fixture) -> Secret {
    let mut legacy = key_secret(key);
    legacy.metadata.name = Some(LEGACY.to_owned());
    legacy.metadata.labels = None;
    legacy
}

/// A key that was made this many hours ago.
fn ago(hours: i64) -> Fixture {
    Fixture::made_at(Timestamp::now() - SignedDuration::from_hours(hours))
}

/// Which key is served.
async fn served(cluster: &Cluster) -> String {
    let answer = cluster.http("v1/cert.pem").await;
    let (_, pem) = answer.split_once("\r\n\r\n").unwrap();
    let certificate = Certificate::from_pem(pem.as_bytes()).unwrap();
    certificate.fingerprint().short().to_owned()
}

/// A template of a key Secret.
fn template(key: &Fixture) -> Value {
    let pair = json!({ "tls.key": key.private_key, "tls.crt": key.certificate });
    json!({ "type": "kubernetes.io/tls", "data": pair })
}

#[tokio::test]
async fn lets_no_sealed_secret_take_a_name_of_keys() {
    let (key, chosen) = (ago(2), ago(1));
    let mut cluster = Cluster::start(&[&key]).await;
    for name in [LEGACY, "sealed-secrets-keyfirst"] {
        let sealed = sealed_secret(name).in_namespace(KEY_NAMESPACE);
        cluster
            .create(sealed.template(template(&chosen)).object())
            .await;
        let synced = cluster
            .condition(KEY_NAMESPACE, name, "Synced", "False")
            .await;
        let text = "cannot make a Secret whose name begins with `sealed-secrets-key`: reserved for sealing keys in this namespace";
        assert_eq!(synced["message"], text);
        let made = cluster.secrets(KEY_NAMESPACE).get_opt(name).await.unwrap();
        assert!(made.is_none());
    }
    cluster.stop_controller().await;
    cluster.run_controller(quiet()).await;
    assert_eq!(served(&cluster).await, key.fingerprint());
    // Elsewhere the name is like any other.
    cluster
        .create(sealed_secret(LEGACY).item("a", "b", &key).object())
        .await;
    cluster.secret_becomes("shop", LEGACY, &[("a", "b")]).await;
}

/// Creates a legacy key as an earlier controller would have for a SealedSecret that leaves this trace.
async fn plant(cluster: &Cluster, key: &Fixture, trace: &str) {
    let mut secret = legacy(key);
    let mut how = PostParams::default();
    match trace {
        "an owner" => {
            let sealed = sealed_secret(LEGACY).in_namespace(KEY_NAMESPACE);
            cluster.create(sealed.object()).await;
            let owner = cluster
                .sealed_secrets(KEY_NAMESPACE)
                .get(LEGACY)
                .await
                .unwrap();
            let resource = ApiResource::erase::<SealedSecret>(&());
            secret.metadata.owner_references = owner.owner_ref(&resource).map(|owner| vec![owner]);
        }
        "a manager" => how.field_manager = Some("sealed-secrets-controller".to_owned()),
        annotation => {
            let annotations = secret.annotations_mut();
            annotations.insert(annotation.to_owned(), "true".to_owned());
        }
    }
    let secrets = cluster.secrets(KEY_NAMESPACE);
    secrets.create(&how, &secret).await.unwrap();
}

#[tokio::test]
async fn takes_no_legacy_key_that_was_made_for_a_sealed_secret() {
    let planted = ago(1);
    let traces = [
        "an owner",
        "sealedsecrets.bitnami.com/skip-set-owner-references",
        "sealedsecrets.bitnami.com/managed",
        "a manager",
    ];
    // The server in memory keeps no managers.
    let count = if is_real() {
        traces.len()
    } else {
        traces.len() - 1
    };
    for trace in &traces[..count] {
        let mut cluster = Cluster::empty().await;
        plant(&cluster, &planted, trace).await;
        cluster.run_controller(quiet()).await;
        assert_ne!(served(&cluster).await, planted.fingerprint(), "{trace}");
        let active =
            ListParams::default().labels("sealedsecrets.bitnami.com/sealed-secrets-key=active");
        let keys = cluster.secrets(KEY_NAMESPACE).list(&active).await.unwrap();
        let names: Vec<String> = keys.iter().map(ResourceExt::name_any).collect();
        assert_eq!(names, ["sealed-secrets-keyfirst"], "{trace}");
        cluster
            .create(sealed_secret("db").item("a", "b", &planted).object())
            .await;
        let synced = cluster.condition("shop", "db", "Synced", "False").await;
        assert!(
            synced["message"].as_str().unwrap().starts_with(NO_KEY),
            "{trace}: {synced}"
        );
        cluster.stop_controller().await;
    }
}

/// Whoever may create SealedSecrets beside the keys could take a key away otherwise.
#[tokio::test]
async fn keeps_the_legacy_key_though_a_sealed_secret_has_its_name() {
    let key = Fixture::rsa2048();
    let mut cluster = Cluster::empty().await;
    cluster.create_secret(&legacy(&key)).await;
    let sealed = sealed_secret(LEGACY).in_namespace(KEY_NAMESPACE);
    cluster
        .create(sealed.template(template(&ago(1))).object())
        .await;
    cluster.run_controller(quiet()).await;
    assert_eq!(served(&cluster).await, key.fingerprint());
    cluster
        .condition(KEY_NAMESPACE, LEGACY, "Synced", "False")
        .await;
}

#[tokio::test]
async fn seals_to_a_labelled_key_rather_than_to_a_newer_legacy_one() {
    let (labelled, newer) = (ago(2), ago(1));
    let mut cluster = Cluster::empty().await;
    cluster.create_secret(&key_secret(&labelled)).await;
    cluster.create_secret(&legacy(&newer)).await;
    cluster.run_controller(quiet()).await;
    assert_eq!(served(&cluster).await, labelled.fingerprint());
    for (name, key) in [("a", &labelled), ("b", &newer)] {
        cluster
            .create(sealed_secret(name).item("a", "b", key).object())
            .await;
        cluster.secret_becomes("shop", name, &[("a", "b")]).await;
    }
}

#[tokio::test]
async fn seals_no_more_to_a_legacy_key_whose_label_says_that_it_is_retired() {
    let key = ago(1);
    let mut cluster = Cluster::empty().await;
    let mut retired = legacy(&key);
    let label = "sealedsecrets.bitnami.com/sealed-secrets-key".to_owned();
    retired.labels_mut().insert(label, "compromised".to_owned());
    cluster.create_secret(&retired).await;
    cluster.run_controller(quiet()).await;
    assert_ne!(served(&cluster).await, key.fingerprint());
    cluster
        .create(sealed_secret("db").item("a", "b", &key).object())
        .await;
    cluster.secret_becomes("shop", "db", &[("a", "b")]).await;
}

/// A client whose look at the legacy key waits until it is told to go on.
fn waiting(client: Client) -> (Client, watch::Sender<bool>) {
    let (go_on, may_go_on) = watch::channel(false);
    let waiting = service_fn(move |request: http::Request<Body>| {
        let (client, mut may_go_on) = (client.clone(), may_go_on.clone());
        async move {
            let query = request.uri().query().unwrap_or_default();
            if query.contains(&format!("metadata.name%3D{LEGACY}")) {
                _ = may_go_on.wait_for(|go_on| *go_on).await;
            }
            client.send(request).await
        }
    });
    (Client::new(waiting, "default"), go_on)
}

#[tokio::test]
async fn opens_at_once_what_waited_for_the_legacy_key() {
    let (labelled, old) = (Fixture::rsa2048(), Fixture::rsa4096());
    let mut cluster = Cluster::empty().await;
    cluster.create_secret(&key_secret(&labelled)).await;
    cluster.create_secret(&legacy(&old)).await;
    let (client, go_on) = waiting(cluster.client.clone());
    cluster.begin_controller_as(client, quiet()).await;
    cluster
        .create(sealed_secret("db").item("a", "b", &old).object())
        .await;
    cluster.condition("shop", "db", "Synced", "False").await;
    go_on.send_replace(true);
    cluster.secret_becomes("shop", "db", &[("a", "b")]).await;
}

#[tokio::test]
async fn writes_over_no_key_though_its_secret_asks_for_it() {
    let (key, chosen) = (ago(1), ago(0));
    let cluster = Cluster::start(&[&key]).await;
    let mut own = key_secret(&ago(2));
    own.metadata.name = Some("brought".to_owned());
    let managed = "sealedsecrets.bitnami.com/managed".to_owned();
    own.annotations_mut().insert(managed, "true".to_owned());
    cluster.create_secret(&own).await;
    let sealed = sealed_secret("brought").in_namespace(KEY_NAMESPACE);
    cluster
        .create(sealed.template(template(&chosen)).object())
        .await;
    let synced = cluster
        .condition(KEY_NAMESPACE, "brought", "Synced", "False")
        .await;
    let text =
        "failed update: Resource \"brought\" already exists and is not managed by SealedSecret";
    assert_eq!(synced["message"], text);
    let there = cluster.secrets(KEY_NAMESPACE).get("brought").await.unwrap();
    assert_eq!(there.data, own.data);
    assert_eq!(served(&cluster).await, key.fingerprint());
}

/// A record as the controller writes it, of a Secret of whomever, in the name of this key.
fn forged(sealed: &DynamicObject, secret: &Secret, key: &Fixture) -> Value {
    let text = |value: Option<String>| value.unwrap_or_default();
    let generation = sealed.metadata.generation.unwrap();
    let (uid, version) = (text(secret.uid()), text(secret.resource_version()));
    let parts = [
        text(sealed.uid()),
        text(sealed.namespace()),
        sealed.name_any(),
        format!("{}/{}", text(sealed.namespace()), sealed.name_any()),
        generation.to_string(),
        uid.clone(),
        version.clone(),
        "false".to_owned(),
    ];
    let mut message = Vec::new();
    for part in parts {
        message.extend((part.len() as u64).to_be_bytes());
        message.extend(part.as_bytes());
    }
    let key = PrivateKey::from_pem(key.private_key.as_bytes()).unwrap();
    json!({ "applied": {
        "generation": generation, "secretUid": uid, "secretVersion": version,
        "keys": [], "mac": key.authenticate(&message),
    } })
}

#[tokio::test]
async fn believes_no_record_for_which_a_planted_key_vouches() {
    let (key, planted) = (ago(1), ago(2));
    let mut cluster = Cluster::empty().await;
    cluster.create_secret(&key_secret(&key)).await;
    let mut of_a_sealed_secret = key_secret(&planted);
    let annotation = "sealedsecrets.bitnami.com/skip-set-owner-references".to_owned();
    let annotations = of_a_sealed_secret.annotations_mut();
    annotations.insert(annotation, "true".to_owned());
    cluster.create_secret(&of_a_sealed_secret).await;
    cluster.create_foreign("db", &[("mine", "1")]).await;
    cluster
        .create(sealed_secret("db").item("a", "b", &key).object())
        .await;
    let sealed = cluster.sealed_secrets("shop").get("db").await.unwrap();
    let foreign = cluster.secrets("shop").get("db").await.unwrap();
    let record = forged(&sealed, &foreign, &planted);
    cluster.write_status("shop", "db", record).await;
    cluster.run_controller(quiet()).await;
    let synced = cluster.condition("shop", "db", "Synced", "False").await;
    assert!(
        synced["message"]
            .as_str()
            .unwrap()
            .contains("not managed by SealedSecret")
    );
    cluster.secret_becomes("shop", "db", &[("mine", "1")]).await;
}
