//! An API server that refuses for now: kubeseal asks again where it is told when, ten times, as Go's
//! client does.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops here")]

mod closed;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use closed::{Output, fixture, io};

/// Refuses so many requests, then finds a Service and a certificate; counts all of them.
fn serve(refused: usize, refusal: &'static str) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap())
                .lines()
                .map(Result::unwrap);
            let request = lines.next().unwrap();
            lines.take_while(|line| !line.is_empty()).for_each(drop);
            let (head, body) = if count.fetch_add(1, Ordering::Relaxed) < refused {
                (refusal, String::new())
            } else if request.contains("proxy") {
                ("200 OK", fixture("rsa2048.pem"))
            } else {
                ("200 OK", r#"{"spec":{"ports":[{"port":8080}]}}"#.to_owned())
            };
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {head}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
            );
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    (address, asked)
}

async fn fetch(address: &str) -> (u8, Output) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    let config = format!(
        "current-context: c\ncontexts: [{{name: c, context: {{cluster: c}}}}]\n\
         clusters: [{{name: c, cluster: {{server: 'http://{address}'}}}}]\n"
    );
    std::fs::write(&path, config).unwrap();
    let (mut io, printed) = io(b"", std::iter::empty(), closed::NOW);
    let args = [
        "kubeseal",
        "--fetch-cert",
        "--kubeconfig",
        path.to_str().unwrap(),
    ];
    let code = cli::run(args.map(Into::into), &mut io).await;
    (code, printed.take())
}

#[tokio::test]
async fn asks_again_ten_times_when_it_is_told_when() {
    for refusal in [
        "429 Too Many Requests\r\nRetry-After: 0",
        "503 Service Unavailable\r\nRetry-After: 0",
    ] {
        let (address, asked) = serve(10, refusal);
        let (code, output) = fetch(&address).await;
        let expected = (0, fixture("rsa2048.pem"), String::new());
        assert_eq!((code, output.stdout, output.stderr), expected, "{refusal}");
        assert_eq!(asked.load(Ordering::Relaxed), 12);
    }
}

#[tokio::test]
async fn gives_up_after_ten_times() {
    let (address, asked) = serve(usize::MAX, "429 Too Many Requests\r\nRetry-After: 0");
    let (code, output) = fetch(&address).await;
    assert_eq!(code, 1);
    let said = "error: cannot get sealed secret service: the server has received too many requests \
                and has asked us to try again later (get services sealed-secrets-controller).\n";
    assert!(output.stderr.starts_with(said), "{}", output.stderr);
    assert_eq!(asked.load(Ordering::Relaxed), 11);
}

#[tokio::test]
async fn does_not_ask_again_when_it_is_not_told_when() {
    for refusal in ["429 Too Many Requests", "503 Service Unavailable"] {
        let (address, asked) = serve(usize::MAX, refusal);
        let (code, _) = fetch(&address).await;
        assert_eq!((code, asked.load(Ordering::Relaxed)), (1, 1), "{refusal}");
    }
}

/// The second that it waits is the least that can be told apart from none.
#[tokio::test]
async fn waits_as_long_as_it_is_told() {
    let (address, _) = serve(1, "429 Too Many Requests\r\nRetry-After: 1");
    let begin = std::time::Instant::now();
    let (code, output) = fetch(&address).await;
    assert_eq!((code, output.stderr.as_str()), (0, ""));
    assert!(begin.elapsed() >= std::time::Duration::from_secs(1));
}
