//! What the controller says while no API server answers it, and what it says without one.
#![expect(clippy::unwrap_used, reason = "a test ends where its stage is broken")]

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use controller::{AuditLog, Config, Listeners};
use http::{Request, Response, StatusCode};
use kube::Client;
use kube::client::Body;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::service_fn;

/// A server that is not there yet.
fn nobody() -> Client {
    let refuse = |_: Request<Body>| async {
        Ok::<_, Infallible>(Response::builder().status(503).body(Body::empty()).unwrap())
    };
    Client::new(service_fn(refuse), "default")
}

async fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: c\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn is_alive_but_not_ready_and_has_no_certificate_before_there_are_keys() {
    let listeners = listeners().await;
    let address = listeners.http.local_addr().unwrap();
    let config = Config::defaults("kube-system");
    let ask = async {
        for (path, code) in [("/healthz", 200), ("/readyz", 503), ("/v1/cert.pem", 500)] {
            let answer = get(address, path).await;
            let wanted = format!("HTTP/1.1 {code} ");
            assert!(answer.starts_with(&wanted), "{path}: {answer}");
        }
    };
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let signals = controller::Signals::until(async { _ = stopped.await });
    let run = controller::run(nobody(), config, listeners, signals);
    let (ended, ()) = tokio::join!(run, async {
        ask.await;
        _ = stop.send(());
    });
    ended.unwrap();
}

async fn listeners() -> Listeners {
    Listeners {
        http: TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap(),
        metrics: TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap(),
    }
}

#[tokio::test]
async fn does_not_start_without_the_audit_log_it_was_asked_for() {
    let mut config = Config::defaults("kube-system");
    config.audit_log = Some(AuditLog::File("/nowhere/audit.json".into()));
    let signals = controller::Signals::until(std::future::pending());
    let ended = controller::run(nobody(), config, listeners().await, signals).await;
    let error = ended.unwrap_err().to_string();
    assert!(error.starts_with("cannot open the audit log: "), "{error}");
}

#[test]
fn ends_with_2_where_nothing_would_get_through() {
    for flag in ["--rate-limit=0", "--rsa-rate-limit=0", "--rate-limit=x"] {
        let controller = Command::new(env!("CARGO_BIN_EXE_controller"))
            .arg(flag)
            .output()
            .unwrap();
        assert_eq!(controller.status.code(), Some(2), "{flag}");
    }
}

#[test]
fn prints_its_version_before_anything_else() {
    let controller = Command::new(env!("CARGO_BIN_EXE_controller"))
        .args(["--version", "--key-renew-period", "1h"])
        .env("KUBECONFIG", "/nowhere")
        .output()
        .unwrap();
    assert!(controller.status.success());
    let said = String::from_utf8(controller.stdout).unwrap();
    // `controller version: (v[0-9]+\.[0-9]+\.[0-9]+|[0-9a-f]{40})` is what upstream's suite looks for.
    let version = format!("v{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(said, format!("controller version: {version}\n"));
}

/// A server that counts what it is asked, and answers that it is not ready.
async fn counting() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let (address, asked) = (
        listener.local_addr().unwrap(),
        Arc::new(AtomicUsize::new(0)),
    );
    let counter = Arc::clone(&asked);
    let answer = move || {
        counter.fetch_add(1, Ordering::SeqCst);
        async { StatusCode::SERVICE_UNAVAILABLE }
    };
    tokio::spawn(async { axum::serve(listener, Router::new().fallback(answer)).await });
    (address, asked)
}

/// How often a controller with these settings asks, until that is this often and a second longer.
async fn requests(words: &[&str], at_least: usize) -> usize {
    let (address, asked) = counting().await;
    let kubeconfig = tempfile::NamedTempFile::new().unwrap();
    let text = format!(
        "{{clusters: [{{name: c, cluster: {{server: 'http://{address}'}}}}], \
        contexts: [{{name: c, context: {{cluster: c, user: u}}}}], current-context: c, users: [{{name: u}}]}}"
    );
    std::fs::write(kubeconfig.path(), text).unwrap();
    let mut controller = Command::new(env!("CARGO_BIN_EXE_controller"))
        .args([
            "--listen-addr=127.0.0.1:0",
            "--listen-metrics-addr=127.0.0.1:0",
            "--kubeconfig",
        ])
        .arg(kubeconfig.path())
        .args(words)
        .env("POD_NAMESPACE", "kube-system")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    tokio::time::timeout(Duration::from_secs(20), async {
        while asked.load(Ordering::SeqCst) < at_least {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    controller.kill().unwrap();
    controller.wait().unwrap();
    asked.load(Ordering::SeqCst)
}

#[tokio::test]
async fn asks_no_more_than_it_was_told() {
    let limited = ["--kubeclient-qps=0.001", "--kubeclient-burst=2"];
    assert_eq!(requests(&limited, 2).await, 2);
    assert!(requests(&[], 3).await >= 3);
}
