//! Whoever may write one object harms that object, and nobody else.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::{Cluster, Fixture, Process, eventually, key_secret, quiet, sealed_secret};

use crate::process::{CONTROLLER, NO_RENEWAL};

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
    // Scenarios that come later could not read it.
    let request = http::Request::delete(path).body(Vec::new()).unwrap();
    cluster.client.request_text(request).await.unwrap();
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

/// All that a tenant, a reader of logs, of metrics or of the audit log is told of an object while its template does this,
/// without what is different for every object.
async fn told(cluster: &Cluster, process: &Process, name: &str, template: &str) -> Vec<String> {
    let key = Fixture::rsa2048();
    let audit_before = process.stdout().len();
    let sealed = sealed_secret(name)
        .item("password", "k1wi", &key)
        .template(json!({ "data": { "t": template } }));
    let created = Instant::now();
    cluster.create(sealed.object()).await;
    cluster.event("shop", name, "ErrUnsealFailed").await;
    let took = created.elapsed();
    assert!(took > Duration::from_millis(2400), "told after {took:?}");
    assert!(took < Duration::from_secs(10), "told after {took:?}");
    eventually("it is logged and noted", async || {
        let is_logged = process.stderr().contains(&format!("key=shop/{name} "));
        let is_noted = process.stdout()[audit_before..].contains(&format!("\"{name}\""));
        (is_logged && is_noted).then_some(())
    })
    .await;
    let object = cluster.sealed_secrets("shop").get(name).await.unwrap();
    let events = cluster.events("shop", name).await;
    let mut told = vec![
        object.data["status"]["conditions"][0]["message"].to_string(),
        object.data["status"]["applied"].to_string(),
        json!(
            events
                .iter()
                .map(|event| &event.message)
                .collect::<Vec<_>>()
        )
        .to_string(),
    ];
    let audit = process.stdout().split_off(audit_before);
    let of_it = |line: &&str| line.contains(&format!("\"{name}\"")) && line.contains("outcome");
    told.extend(audit.lines().filter(of_it).map(|line| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        for field in ["time", "uid", "name"] {
            line[field] = Value::Null;
        }
        line.to_string()
    }));
    let log = process.stderr();
    let of_it = log
        .lines()
        .filter(|line| line.contains(&format!("shop/{name}")));
    told.extend(of_it.map(|line| {
        let (_, said) = line.split_once(" level=").unwrap();
        said.replace(name, "NAME")
    }));
    told
}

/// Whatever a template does with a value, and however long it takes for that: it can have one bit told.
#[tokio::test]
async fn nothing_told_of_a_template_depends_on_how_it_fails() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::empty().await;
    cluster.create_secret(&key_secret(&key)).await;
    let words = [NO_RENEWAL, "--audit-log=stdout"];
    let process = Process::start(CONTROLLER, &cluster, &words).await;
    let first = told(&cluster, &process, "probe-0", "{{ fail .password }}").await;
    assert!(first.len() >= 5, "{first:#?}");
    for (index, template) in [
        "\n\n{{ if eq .password \"k1wi\" }}{{ fail \"\" }}{{ end }}",
        "{{ range 9000000 }}{{ range 9000000 }}{{ end }}{{ end }}",
        "{{ repeat 2000000000 .password }}",
        "{{ repeat 400000 .password }}",
        "{{ index .password 99 }}",
    ]
    .iter()
    .enumerate()
    {
        let name = format!("probe-{}", index + 1);
        let told = told(&cluster, &process, &name, template).await;
        assert_eq!(told, first, "{template}");
    }
}

/// Templates that would run for minutes, and more of them than there are cores.
#[tokio::test]
async fn templates_without_end_hold_up_nobody() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    cluster.create_namespace("hostile").await;
    let operands = format!("{{{{if and{}}}}}{{{{end}}}}", " 1".repeat(20_000));
    let variables: String = (0..20_000).map(|i| format!("{{{{$v{i} := 1}}}}")).collect();
    let sources = [
        format!("{{{{range 9000000}}}}{operands}{{{{end}}}}"),
        format!(
            "{{{{range 9000000}}}}{}{{{{end}}}}",
            operands.replace("and", "or")
        ),
        format!("{variables}{{{{range 9000000}}}}{{{{$v0 = 2}}}}{{{{end}}}}"),
    ];
    for (index, source) in sources.iter().cycle().take(12).enumerate() {
        let hostile = sealed_secret(&format!("hostile-{index}"))
            .in_namespace("hostile")
            .template(json!({ "data": { "t": source } }));
        cluster.create(hostile.object()).await;
    }
    cluster
        .create(sealed_secret("db").item("a", "b", &key).object())
        .await;
    cluster.secret_becomes("shop", "db", &[("a", "b")]).await;
    for index in 0..12 {
        let name = format!("hostile-{index}");
        let synced = cluster.condition("hostile", &name, "Synced", "False").await;
        assert_eq!(synced["message"], "template: cannot be rendered");
    }
}
