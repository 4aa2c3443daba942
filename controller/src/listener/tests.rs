use std::future::pending;
use std::net::Ipv4Addr;

use axum::routing::any;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: c\r\n\r\n";

/// A listener that answers `/` at once, `/never` never, and `/body` after the body.
struct Listening {
    address: std::net::SocketAddr,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Listening {
    async fn start(deadlines: Deadlines) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let paths = Router::new()
            .route("/", any(async || "here"))
            .route("/never", any(async || pending::<()>().await))
            .route("/body", any(async |body: bytes::Bytes| body));
        let stop = CancellationToken::new();
        let task = tokio::spawn(serve(listener, paths, deadlines, stop.clone()));
        Self {
            address,
            stop,
            task,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn say(&self, text: &[u8]) -> TcpStream {
        let mut stream = self.connect().await;
        stream.write_all(text).await.unwrap();
        stream
    }
}

/// What comes until the other side closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut rest = Vec::new();
    _ = stream.read_to_end(&mut rest).await;
    String::from_utf8(rest).unwrap()
}

async fn answer(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    while !answer.ends_with(b"here") {
        answer.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(answer).unwrap()
}

/// So short for one stage, and very long for the others.
fn short(stage: Stage) -> Deadlines {
    let long = 1000 * SECOND;
    let mut deadlines = Deadlines {
        header: long,
        body: long,
        answer: long,
        idle: long,
    };
    let short = Duration::from_secs(1); // longer than a busy machine takes to read a header
    match stage {
        Stage::Header => deadlines.header = short,
        Stage::Answering => deadlines.answer = short,
        Stage::Idle => deadlines.idle = short,
    }
    deadlines
}

#[tokio::test]
async fn closes_what_says_nothing_or_never_ends_its_header() {
    let listening = Listening::start(short(Stage::Header)).await;
    for said in [&b""[..], b"GET / HTTP/1.1\r\nHost"] {
        assert_eq!(rest(&mut listening.say(said).await).await, "");
    }
}

#[tokio::test]
async fn closes_what_begins_another_header_and_never_ends_it() {
    let listening = Listening::start(short(Stage::Header)).await;
    let mut stream = listening.say(GET).await;
    answer(&mut stream).await;
    stream.write_all(b"GET").await.unwrap();
    assert_eq!(rest(&mut stream).await, "");
}

#[tokio::test]
async fn closes_what_is_idle_after_an_answer() {
    let listening = Listening::start(short(Stage::Idle)).await;
    let mut stream = listening.say(GET).await;
    assert!(rest(&mut stream).await.ends_with("here"));
}

#[tokio::test]
async fn closes_what_is_not_answered_in_time() {
    let listening = Listening::start(short(Stage::Answering)).await;
    let never = b"GET /never HTTP/1.1\r\nHost: c\r\n\r\n";
    let slow = b"POST /body HTTP/1.1\r\nHost: c\r\nContent-Length: 9\r\n\r\nx";
    for said in [&never[..], slow] {
        assert_eq!(rest(&mut listening.say(said).await).await, "");
    }
}

#[tokio::test]
async fn keeps_a_connection_for_the_next_request() {
    let listening = Listening::start(Deadlines::default()).await;
    let mut stream = listening.say(GET).await;
    answer(&mut stream).await;
    stream.write_all(GET).await.unwrap();
    answer(&mut stream).await;
}

#[tokio::test]
async fn lets_the_oldest_without_a_header_go_when_there_are_too_many() {
    let listening = Listening::start(Deadlines::default()).await;
    let never = b"GET /never HTTP/1.1\r\nHost: c\r\n\r\n";
    let mut asking = listening.say(never).await;
    let mut silent = Vec::new();
    for _ in 0..CONNECTIONS {
        silent.push(listening.say(b"G").await);
    }
    let mut probe = listening.say(GET).await;
    answer(&mut probe).await;
    assert_eq!(rest(&mut silent[0]).await, "");
    assert_eq!(rest(&mut silent[1]).await, "");
    silent[2].write_all(&GET[1..]).await.unwrap();
    answer(&mut silent[2]).await;
    let mut one = [0];
    let waiting = tokio::time::timeout(SECOND / 10, asking.read(&mut one)).await;
    assert!(waiting.is_err(), "it asked, so it stays");
}

#[tokio::test]
async fn survives_clients_that_leave_and_finishes_the_others_when_told_to_stop() {
    let listening = Listening::start(Deadlines::default()).await;
    for _ in 0..50 {
        drop(listening.say(GET).await);
        drop(listening.say(b"GET /nev").await);
    }
    let begun =
        b"POST /body HTTP/1.1\r\nHost: c\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n";
    let mut stream = listening.say(begun).await;
    let mut asks = [0; 25];
    stream.read_exact(&mut asks).await.unwrap();
    assert_eq!(&asks, b"HTTP/1.1 100 Continue\r\n\r\n");
    listening.stop.cancel();
    tokio::time::sleep(SECOND / 20).await;
    stream.write_all(b"ab").await.unwrap();
    assert!(rest(&mut stream).await.ends_with("\r\n\r\nab"));
    listening.task.await.unwrap();
}
