//! Whoever may write one object harms that object, and nobody else.

use serde_json::{Value, json};
use tests::{Cluster, Fixture, eventually, quiet, sealed_secret};

/// As many objects in one another.
fn nested(depth: usize) -> String {
    format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth))
}

/// An object whose template holds this.
fn with_template(name: &str, key: &Fixture, template: &str) -> String {
    let sealed = sealed_secret(name).item("a", "b", key);
    let mut object = sealed.object();
    object["spec"]["template"] = json!("TEMPLATE");
    object.to_string().replace("\"TEMPLATE\"", template)
}

/// Objects in one another, deeper than what reads JSON here goes by itself.
#[tokio::test]
async fn a_nested_object_harms_nobody() {
    let key = Fixture::rsa2048();
    let mut cluster = Cluster::start(&[&key]).await;
    let deep = format!(r#"{{"metadata":{{"x":{}}}}}"#, nested(140));
    cluster
        .create_text("shop", with_template("deep", &key, &deep))
        .await;
    cluster
        .create(sealed_secret("db").item("a", "b", &key).object())
        .await;
    cluster.secret_becomes("shop", "db", &[("a", "b")]).await;
    // What nobody reads of it is no reason not to unseal it.
    cluster.secret_becomes("shop", "deep", &[("a", "b")]).await;
    cluster.event("shop", "deep", "Unsealed").await;

    cluster.stop_controller().await;
    cluster.run_controller(quiet()).await;
    cluster
        .create(sealed_secret("late").item("a", "b", &key).object())
        .await;
    cluster.secret_becomes("shop", "late", &[("a", "b")]).await;
    // Of the deep one the status, too, can be written: it is edited without being read.
    let patch = json!({ "spec": { "encryptedData": { "a": "AgA=" } } });
    let path = "/apis/bitnami.com/v1alpha1/namespaces/shop/sealedsecrets/deep";
    let request = http::Request::patch(path)
        .header("content-type", "application/merge-patch+json")
        .body(patch.to_string().into_bytes())
        .unwrap();
    cluster.client.request_text(request).await.unwrap();
    cluster.event("shop", "deep", "ErrUnsealFailed").await;
    eventually("the status of the nested object is told", async || {
        let request = http::Request::get(path).body(Vec::new()).unwrap();
        let text = cluster.client.request_text(request).await.unwrap();
        text.contains("no key could decrypt secret (a)")
            .then_some(())
    })
    .await;
}

/// What the controller says of an object, wherever it says it, while its template asks for a value one character
/// after the other.
#[tokio::test]
async fn a_template_spells_no_value() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    let line = |position: usize, character: char| {
        format!(
            r#"{{{{if eq (substr {position} {} .password) "{character}"}}}}{{{{fail ""}}}}{{{{end}}}}"#,
            position + 1
        )
    };
    let mut template = serde_json::Map::new();
    for position in 0..4 {
        let lines: Vec<String> = ('a'..='z')
            .map(|character| line(position, character))
            .collect();
        template.insert(format!("t{position}"), lines.join("\n").into());
    }
    let template = Value::Object(template);
    let mut told = Vec::new();
    for password in ["kiwi", "plum"] {
        let sealed = sealed_secret(password)
            .item("password", password, &key)
            .template(json!({ "data": template }));
        cluster.create(sealed.object()).await;
        let synced = cluster.condition("shop", password, "Synced", "False").await;
        let event = cluster.event("shop", password, "ErrUnsealFailed").await;
        told.push((synced["message"].clone(), event));
    }
    assert_eq!(told[0], told[1]);
    assert_eq!(told[0].0, "template: cannot be rendered");
    assert_eq!(told[0].1, "Failed to unseal: template: cannot be rendered");
}
