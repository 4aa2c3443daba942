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
