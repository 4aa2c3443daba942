//! Requests as bytes, well-formed and not, what is made of them, and what must hold for every answer. Shared by the
//! long run, which is the example `fuzz_requests`, and the scenarios.

use std::time::Duration;

use controller::{Config, Deadlines, RateLimit};
use tests::{Cluster, Fixture, Random, quiet, sealed_secret};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const TARGETS: [&str; 20] = [
    "/healthz",
    "/readyz",
    "/v1/cert.pem",
    "/v1/verify",
    "/v1/rotate",
    "/",
    "*",
    "/v1/verify/",
    "//v1/verify",
    "/v1/../v1/verify",
    "/v1/%76erify",
    "/v1/verify%00",
    "/v1/verify?x=y#z",
    "/%",
    "/%ff%fe",
    "http://other/v1/verify",
    "http://[::1]:99999/healthz",
    "other:443",
    "/v1/verify;a=b",
    "\\v1\\verify",
];

const METHODS: [&str; 10] = [
    "GET", "POST", "HEAD", "PUT", "OPTIONS", "CONNECT", "TRACE", "get", "BREW", "",
];

/// Nobody waits for what does not come, and nearly everybody is let in.
pub(crate) fn impatient(requests: u32) -> Config {
    let mut config = quiet();
    let soon = Duration::from_millis(100);
    config.http.deadlines = Deadlines {
        header: soon,
        body: soon,
        idle: soon,
        ..config.http.deadlines
    };
    config.http.rate_limit = RateLimit {
        per_second: requests,
        burst: requests,
    };
    config
}

fn text(head: &str, body: &str) -> (String, Vec<u8>) {
    (head.replace('\n', "\r\n"), body.as_bytes().to_vec())
}

/// Lines of a head after the first, about the length of the body, and the body.
fn lengths() -> Vec<(String, Vec<u8>)> {
    vec![
        text("", ""),
        text("Host: c\n", ""),
        text("Host: c\nHost: d\n", ""),
        text("Host: c\nContent-Length: 3\n", "abc"),
        text(
            "Host: c\nContent-Length: 3\n",
            "abcGET /healthz HTTP/1.1\r\nHost: c\r\n\r\n",
        ),
        text("Host: c\nContent-Length: 3\nContent-Length: 4\n", "abcd"),
        text("Host: c\nContent-Length: 3\nContent-Length: 3\n", "abc"),
        text("Host: c\nContent-Length: -1\n", "abc"),
        text("Host: c\nContent-Length: +3\n", "abc"),
        text("Host: c\nContent-Length: 0x3\n", "abc"),
        text("Host: c\nContent-Length: 99999999999999999999\n", "abc"),
        text("Host: c\nContent-Length: 3145729\n", "abc"),
        text(
            "Host: c\nTransfer-Encoding: chunked\n",
            "3\r\nabc\r\n0\r\n\r\n",
        ),
        text(
            "Host: c\nTransfer-Encoding: chunked\nContent-Length: 3\n",
            "3\r\nabc\r\n0\r\n\r\n",
        ),
        text(
            "Host: c\nTransfer-Encoding: chunked, identity\n",
            "3\r\nabc\r\n0\r\n\r\n",
        ),
        text(
            "Host: c\nTransfer-Encoding: \tchunked\n",
            "3;x=y\r\nabc\r\n0\r\nX: y\r\n\r\n",
        ),
        text("Host: c\nTransfer-Encoding : chunked\n", "0\r\n\r\n"),
        text(
            "Host: c\nTransfer-Encoding: chunked\n",
            "ffffffffffffffff\r\nabc",
        ),
        text(
            "Host: c\nTransfer-Encoding: chunked\n",
            "-1\r\nabc\r\n0\r\n\r\n",
        ),
        text("Host: c\nTransfer-Encoding: chunked\n", "3\nabc\n0\n\n"),
        text("Host: c\nTransfer-Encoding: gzip\n", "abc"),
    ]
}

/// The same about anything else.
fn heads() -> Vec<(String, Vec<u8>)> {
    let many = (0..200)
        .map(|n| format!("X-{n}: {n}\r\n"))
        .collect::<String>();
    let addresses = "10.0.0.1, ".repeat(500);
    vec![
        text("Host: c\nExpect: 100-continue\nContent-Length: 3\n", "abc"),
        text("Host: c\nExpect: nonsense\nContent-Length: 3\n", "abc"),
        text(
            "Host: c\nConnection: Upgrade, HTTP2-Settings\nUpgrade: h2c\nHTTP2-Settings: AA\n",
            "",
        ),
        text("Host: c\nConnection: keep-alive, close, x\n", ""),
        text("Host: c\n folded: line\n", ""),
        text("Host: c\nX: a\0b\n", ""),
        text("no colon\n", ""),
        text(": no name\n", ""),
        text(&format!("Host: c\nX-Forwarded-For: {addresses}\n"), ""),
        (format!("Host: c\r\n{many}"), Vec::new()),
        (
            format!("Host: c\r\nX: {}\r\n", "x".repeat(64 << 10)),
            Vec::new(),
        ),
    ]
}

