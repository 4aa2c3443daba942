//! The cases of upstream's integration suite. Its names for them stand above: UC for the controller, UK for kubeseal.

mod create;
mod existing;
mod scopes;

use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use sealing::Scope;
use serde_json::{Value, json};
use tests::{Builder, Cluster, Ended, Fixture, kubeseal, sealed_secret};

const NAME: &str = "testsecret";

fn sealed(key: &Fixture) -> Builder {
    scoped(Scope::Strict, key)
}

fn scoped(scope: Scope, key: &Fixture) -> Builder {
    let template = json!({ "metadata": { "labels": { "mylabel": "myvalue" } } });
    let sealed = sealed_secret(NAME).scoped(scope).template(template);
    sealed.item("foo", "bar", key)
}

async fn secret(cluster: &Cluster) -> Secret {
    cluster.secrets("shop").get(NAME).await.unwrap()
}

async fn delete_secret(cluster: &Cluster) {
    let secrets = cluster.secrets("shop");
    secrets.delete(NAME, &Default::default()).await.unwrap();
}

async fn is_absent(cluster: &Cluster, namespace: &str, name: &str) -> bool {
    let secrets = cluster.secrets(namespace);
    secrets.get_opt(name).await.unwrap().is_none()
}

fn labels(secret: &Secret) -> Vec<(&str, &str)> {
    let labels = secret.labels().iter();
    labels
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect()
}

fn input(namespace: &str) -> String {
    let mut secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "test-secret" }, "data": { "foo": "YmFy" },
    });
    if !namespace.is_empty() {
        secret["metadata"]["namespace"] = namespace.into();
    }
    secret.to_string()
}

/// Seals with kubeseal and gives what it made to the cluster, which opens it.
async fn seal_and_open(cluster: &Cluster, words: &[&str], input: &str, namespace: &str) {
    let kubeconfig = cluster.kubeconfig();
    let here = ["--kubeconfig", kubeconfig.path().to_str().unwrap()];
    let ended = kubeseal(&[&here, words].concat(), input).await;
    assert_eq!((ended.code, &*ended.stderr), (0, ""));
    let sealed: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(sealed["kind"], "SealedSecret");
    assert_eq!(sealed["metadata"]["name"], "test-secret");
    assert_eq!(sealed["metadata"]["namespace"], namespace);
    cluster.create(sealed).await;
    cluster
        .secret_becomes(namespace, "test-secret", &[("foo", "bar")])
        .await;
}

/// UK1
#[tokio::test]
async fn kubeseal_seals_what_the_cluster_opens() {
    let cluster = Cluster::start(&[&Fixture::rsa2048()]).await;
    seal_and_open(&cluster, &[], &input("shop"), "shop").await;
}

/// UK2
#[tokio::test]
async fn kubeseal_takes_the_namespace_of_the_context() {
    let cluster = Cluster::start(&[&Fixture::rsa2048()]).await;
    seal_and_open(&cluster, &[], &input(""), "default").await;
}

/// UK3
#[tokio::test]
async fn kubeseal_takes_the_namespace_it_is_given() {
    let cluster = Cluster::start(&[&Fixture::rsa2048()]).await;
    seal_and_open(&cluster, &["-n", "shop"], &input(""), "shop").await;
}

const NOWHERE: &str = "{kind: Config, apiVersion: v1, clusters: [{name: a, cluster: {server: 'https://127.0.0.1:1'}}], \
                       contexts: [{name: a, context: {cluster: a, user: a}}], users: [{name: a}], current-context: a}";

/// UK4
#[tokio::test]
async fn kubeseal_needs_no_cluster_with_a_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(place("config"), NOWHERE).unwrap();
    std::fs::write(place("cert.pem"), Fixture::rsa2048().certificate).unwrap();
    let (config, certificate) = (place("config"), place("cert.pem"));
    let words = ["--kubeconfig", &config, "--cert", &certificate];
    let Ended { code, stderr, .. } = kubeseal(&words, input("shop")).await;
    assert_eq!((code, &*stderr), (0, ""));
}

/// UK5
#[tokio::test]
async fn kubeseal_fails_on_empty_input() {
    let cluster = Cluster::start(&[&Fixture::rsa2048()]).await;
    let kubeconfig = cluster.kubeconfig();
    let ended = kubeseal(&["--kubeconfig", kubeconfig.path().to_str().unwrap()], "").await;
    assert_eq!((ended.code, &*ended.stdout), (1, ""));
}

/// UK10
#[tokio::test]
async fn kubeseal_says_that_a_certificate_is_not_there() {
    let ended = kubeseal(
        &["--cert", "/?this/file/cannot/possibly/exist/can/it?"],
        input("shop"),
    )
    .await;
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.starts_with("error: "), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("no such file or directory"),
        "{}",
        ended.stderr
    );
}

async fn validate(cluster: &Cluster, sealed: Value) -> Ended {
    let kubeconfig = cluster.kubeconfig();
    let words = [
        "--validate",
        "--kubeconfig",
        kubeconfig.path().to_str().unwrap(),
    ];
    kubeseal(&words, sealed.to_string()).await
}

/// UK8
#[tokio::test]
async fn kubeseal_validates_what_opens() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    assert_eq!(validate(&cluster, sealed(&key).object()).await.code, 0);
}

/// UK9
#[tokio::test]
async fn kubeseal_does_not_validate_what_is_renamed() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    let ended = validate(&cluster, sealed(&key).renamed("other").object()).await;
    assert_eq!(ended.code, 1);
    assert!(
        ended.stderr.contains("unable to decrypt sealed secret"),
        "{}",
        ended.stderr
    );
}

async fn recover(keys: &str, sealed: Value) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(place("config"), NOWHERE).unwrap();
    std::fs::write(place("keys"), keys).unwrap();
    let (config, keys) = (place("config"), place("keys"));
    let words = [
        "--recovery-unseal",
        "--kubeconfig",
        &config,
        "--recovery-private-key",
        &keys,
    ];
    kubeseal(&words, sealed.to_string()).await
}

/// UK11
#[tokio::test]
async fn kubeseal_recovers_nothing_without_the_key() {
    let ended = recover(
        &Fixture::rsa4096().private_key,
        sealed(&Fixture::rsa2048()).object(),
    )
    .await;
    assert_eq!(ended.code, 1);
    assert!(
        ended
            .stderr
            .starts_with("error: no key could decrypt secret (foo)"),
        "{}",
        ended.stderr
    );
}

/// UK12
#[tokio::test]
async fn kubeseal_recovers_with_a_list_of_key_secrets() {
    let key = Fixture::rsa2048();
    let list = json!({ "items": [tests::key_secret(&key)] });
    let ended = recover(&list.to_string(), sealed(&key).object()).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let secret: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(secret["data"], json!({ "foo": "YmFy" }));
}
