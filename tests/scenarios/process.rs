//! The controller as a process: how it starts, what it logs where, and how it ends.

use kube::api::ListParams;
use serde_json::Value;
use tests::{Cluster, Fixture, Process, key_secret, sealed_secret};

pub(crate) const CONTROLLER: &str = env!("CARGO_BIN_EXE_controller-process");
/// Fixtures are old, and a successor would come at an odd moment.
pub(crate) const NO_RENEWAL: &str = "--key-renew-period=0";

async fn with_key(key: &Fixture) -> Cluster {
    let cluster = Cluster::empty().await;
    cluster.create_secret(&key_secret(key)).await;
    cluster
}

/// Every signal that asks for an end gets one, with code 0, and no Secret is left half done.
#[tokio::test]
async fn ends_cleanly_when_asked() {
    let key = Fixture::rsa2048();
    for signal in ["TERM", "INT"] {
        let cluster = with_key(&key).await;
        let process = Process::start(CONTROLLER, &cluster, &[NO_RENEWAL]).await;
        process.logs("registered private key").await;
        for index in 0..20 {
            let name = format!("db-{index}");
            let sealed = sealed_secret(&name)
                .item("a", "1", &key)
                .item("b", "2", &key);
            cluster.create(sealed.object()).await;
        }
        process.signal(signal);
        let ended = process.end().await;
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert!(!ended.stderr.contains("level=ERROR"), "{}", ended.stderr);
        let secrets = cluster.secrets("shop").list(&ListParams::default()).await;
        for secret in secrets.unwrap() {
            assert_eq!(secret.data.unwrap_or_default().len(), 2);
        }
        // Whatever was left is done by the next one.
        let process = Process::start(CONTROLLER, &cluster, &[NO_RENEWAL]).await;
        for index in 0..20 {
            let name = format!("db-{index}");
            cluster.condition("shop", &name, "Ready", "True").await;
        }
        drop(process);
    }
}

#[tokio::test]
async fn makes_a_key_on_the_signal_that_upstream_knows() {
    let key = Fixture::rsa2048();
    let cluster = with_key(&key).await;
    let words = [NO_RENEWAL, "--key-size=2048"];
    let process = Process::start(CONTROLLER, &cluster, &words).await;
    process.logs("registered private key").await;
    process.signal("USR1");
    process.logs("New key written").await;
    process.logs("Certificate generated").await;
    process.signal("TERM");
    assert_eq!(process.end().await.code, 0);
}

#[tokio::test]
async fn says_in_one_line_why_it_cannot_start() {
    let cluster = Cluster::empty().await;
    for (word, said) in [
        (
            "--kubeconfig=/nowhere",
            "cannot read the kubeconfig `/nowhere`: ",
        ),
        ("--listen-addr=nowhere", "cannot listen at `nowhere`: "),
        (
            "--key-size=1024",
            "error: --key-size must be 2048, 3072, 4096 or 8192, not 1024",
        ),
        (
            "--key-renew-period=-1h",
            "error: --key-renew-period must not be negative",
        ),
    ] {
        let process = Process::start(CONTROLLER, &cluster, &[word]).await;
        let ended = process.end().await;
        assert_eq!(ended.code, 2, "{word}: {}", ended.stderr);
        assert!(ended.stderr.contains(said), "{word}: {}", ended.stderr);
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    }
}

/// INFO goes to stdout and WARN to stderr, as lines or as JSON, from the level that was asked for.
#[tokio::test]
async fn logs_what_it_is_told_to_where_it_is_told_to() {
    let key = Fixture::rsa2048();
    let cluster = with_key(&key).await;
    let started = "Starting sealed-secrets controller";
    let mut runs = 0;
    let mut run = async |words: &[&str]| {
        runs += 1;
        let name = format!("db-{runs}");
        let words = [&[NO_RENEWAL, "--privatekey-labels=odd"], words].concat();
        let process = Process::start(CONTROLLER, &cluster, &words).await;
        cluster
            .create(sealed_secret(&name).item("a", "b", &key).object())
            .await;
        cluster.secret_becomes("shop", &name, &[("a", "b")]).await;
        cluster.event("shop", &name, "Unsealed").await;
        if words.contains(&"DEBUG") {
            process.logs("update suppressed").await;
        }
        process.signal("TERM");
        let ended = process.end().await;
        (ended.stdout, ended.stderr)
    };

    let (stdout, stderr) = run(&[]).await;
    assert!(
        stdout.contains(&format!("level=INFO msg=\"{started}\"")),
        "{stdout}"
    );
    assert!(stdout.contains("msg=Updating key=shop/db-1 "), "{stdout}");
    assert!(
        !stdout.contains("level=WARN") && !stdout.contains("level=DEBUG"),
        "{stdout}"
    );
    assert!(
        stderr.contains("level=WARN") && !stderr.contains("level=INFO"),
        "{stderr}"
    );

    let (stdout, stderr) = run(&["--log-info-stdout=false"]).await;
    assert_eq!(stdout, "");
    assert!(
        stderr.contains("level=WARN") && stderr.contains(started),
        "{stderr}"
    );

    let (stdout, _) = run(&["--log-format=json"]).await;
    for line in stdout.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["level"], "INFO");
    }
    assert!(
        stdout.contains(&format!("\"msg\":\"{started}\"")),
        "{stdout}"
    );

    let (stdout, stderr) = run(&["--log-level=ERROR"]).await;
    assert_eq!((stdout.as_str(), stderr.as_str()), ("", ""));

    let (stdout, _) = run(&["--log-level", "DEBUG"]).await;
    assert!(
        stdout.contains("level=DEBUG msg=\"update suppressed, no changes in spec\""),
        "{stdout}"
    );
}

#[tokio::test]
async fn listens_where_it_is_told_to() {
    let cluster = Cluster::empty().await;
    let process = Process::start(CONTROLLER, &cluster, &[NO_RENEWAL]).await;
    for server in ["HTTP server serving", "HTTP metrics server serving"] {
        process
            .logs(&format!("msg=\"{server}\" addr=127.0.0.1:"))
            .await;
    }
}
