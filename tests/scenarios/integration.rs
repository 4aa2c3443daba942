//! The cases of upstream's integration suite. Its names for them stand above: UC for the controller, UK for kubeseal.

use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use sealing::Scope;
use serde_json::{Value, json};
use tests::{Builder, Cluster, Ended, Fixture, eventually, kubeseal, sealed_secret};

const NAME: &str = "testsecret";

fn sealed(key: &Fixture) -> Builder {
    scoped(Scope::Strict, key)
}

fn scoped(scope: Scope, key: &Fixture) -> Builder {
    let template = json!({ "metadata": { "labels": { "mylabel": "myvalue" } } });
    let sealed = sealed_secret(NAME).scoped(scope).template(template);
    sealed.item("foo", "bar", key)
}

/// A Secret that is there before its SealedSecret.
fn existing(annotations: &[&str]) -> Value {
    let annotations: serde_json::Map<_, _> = annotations
        .iter()
        .map(|key| (format!("sealedsecrets.bitnami.com/{key}"), "true".into()))
        .collect();
    json!({
        "metadata": { "name": NAME, "namespace": "shop", "annotations": annotations, "labels": { "anotherlabel": "anothervalue" } },
        "stringData": { "foo2": "bar2" },
    })
}

async fn create_secret(cluster: &Cluster, secret: Value) {
    let secret: Secret = serde_json::from_value(secret).unwrap();
    cluster.create_secret(&secret).await;
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

/// UC1
#[tokio::test]
async fn creates_a_secret() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    cluster.create(sealed(&key).object()).await;
    cluster
        .secret_becomes("shop", NAME, &[("foo", "bar")])
        .await;
    assert_eq!(labels(&secret(&cluster).await), [("mylabel", "myvalue")]);
    let synced = cluster.condition("shop", NAME, "Synced", "True").await;
    assert_eq!(synced["lastTransitionTime"], synced["lastUpdateTime"]);
    cluster.event("shop", NAME, "Unsealed").await;
    cluster.ends_as("creates-a-secret").await;
}

/// UC2
#[tokio::test]
async fn updates_it() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    cluster.create(sealed(&key).object()).await;
    cluster.condition("shop", NAME, "Synced", "True").await;
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    cluster
        .edit("shop", NAME, sealed(&key).item("foo", "baz", &key).spec())
        .await;
    cluster
        .secret_becomes("shop", NAME, &[("foo", "baz")])
        .await;
    let synced = cluster.condition("shop", NAME, "Synced", "True").await;
    assert_ne!(synced["lastTransitionTime"], synced["lastUpdateTime"]);
    let object = cluster.sealed_secrets("shop").get(NAME).await.unwrap();
    assert_eq!(object.data["status"]["observedGeneration"], 2);
    cluster.ends_as("updates-it").await;
}

/// UC3
#[tokio::test]
async fn follows_an_item_that_is_renamed() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    cluster.create(sealed(&key).object()).await;
    cluster
        .secret_becomes("shop", NAME, &[("foo", "bar")])
        .await;
    let mut spec = sealed(&key).spec();
    let ciphertext = spec["encryptedData"]["foo"].take();
    spec["encryptedData"] = json!({ "xyzzy": ciphertext });
    cluster.edit("shop", NAME, spec).await;
    cluster
        .secret_becomes("shop", NAME, &[("xyzzy", "bar")])
        .await;
    cluster.ends_as("follows-an-item-that-is-renamed").await;
}

/// UC4
#[tokio::test]
async fn takes_an_item_that_was_sealed_separately() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    cluster.create(sealed(&key).object()).await;
    cluster
        .secret_becomes("shop", NAME, &[("foo", "bar")])
        .await;
    cluster
        .edit("shop", NAME, sealed(&key).item("foo2", "new!", &key).spec())
        .await;
    let items = [("foo", "bar"), ("foo2", "new!")];
    cluster.secret_becomes("shop", NAME, &items).await;
    cluster
        .ends_as("takes-an-item-that-was-sealed-separately")
        .await;
}

/// UC5
#[tokio::test]
async fn takes_over_a_managed_secret() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    create_secret(&cluster, existing(&["managed"])).await;
    cluster.create(sealed(&key).object()).await;
    cluster.event("shop", NAME, "Unsealed").await;
    cluster
        .secret_becomes("shop", NAME, &[("foo", "bar")])
        .await;
    let secret = secret(&cluster).await;
    assert_eq!(secret.owner_references()[0].name, NAME);
    assert_eq!(secret.metadata.annotations, None);
    assert_eq!(labels(&secret), [("mylabel", "myvalue")]);
    cluster.ends_as("takes-over-a-managed-secret").await;
}

