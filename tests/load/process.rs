//! The controller as a process, beside an API server in memory.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tests::{Cluster, Fixture, key_secret, rsa_operations};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const CONTROLLER: &str = "target/small/controller";

/// A running controller; it ends when this is dropped.
pub(crate) struct Process {
    process: tests::Process, // first, so that it ends before what it talks to
    pub(crate) cluster: Cluster,
    pub(crate) http: SocketAddr,
    metrics: SocketAddr,
}

/// The answer to one request.
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) retry_after: u64,
    pub(crate) took: Duration,
}

impl Process {
    /// Starts it with these keys and waits until it is ready.
    pub(crate) async fn start(keys: &[Fixture]) -> Self {
        let cluster = Cluster::in_memory().await;
        for key in keys {
            cluster.create_secret(&key_secret(key)).await;
        }
        let (http, metrics) = (free(), free());
        let words = [
            "--key-renew-period=0",
            "--log-level=ERROR",
            &format!("--listen-addr={http}"),
            &format!("--listen-metrics-addr={metrics}"),
        ];
        let process = tests::Process::start(CONTROLLER, &cluster, &words).await;
        let process = Self {
            cluster,
            http,
            metrics,
            process,
        };
        while process.get("/readyz").await != Some(200) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        process
    }

    /// The code of an answer on a connection of its own.
    pub(crate) async fn get(&self, path: &str) -> Option<u16> {
        let mut connection = Connection::open(self.http).await?;
        Some(connection.ask(&request("GET", path, "", "")).await?.code)
    }

    /// A POST on a connection of its own.
    pub(crate) async fn post(&self, path: &str, caller: &str, body: &str) -> Option<Answer> {
        let mut connection = Connection::open(self.http).await?;
        connection.ask(&request("POST", path, caller, body)).await
    }

    /// How many RSA operations requests have cost.
    pub(crate) async fn operations(&self) -> u64 {
        rsa_operations(&self.measured().await, "http")
    }

    /// What it has measured, as text.
    pub(crate) async fn measured(&self) -> String {
        let mut stream = TcpStream::connect(self.metrics).await.unwrap();
        let ask = b"GET /metrics HTTP/1.1\r\nHost: c\r\nConnection: close\r\n\r\n";
        stream.write_all(ask).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    }

    /// What it holds in memory, in MiB.
    pub(crate) fn memory(&self) -> f64 {
        self.process.memory("VmRSS") / f64::from(1 << 20)
    }
}

fn free() -> SocketAddr {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap()
}

/// A client that keeps its connection.
pub(crate) struct Connection(TcpStream);

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Option<Self> {
        TcpStream::connect(address).await.ok().map(Self)
    }

    /// Asks and waits for the whole answer; none if the connection is closed instead.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> Option<Answer> {
        let start = Instant::now();
        self.0.write_all(request).await.ok()?;
        let mut answer = Vec::new();
        loop {
            if self.0.read_buf(&mut answer).await.ok()? == 0 {
                return None;
            }
            let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else {
                continue;
            };
            let head = String::from_utf8_lossy(&answer[..end]).into_owned();
            let number = |name: &str| {
                let line = head.lines().find_map(|line| line.strip_prefix(name));
                line.and_then(|value| value.parse().ok()).unwrap_or(0)
            };
            if answer.len() >= end + 4 + usize::try_from(number("content-length: ")).unwrap() {
                return Some(Answer {
                    code: head[9..12].parse().unwrap(),
                    retry_after: number("retry-after: "),
                    took: start.elapsed(),
                });
            }
        }
    }

    /// Says something and waits until the other side closes; how long that took.
    pub(crate) async fn until_closed(mut self, said: &[u8], every: Option<Duration>) -> Duration {
        let start = Instant::now();
        _ = self.0.write_all(said).await;
        let mut rest = [0; 1024];
        loop {
            let more = self.0.read(&mut rest);
            match tokio::time::timeout(every.unwrap_or(Duration::MAX), more).await {
                Ok(Ok(1..)) => {}
                Ok(_) => return start.elapsed(),
                Err(_) => _ = self.0.write_all(b"x").await,
            }
        }
    }
}

pub(crate) fn request(method: &str, path: &str, caller: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: c\r\nX-Forwarded-For: {caller}\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    request.into_bytes()
}
