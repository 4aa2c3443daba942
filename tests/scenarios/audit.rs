//! Who unsealed what: a line for each unsealing, and no value in any.

use controller::AuditLog;
use serde_json::{Value, json};
use tests::{
    Canary, Cluster, Fixture, Process, Sink, eventually, find_leaks, key_secret, quiet,
    sealed_secret,
};

use crate::process::{CONTROLLER, NO_RENEWAL};

fn lines(path: &std::path::Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().unwrap()
}

#[tokio::test]
async fn notes_every_unsealing_and_its_outcome() {
    let key = Fixture::rsa2048();
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut config = quiet();
    config.audit_log = Some(AuditLog::File(file.path().to_owned()));
    let cluster = Cluster::start_with(config, &[&key]).await;
    let canary = Canary::new();
    let object = sealed_secret("db").item("a", canary.value(), &key).object();
    cluster.create(object.clone()).await;
    cluster.condition("shop", "db", "Synced", "True").await;
    let live = cluster.sealed_secrets("shop").get("db").await.unwrap();
    cluster.post("v1/verify", &object.to_string()).await;
    let mut moved = object.clone();
    moved["metadata"]["name"] = "other".into();
    cluster.post("v1/rotate", &moved.to_string()).await;
    let told = eventually("three lines", async || {
        let lines = lines(file.path());
        (lines.len() == 3).then_some(lines)
    })
    .await;
    let known = |line: &Value| {
        let mut line = line.clone();
        assert!(line["time"].take().as_str().unwrap().ends_with('Z'));
        line.as_object_mut().unwrap().remove("time");
        line
    };
    let certificate = sealing::Certificate::from_pem(key.certificate.as_bytes()).unwrap();
    let fingerprint = certificate.fingerprint().as_str();
    let of_db = |purpose: &str, uid: Option<&str>, generation: Option<i64>| {
        json!({
            "for": purpose, "namespace": "shop", "name": "db", "uid": uid, "generation": generation,
            "items": ["a"], "keys": [fingerprint], "outcome": "opened",
        })
    };
    let metadata = &live.metadata;
    let reconciled = of_db("reconcile", metadata.uid.as_deref(), metadata.generation);
    assert_eq!(known(&told[0]), reconciled);
    let mut verified = of_db("verify", None, None);
    verified["peer"] = "127.0.0.1".into();
    assert_eq!(known(&told[1]), verified);
    let mut refused = of_db("re-encrypt", None, None);
    refused["peer"] = "127.0.0.1".into();
    refused["name"] = "other".into();
    refused["keys"] = json!([]);
    refused["outcome"] = "failed".into();
    assert_eq!(known(&told[2]), refused);
    let sink = Sink {
        name: "audit".to_owned(),
        text: std::fs::read_to_string(file.path()).unwrap(),
    };
    assert_eq!(find_leaks(&[canary], &[sink]), Vec::<String>::new());
}

/// Lines of the audit log and of the log go to a pipe, which is full after the first.
#[tokio::test]
async fn nobody_who_does_not_read_stdout_holds_up_unsealing() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::empty().await;
    cluster.create_secret(&key_secret(&key)).await;
    let names = (0..400).map(|index| format!("{index:0>200}"));
    let large = names.fold(sealed_secret("large"), |sealed, name| {
        sealed.item(&name, "b", &key)
    });
    let words = [NO_RENEWAL, "--audit-log=stdout"];
    let process = Process::start_unread(CONTROLLER, &cluster, &words).await;
    cluster.create(large.object()).await;
    cluster.condition("shop", "large", "Ready", "True").await;
    for index in 0..10 {
        let name = format!("db-{index}");
        let sealed = sealed_secret(&name).item("a", "b", &key);
        cluster.create(sealed.object()).await;
        cluster.condition("shop", &name, "Ready", "True").await;
    }
    process.signal("TERM");
    let ended = process.end().await;
    assert_eq!((ended.code, &*ended.stderr), (0, ""));
}
