//! `--cert http://…` against a server of the test's own.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops here")]

mod closed;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread::JoinHandle;

use closed::{Output, fixture, io};

const WARNING: &str = "warning: the certificate comes over plain http: anyone on the way can put another one in its place\n";

/// Answers one request after the other, and returns the request lines.
fn serve(answers: Vec<String>) -> (u16, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = move |answer: String| {
        let (mut stream, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap())
            .lines()
            .map(Result::unwrap);
        let request = lines.next().unwrap();
        lines.take_while(|line| !line.is_empty()).for_each(drop);
        stream.write_all(answer.as_bytes()).unwrap();
        request
    };
    (
        port,
        std::thread::spawn(move || answers.into_iter().map(answer).collect()),
    )
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n{body}",
        body.len()
    )
}

async fn fetch(url: &str, environment: &[(&str, String)]) -> (u8, Output) {
    let environment = environment
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()));
    let (mut io, printed) = io(b"", environment, closed::NOW);
    let args = ["kubeseal", "--fetch-cert", "--cert", url];
    (
        cli::run(args.map(Into::into), &mut io).await,
        printed.take(),
    )
}

#[tokio::test]
async fn fetches_the_bytes_and_follows_a_redirect() {
    let certificate = fixture("rsa2048.pem");
    let moved = answer("302 Found", "Location: /v1/cert.pem\r\n", "");
    let (port, requests) = serve(vec![moved, answer("200 OK", "", &certificate)]);
    let (code, output) = fetch(&format!("http://127.0.0.1:{port}/cert"), &[]).await;
    assert_eq!(
        (code, output.stdout, output.stderr.as_str()),
        (0, certificate, WARNING)
    );
    assert_eq!(
        requests.join().unwrap(),
        ["GET /cert HTTP/1.1", "GET /v1/cert.pem HTTP/1.1"]
    );
}

#[tokio::test]
async fn says_with_which_status_it_was_refused() {
    let (port, requests) = serve(vec![answer("404 Not Found", "", "nothing here")]);
    let url = format!("http://127.0.0.1:{port}/cert");
    let (code, output) = fetch(&url, &[]).await;
    let error = format!("{WARNING}error: cannot fetch \"{url}\": 404 Not Found\n");
    assert_eq!(
        (code, output.stdout.as_str(), output.stderr),
        (1, "", error)
    );
    requests.join().unwrap();
}

#[tokio::test]
async fn goes_through_the_proxy_of_the_environment() {
    let (port, requests) = serve(vec![answer("200 OK", "", &fixture("rsa2048.pem"))]);
    let proxy = ("HTTP_PROXY", format!("http://127.0.0.1:{port}"));
    let (code, _) = fetch("http://certificates.invalid/cert.pem", &[proxy]).await;
    assert_eq!(code, 0);
    assert_eq!(
        requests.join().unwrap(),
        ["GET http://certificates.invalid/cert.pem HTTP/1.1"]
    );
}

#[tokio::test]
async fn goes_past_the_proxy_where_no_proxy_says_so() {
    let proxy = ("HTTP_PROXY", "http://127.0.0.1:1".to_owned());
    let exception = ("NO_PROXY", "example.org,.invalid".to_owned());
    let (code, output) = fetch("http://certificates.invalid/cert.pem", &[proxy, exception]).await;
    assert_eq!(code, 1);
    assert!(
        !output.stderr.contains("connection refused"),
        "{}",
        output.stderr
    );
}

#[tokio::test]
async fn takes_a_scheme_in_capitals() {
    let certificate = fixture("rsa2048.pem");
    let (port, requests) = serve(vec![answer("200 OK", "", &certificate)]);
    let (code, output) = fetch(&format!("HTTP://127.0.0.1:{port}/cert"), &[]).await;
    assert_eq!(
        (code, output.stdout, output.stderr.as_str()),
        (0, certificate, WARNING)
    );
    requests.join().unwrap();
}