/// The requests to begin with. The objects in some of them open, or nearly so.
pub(crate) fn seeds(key: &Fixture) -> Vec<Vec<u8>> {
    let request = |method: &str, target: &str, version: &str, head: &str, body: &[u8]| {
        let mut bytes = format!("{method} {target} {version}\r\n{head}\r\n").into_bytes();
        bytes.extend(body);
        bytes
    };
    let mut seeds = Vec::new();
    for target in TARGETS {
        for (head, body) in lengths().into_iter().chain(heads()) {
            seeds.push(request("POST", target, "HTTP/1.1", &head, &body));
        }
        for method in METHODS {
            for version in ["HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/9", ""] {
                seeds.push(request(method, target, version, "Host: c\r\n", b""));
            }
        }
    }
    let object = sealed_secret("db").item("a", "b", key);
    for object in [object.clone(), object.renamed("x")] {
        let json = object.object().to_string();
        let yaml = serde_saphyr::to_string(&object.object()).unwrap();
        for body in [
            json.clone(),
            yaml,
            format!("---\n{json}\n---\n"),
            json[..json.len() / 2].to_owned(),
        ] {
            for target in ["/v1/verify", "/v1/rotate"] {
                let head = format!("Host: c\r\nContent-Length: {}\r\n", body.len());
                seeds.push(request("POST", target, "HTTP/1.1", &head, body.as_bytes()));
            }
        }
    }
    for body in [
        "[".repeat(100_000),
        "{\"a\":".repeat(50_000),
        "a: &a [*a, *a]\n".repeat(100),
        "- ".repeat(50_000),
    ] {
        let head = format!("Host: c\r\nContent-Length: {}\r\n", body.len());
        seeds.push(request(
            "POST",
            "/v1/verify",
            "HTTP/1.1",
            &head,
            body.as_bytes(),
        ));
    }
    seeds.push(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec());
    seeds.push(b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03".to_vec());
    seeds.push(b"\r\n\r\n\r\nGET /healthz HTTP/1.1\r\nHost: c\r\n\r\n".to_vec());
    seeds.push(b"GET /healthz HTTP/1.1\r\nHost: c\r\n\r\n".repeat(50));
    seeds.push(vec![0; 4096]);
    seeds
}

/// A request made of others.
pub(crate) fn mutate(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    const PIECES: [&[u8]; 16] = [
        b"\r\n",
        b"\n",
        b"\r",
        b"\0",
        b": ",
        b" ",
        b"\t",
        b"HTTP/1.1",
        b"chunked",
        b"0\r\n\r\n",
        b"\xff",
        b"Content-Length: 5\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Connection: close\r\n",
        b"%00",
        b"/v1/rotate",
    ];
    // The last ones lead furthest.
    let from = match random.below(2) {
        0 => seeds.len().saturating_sub(25),
        _ => 0,
    };
    let mut request = seeds[from + random.below(seeds.len() - from)].clone();
    for _ in 0..=random.below(5) {
        let at = random.below(request.len() + 1);
        let end = (at + random.below(20)).min(request.len());
        match random.below(6) {
            0 => _ = request.splice(at..at, PIECES[random.below(PIECES.len())].iter().copied()),
            1 => _ = request.drain(at..end),
            2 => {
                let part = request[at..end].repeat(1 + random.below(50));
                request.splice(at..at, part);
            }
            3 => {
                let other = &seeds[random.below(seeds.len())];
                let from = random.below(other.len() + 1);
                request.truncate(at);
                request.extend(&other[from..]);
            }
            4 if at < request.len() => request[at] ^= 1 << random.below(8),
            _ => {
                let other = &seeds[random.below(seeds.len())];
                request.splice(at..end, other.iter().copied());
            }
        }
    }
    request.truncate(256 << 10);
    request
}

/// Sends a request, and looks at whatever comes back. A finding is a panic.
pub(crate) async fn check(cluster: &Cluster, request: &[u8]) {
    let mut stream = TcpStream::connect(cluster.address()).await.unwrap();
    _ = stream.write_all(request).await;
    let mut answers = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut answers));
    assert!(
        ended.await.is_ok(),
        "it does not end: {:?}",
        String::from_utf8_lossy(request)
    );
    let is_head = request.windows(5).any(|window| window == b"HEAD ");
    assert!(
        is_head || is_well_formed(&answers),
        "{:?}\nis answered\n{:?}",
        String::from_utf8_lossy(request),
        String::from_utf8_lossy(&answers)
    );
}

/// Whether these are answers of HTTP/1, one after the other, each as long as it says.
fn is_well_formed(mut answers: &[u8]) -> bool {
    while !answers.is_empty() {
        let Some(end) = answers.windows(4).position(|window| window == b"\r\n\r\n") else {
            return false;
        };
        let Ok(head) = std::str::from_utf8(&answers[..end]) else {
            return false;
        };
        let mut lines = head.split("\r\n");
        let first = lines.next().unwrap_or_default();
        let code: Option<u16> = first.get(9..12).and_then(|code| code.parse().ok());
        let Some(code) = code.filter(|_| first.starts_with("HTTP/1.")) else {
            return false;
        };
        let length = lines
            .filter_map(|line| line.strip_prefix("content-length: "))
            .next();
        let length = length.map_or(Some(0), |length| length.parse::<usize>().ok());
        let Some(rest) = length.and_then(|length| answers.get(end + 4 + length..)) else {
            return false;
        };
        // A panic would be 500 with a body, or nothing at all; ours has none.
        if !matches!(
            code,
            100 | 200 | 400 | 404 | 409 | 413 | 414 | 422 | 429 | 431 | 500 | 503 | 505
        ) {
            return false;
        }
        answers = rest;
    }
    true
}
