//! No value is anywhere but in its Secret: not in logs, Events, status, answers or output.
#![expect(
    clippy::unwrap_used,
    reason = "a scenario ends where its stage is broken"
)]

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use k8s_openapi::api::core::v1::{Event, Secret};
use kube::Api;
use kube::api::{DynamicObject, ListParams, PostParams};
use serde_json::{Value, json};
use tests::{Canary, Cluster, Fixture, Sink, eventually, find_leaks, kubeseal, sealed_secret};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn sink(name: &str, text: impl ToString) -> Sink {
    Sink {
        name: name.to_owned(),
        text: text.to_string(),
    }
}

/// Everything that the cluster and the controller hold or say, but the Secrets' own data.
async fn sinks(cluster: &Cluster, log: &Log) -> Vec<Sink> {
    let text = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    let mut sinks = vec![sink("log", text)];
    let all = ListParams::default();
    let events: Api<Event> = Api::all(cluster.client.clone());
    sinks.push(sink(
        "Events",
        json!(events.list(&all).await.unwrap().items),
    ));
    let objects = cluster
        .sealed_secrets("shop")
        .list(&all)
        .await
        .unwrap()
        .items;
    sinks.push(sink("SealedSecrets", json!(objects)));
    let mut secrets = cluster.secrets("shop").list(&all).await.unwrap().items;
    secrets
        .iter_mut()
        .for_each(|secret: &mut Secret| secret.data = None);
    sinks.push(sink("metadata of Secrets", json!(secrets)));
    for path in ["healthz", "readyz", "v1/cert.pem", "nothing"] {
        sinks.push(sink(path, cluster.http(path).await));
    }
    sinks.push(sink("metrics", cluster.metrics("metrics", "").await));
    sinks
}

/// Objects that go well, and objects that fail in every way that has a value at hand.
async fn provoke(cluster: &Cluster, key: &Fixture, canaries: &[Canary]) {
    let value = |index: usize| canaries[index].value();
    let failing = |name: &str, template: Value| {
        sealed_secret(name)
            .item("a", value(1), key)
            .template(template)
            .object()
    };
    cluster
        .create(sealed_secret("good").item("a", value(0), key).object())
        .await;
    cluster
        .create(failing(
            "template",
            json!({ "data": { "t": "{{ fail .a }}" } }),
        ))
        .await;
    cluster
        .create(failing("type", json!({ "type": "kubernetes.io/tls" })))
        .await;
    cluster.create(failing("docker", json!({ "type": "kubernetes.io/dockerconfigjson", "data": { ".dockerconfigjson": "{{ .a }}" } }))).await;
    cluster
        .create(failing(
            "item",
            json!({ "data": { "no/slash": "{{ .a }}" } }),
        ))
        .await;
    cluster
        .create(
            sealed_secret("moved")
                .item("a", value(2), key)
                .renamed("elsewhere")
                .object(),
        )
        .await;
    cluster.create_foreign("foreign", &[("x", "y")]).await;
    cluster
        .create(sealed_secret("foreign").item("a", value(2), key).object())
        .await;
    cluster
        .secret_becomes("shop", "good", &[("a", value(0))])
        .await;
    for name in ["template", "type", "docker", "item", "elsewhere", "foreign"] {
        cluster.condition("shop", name, "Synced", "False").await;
    }
}

/// What kubeseal says of input that holds a value and cannot be sealed, and of input that can.
async fn kubeseal_says(key: &Fixture, canary: &Canary) -> Vec<Sink> {
    let certificate = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(certificate.path(), &key.certificate).unwrap();
    let path = certificate.path().to_str().unwrap();
    let value = canary.value();
    let quoted = json!(value);
    let inputs = [
        format!(
            "{{\"kind\":\"Secret\",\"metadata\":{{\"name\":\"a\",\"namespace\":\"b\"}},\"stringData\":{{\"a\":{quoted}}}}}"
        ),
        format!("kind: Secret\nstringData:\n  a: {quoted}\n"),
        format!("kind: Secret\nmetadata:\n  name: a\n  namespace: b\ndata:\n  a: {quoted}\n"),
        format!("kind: Secret\nmetadata: [\nstringData:\n  a: {quoted}\n"),
        format!("{{\"stringData\": {{\"a\": {quoted}, }}"),
        format!("kind: Secret\nmetadata: {quoted}\n"),
        value.to_owned(),
    ];
    let mut sinks = Vec::new();
    for (index, input) in inputs.into_iter().enumerate() {
        let ended = kubeseal(&["--cert", path], input).await;
        sinks.push(sink(
            &format!("kubeseal {index}"),
            ended.stdout + &ended.stderr,
        ));
    }
    let ended = kubeseal(&["--cert", path, "--raw", "--name", "a", "-n", "b"], value).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    sinks.push(sink("kubeseal --raw", ended.stdout + &ended.stderr));
    sinks
}

#[tokio::test(flavor = "multi_thread")]
async fn no_value_is_told_and_planted_leaks_are_found() {
    let log = Log::default();
    let writer = log.clone();
    controller::tell_log(move || writer.clone(), "trace");
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    let canaries: Vec<Canary> = std::iter::repeat_with(Canary::new).take(4).collect();

    provoke(&cluster, &key, &canaries).await;
    let mut sinks_now = sinks(&cluster, &log).await;
    sinks_now.extend(kubeseal_says(&key, &canaries[3]).await);
    assert!(sinks_now[0].text.contains("Updating"), "the log is tapped");
    assert_eq!(find_leaks(&canaries, &sinks_now), Vec::<String>::new());

    plant(&cluster, &log, &canaries).await;
    let mut sinks_now = sinks(&cluster, &log).await;
    sinks_now.push(sink(
        "output",
        canaries[3].value().chars().rev().collect::<String>(),
    ));
    let found = find_leaks(&canaries, &sinks_now);
    assert_eq!(
        found,
        [
            "log",
            "Events",
            "SealedSecrets",
            "metadata of Secrets",
            "output"
        ]
    );
}

/// Five leaks, each in another place and shape.
async fn plant(cluster: &Cluster, log: &Log, canaries: &[Canary]) {
    let bytes = canaries[0].value().as_bytes();
    write!(log.clone(), "{bytes:?}").unwrap();

    let message = sealing::base64::encode(canaries[1].value().as_bytes());
    let event = json!({
        "metadata": { "name": "planted", "namespace": "shop" }, "message": message,
        "involvedObject": { "kind": "SealedSecret", "name": "good", "namespace": "shop" },
    });
    let events: Api<Event> = Api::namespaced(cluster.client.clone(), "shop");
    events
        .create(
            &PostParams::default(),
            &serde_json::from_value(event).unwrap(),
        )
        .await
        .unwrap();

    let mut object: DynamicObject = cluster.sealed_secrets("shop").get("foreign").await.unwrap();
    object.metadata.annotations =
        Some([("planted".to_owned(), canaries[2].value().to_owned())].into());
    eventually("the annotation is written", async || {
        object.metadata.resource_version = None;
        let patch = json!({ "metadata": { "annotations": object.metadata.annotations } });
        let patch = kube::api::Patch::Merge(patch);
        cluster
            .sealed_secrets("shop")
            .patch("foreign", &Default::default(), &patch)
            .await
            .ok()
    })
    .await;

    let hex: String = canaries[1].value()[1..]
        .bytes()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let patch =
        kube::api::Patch::Merge(json!({ "metadata": { "annotations": { "planted": hex } } }));
    cluster
        .secrets("shop")
        .patch("foreign", &Default::default(), &patch)
        .await
        .unwrap();
}