#[tokio::test]
async fn follows_ten_redirects_and_no_more() {
    let moved = || answer("302 Found", "Location: /next\r\n", "");
    let found = answer("200 OK", "", &fixture("rsa2048.pem"));
    for (count, expected) in [(10, 0), (11, 1)] {
        let mut answers: Vec<String> = (0..count).map(|_| moved()).collect();
        answers.extend((expected == 0).then(|| found.clone()));
        let (port, requests) = serve(answers);
        let (code, output) = fetch(&format!("http://127.0.0.1:{port}/"), &[]).await;
        assert_eq!(code, expected, "{}", output.stderr);
        requests.join().unwrap();
    }
}

/// The program itself, since a server is trusted as the system says, or `SSL_CERT_FILE`.
#[tokio::test]
async fn is_not_led_from_https_to_http() {
    let (plain, _requests) = serve(vec![answer("200 OK", "", &fixture("rsa2048.pem"))]);
    let moved = answer(
        "302 Found",
        &format!("Location: http://127.0.0.1:{plain}/cert\r\n"),
        "",
    );
    let (port, authority) = serve_with_tls(moved).await;
    let url = format!("https://127.0.0.1:{port}/cert");
    let mut kubeseal = std::process::Command::new(env!("CARGO_BIN_EXE_kubeseal"));
    kubeseal
        .args(["--fetch-cert", "--cert", &url])
        .env_clear()
        .env("SSL_CERT_FILE", authority.path());
    let ended = tokio::task::spawn_blocking(move || kubeseal.output().unwrap());
    let ended = ended.await.unwrap();
    let stderr = String::from_utf8_lossy(&ended.stderr);
    let error = format!("error: cannot fetch \"{url}\": it is redirected from https to http\n");
    assert_eq!((ended.status.code(), &*stderr), (Some(1), &*error));
    assert_eq!(String::from_utf8_lossy(&ended.stdout), "");
}

/// Answers one request, and gives the authority to trust.
async fn serve_with_tls(answer: String) -> (u16, tempfile::NamedTempFile) {
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    use tokio_rustls::rustls::ServerConfig;
    use tokio_rustls::rustls::pki_types::pem::PemObject;
    use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign];
    let authority = params.self_signed(&key).unwrap().pem();
    let issuer = rcgen::Issuer::new(params, key);
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let own = params.signed_by(&key, &issuer).unwrap().pem();
    let own = CertificateDer::from_pem_slice(own.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![own], key).unwrap();
    let tls = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(tls.accept(stream).await.unwrap());
        let mut line = String::new();
        while stream.read_line(&mut line).await.unwrap() > 2 {
            line.clear();
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
    });
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(authority.as_bytes()).unwrap();
    (port, file)
}

/// A server that announces no end is read no further than needed.
#[tokio::test]
async fn reads_no_certificate_of_more_than_a_mebibyte() {
    let largest = "x".repeat(1 << 20);
    let (port, requests) = serve(vec![answer("200 OK", "", &largest)]);
    let (_, output) = fetch(&format!("http://127.0.0.1:{port}/cert"), &[]).await;
    assert!(output.stdout == largest, "{}", output.stderr);
    requests.join().unwrap();

    let (port, _endless) = serve_without_end();
    let url = format!("http://127.0.0.1:{port}/cert");
    let (code, output) = fetch(&url, &[]).await;
    let error =
        format!("{WARNING}error: cannot fetch \"{url}\": the answer is larger than 1 MiB\n");
    assert_eq!((code, output.stderr), (1, error));
}

/// Sends until the other end hangs up, but no more than would fail the test anyway.
fn serve_without_end() -> (u16, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let send = move || {
        let (mut stream, _) = listener.accept().unwrap();
        let lines = BufReader::new(stream.try_clone().unwrap()).lines();
        lines
            .map(Result::unwrap)
            .take_while(|line| !line.is_empty())
            .for_each(drop);
        let head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
        stream.write_all(head).unwrap();
        let piece = [b'x'; 1 << 16];
        let _ = (0..256).try_for_each(|_| stream.write_all(&piece));
    };
    (port, std::thread::spawn(send))
}