/// UC6
#[tokio::test]
async fn owns_and_merges_into_a_secret_that_is_managed_and_patched() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    create_secret(&cluster, existing(&["managed", "patch"])).await;
    cluster.create(sealed(&key).object()).await;
    let items = [("foo", "bar"), ("foo2", "bar2")];
    cluster.secret_becomes("shop", NAME, &items).await;
    let secret = secret(&cluster).await;
    assert_eq!(secret.owner_references()[0].name, NAME);
    assert_eq!(secret.annotations().len(), 2);
    let all = [("anotherlabel", "anothervalue"), ("mylabel", "myvalue")];
    assert_eq!(labels(&secret), all);
    cluster
        .ends_as("owns-and-merges-into-a-secret-that-is-managed-and-patched")
        .await;
}

/// UC7
#[tokio::test]
async fn merges_into_a_patched_secret_without_owning_it() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    create_secret(&cluster, existing(&["patch"])).await;
    cluster.create(sealed(&key).object()).await;
    let items = [("foo", "bar"), ("foo2", "bar2")];
    cluster.secret_becomes("shop", NAME, &items).await;
    let secret = secret(&cluster).await;
    assert!(secret.owner_references().is_empty());
    assert_eq!(secret.annotations().len(), 1);
    let all = [("anotherlabel", "anothervalue"), ("mylabel", "myvalue")];
    assert_eq!(labels(&secret), all);
    cluster
        .ends_as("merges-into-a-patched-secret-without-owning-it")
        .await;
}

/// UC8
#[tokio::test]
async fn merges_into_a_patched_secret_that_is_empty() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    let mut empty = existing(&["patch"]);
    empty["stringData"] = Value::Null;
    empty["metadata"]["labels"] = Value::Null;
    create_secret(&cluster, empty).await;
    cluster.create(sealed(&key).object()).await;
    cluster
        .secret_becomes("shop", NAME, &[("foo", "bar")])
        .await;
    let secret = secret(&cluster).await;
    assert!(secret.owner_references().is_empty());
    assert_eq!(labels(&secret), [("mylabel", "myvalue")]);
    cluster
        .ends_as("merges-into-a-patched-secret-that-is-empty")
        .await;
}

/// UC9
#[tokio::test]
async fn makes_an_owned_secret_again() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    cluster.create(sealed(&key).object()).await;
    cluster
        .secret_becomes("shop", NAME, &[("foo", "bar")])
        .await;
    let before = secret(&cluster).await.uid();
    delete_secret(&cluster).await;
    eventually("another Secret is there", async || {
        let now = cluster.secrets("shop").get_opt(NAME).await.unwrap()?;
        (now.uid() != before).then_some(())
    })
    .await;
    cluster
        .secret_becomes("shop", NAME, &[("foo", "bar")])
        .await;
    assert_eq!(secret(&cluster).await.owner_references()[0].name, NAME);
    cluster.event("shop", NAME, "Unsealed").await;
}

/// UC10
#[tokio::test]
async fn makes_a_managed_secret_again() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    create_secret(&cluster, existing(&["managed"])).await;
    cluster.create(sealed(&key).object()).await;
    delete_secret(&cluster).await;
    cluster
        .secret_becomes("shop", NAME, &[("foo", "bar")])
        .await;
    assert_eq!(secret(&cluster).await.owner_references()[0].name, NAME);
}

/// UC11, UC12
#[tokio::test]
async fn does_not_hurry_to_replace_an_unowned_secret() {
    for annotations in [&[][..], &["patch"]] {
        let key = Fixture::rsa2048();
        let cluster = Cluster::start(&[&key]).await;
        create_secret(&cluster, existing(annotations)).await;
        cluster.create(sealed(&key).object()).await;
        let wanted = if annotations.is_empty() {
            "False"
        } else {
            "True"
        };
        cluster.condition("shop", NAME, "Synced", wanted).await;
        delete_secret(&cluster).await;
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        assert!(is_absent(&cluster, "shop", NAME).await, "{annotations:?}");
    }
}

/// UC13, UC14
#[tokio::test]
async fn refuses_what_a_key_of_1024_bits_sealed() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    // the length of an RSA block, the block, and something behind it
    let blob = [&[0, 128][..], &[7; 128], &[7; 19]].concat();
    let foreign = sealed(&key).raw_item("foo", sealing::base64::encode(&blob).into());
    cluster.create(foreign.object()).await;
    cluster.event("shop", NAME, "ErrUnsealFailed").await;
    assert!(is_absent(&cluster, "shop", NAME).await);
    cluster
        .ends_as("refuses-what-a-key-of-1024-bits-sealed")
        .await;
}

