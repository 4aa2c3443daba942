//! One bad object is its own problem.

use serde_json::{Value, json};
use tests::{Cluster, Fixture, key_secret, quiet, sealed_secret};

/// Our CRD without its schema: a server that lets anything in.
const LOOSE_CRD: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: sealedsecrets.bitnami.com}
spec:
  group: bitnami.com
  names: {kind: SealedSecret, listKind: SealedSecretList, plural: sealedsecrets, singular: sealedsecret}
  scope: Namespaced
  versions:
  - name: v1alpha1
    served: true
    storage: true
    subresources: {status: {}}
    schema:
      openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}
";

async fn loose_cluster(key: &Fixture) -> Cluster {
    let mut cluster = Cluster::with_crd(LOOSE_CRD).await;
    cluster.create_secret(&key_secret(key)).await;
    cluster.run_controller(quiet()).await;
    cluster
}

fn object(name: &str, rest: Value) -> Value {
    let mut object = rest;
    object["apiVersion"] = "bitnami.com/v1alpha1".into();
    object["kind"] = "SealedSecret".into();
    object["metadata"] = json!({ "name": name, "namespace": "shop" });
    object
}

/// <https://github.com/bitnami/sealed-secrets/issues/1171>
#[tokio::test]
async fn reports_a_malformed_object_on_itself_and_goes_on() {
    let key = Fixture::rsa2048();
    let cluster = loose_cluster(&key).await;
    let labels =
        json!({ "template": { "metadata": { "labels": { "a": true } } }, "encryptedData": {} });
    cluster
        .create(object("labels", json!({ "spec": labels })))
        .await;
    cluster.create(object("number", json!({ "spec": 7 }))).await;
    cluster.create(object("empty", json!({}))).await;
    cluster
        .create(sealed_secret("db").item("a", "b", &key).object())
        .await;
    cluster.secret_becomes("shop", "db", &[("a", "b")]).await;
    for (name, path) in [
        ("labels", "spec.template.metadata"),
        ("number", "spec"),
        ("empty", ""),
    ] {
        let synced = cluster.condition("shop", name, "Synced", "False").await;
        let message = synced["message"].as_str().unwrap();
        assert!(
            message.starts_with(&format!("cannot read SealedSecret: wrong type at `{path}")),
            "{message}"
        );
        let event = cluster.event("shop", name, "ErrUnsealFailed").await;
        assert_eq!(event, format!("Failed to unseal: {message}"));
    }
    cluster
        .ends_as("reports-a-malformed-object-on-itself-and-goes-on")
        .await;
}

#[tokio::test]
async fn recovers_when_the_malformed_object_is_mended() {
    let key = Fixture::rsa2048();
    let cluster = loose_cluster(&key).await;
    cluster.create(object("db", json!({ "spec": 7 }))).await;
    cluster.condition("shop", "db", "Synced", "False").await;
    cluster
        .edit(
            "shop",
            "db",
            sealed_secret("db").item("a", "b", &key).spec(),
        )
        .await;
    cluster.secret_becomes("shop", "db", &[("a", "b")]).await;
    cluster
        .ends_as("recovers-when-the-malformed-object-is-mended")
        .await;
}

#[tokio::test]
async fn names_every_item_that_does_not_open() {
    let key = Fixture::rsa2048();
    let cluster = loose_cluster(&key).await;
    let sealed = sealed_secret("db")
        .item("good", "b", &key)
        .raw_item("bad", "AgA=".into());
    cluster
        .create(
            sealed
                .raw_item("number", json!(7))
                .raw_item("text", "NOTVALIDBASE64".into())
                .object(),
        )
        .await;
    cluster
        .create(sealed_secret("other").item("a", "b", &key).object())
        .await;
    cluster.secret_becomes("shop", "other", &[("a", "b")]).await;
    let synced = cluster.condition("shop", "db", "Synced", "False").await;
    let text = "illegal base64 data at input byte 12 (text)\nno key could decrypt secret (bad, number); bad, number: unknown key, or sealed for another name";
    assert_eq!(synced["message"], text);
    assert!(
        cluster
            .secrets("shop")
            .get_opt("db")
            .await
            .unwrap()
            .is_none()
    );
    cluster.ends_as("names-every-item-that-does-not-open").await;
}