/// UC15
#[tokio::test]
async fn keeps_the_type_of_a_docker_config() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    let template = json!({ "type": "kubernetes.io/dockerconfigjson" });
    let item = ".dockerconfigjson";
    let sealed = sealed_secret(NAME)
        .item(item, "{\"auths\":{}}", &key)
        .template(template);
    cluster.create(sealed.object()).await;
    cluster
        .secret_becomes("shop", NAME, &[(item, "{\"auths\":{}}")])
        .await;
    let type_ = secret(&cluster).await.type_;
    assert_eq!(type_.as_deref(), Some("kubernetes.io/dockerconfigjson"));
    cluster.event("shop", NAME, "Unsealed").await;
    cluster.ends_as("keeps-the-type-of-a-docker-config").await;
}

/// UC16, UC17
#[tokio::test]
async fn makes_an_immutable_secret_and_leaves_it() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    let immutable = sealed(&key).template(json!({ "immutable": true }));
    cluster.create(immutable.object()).await;
    cluster.condition("shop", NAME, "Synced", "True").await;
    cluster.event("shop", NAME, "Unsealed").await;
    assert_eq!(secret(&cluster).await.immutable, Some(true));
    cluster
        .edit("shop", NAME, immutable.item("foo", "baz", &key).spec())
        .await;
    let message = cluster.event("shop", NAME, "ErrUpdateFailed").await;
    assert!(
        message.contains("the target Secret is immutable"),
        "{message}"
    );
    let object = cluster.sealed_secrets("shop").get(NAME).await.unwrap();
    assert_eq!(object.metadata.generation, Some(2));
    cluster
        .ends_as("makes-an-immutable-secret-and-leaves-it")
        .await;
}

/// UC18, UC19
#[tokio::test]
async fn opens_nothing_strict_under_another_name() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    cluster.create(sealed(&key).renamed("other").object()).await;
    cluster.event("shop", "other", "ErrUnsealFailed").await;
    assert!(is_absent(&cluster, "shop", "other").await);
    cluster
        .ends_as("opens-nothing-strict-under-another-name")
        .await;
}

/// UC20, UC21
#[tokio::test]
async fn opens_nothing_strict_in_another_namespace() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    cluster.create_namespace("else").await;
    cluster
        .create(sealed(&key).in_namespace("else").object())
        .await;
    cluster.event("else", NAME, "ErrUnsealFailed").await;
    assert!(is_absent(&cluster, "else", NAME).await);
    cluster
        .ends_as("opens-nothing-strict-in-another-namespace")
        .await;
}

/// UC22
#[tokio::test]
async fn opens_what_is_cluster_wide_under_another_name() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    let sealed = scoped(Scope::ClusterWide, &key).renamed("other");
    cluster.create(sealed.object()).await;
    cluster
        .secret_becomes("shop", "other", &[("foo", "bar")])
        .await;
    cluster.condition("shop", "other", "Synced", "True").await;
    cluster
        .ends_as("opens-what-is-cluster-wide-under-another-name")
        .await;
}

/// UC23
#[tokio::test]
async fn opens_what_is_cluster_wide_in_another_namespace() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    cluster.create_namespace("else").await;
    let sealed = scoped(Scope::ClusterWide, &key).in_namespace("else");
    cluster.create(sealed.object()).await;
    cluster
        .secret_becomes("else", NAME, &[("foo", "bar")])
        .await;
    cluster.condition("else", NAME, "Synced", "True").await;
    cluster
        .ends_as("opens-what-is-cluster-wide-in-another-namespace")
        .await;
}

/// UC24
#[tokio::test]
async fn opens_what_is_namespace_wide_under_another_name() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    let sealed = scoped(Scope::NamespaceWide, &key).renamed("other");
    cluster.create(sealed.object()).await;
    cluster
        .secret_becomes("shop", "other", &[("foo", "bar")])
        .await;
    cluster
        .ends_as("opens-what-is-namespace-wide-under-another-name")
        .await;
}

/// UC25
#[tokio::test]
async fn opens_nothing_namespace_wide_in_another_namespace() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    cluster.create_namespace("else").await;
    let sealed = scoped(Scope::NamespaceWide, &key).in_namespace("else");
    cluster.create(sealed.object()).await;
    cluster.condition("else", NAME, "Synced", "False").await;
    assert!(is_absent(&cluster, "else", NAME).await);
    cluster
        .ends_as("opens-nothing-namespace-wide-in-another-namespace")
        .await;
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
#[ignore = "pending: --validate"]
async fn kubeseal_validates_what_opens() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    assert_eq!(validate(&cluster, sealed(&key).object()).await.code, 0);
}

/// UK9
#[tokio::test]
#[ignore = "pending: --validate"]
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
#[ignore = "pending: --recovery-unseal"]
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
#[ignore = "pending: --recovery-unseal"]
async fn kubeseal_recovers_with_a_list_of_key_secrets() {
    let key = Fixture::rsa2048();
    let list = json!({ "items": [tests::key_secret(&key)] });
    let ended = recover(&list.to_string(), sealed(&key).object()).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let secret: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(secret["data"], json!({ "foo": "YmFy" }));
}
