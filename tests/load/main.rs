//! What the controller bears, over HTTP and of one namespace: the figures of docs/performance.md. `make load`
//! runs it, and with words all parts whose names hold one of them.
//!
//! Each part has the controller reconcile while something is in its way, and tells how that compares with the
//! same without it, in the same run.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program to run by hand"
)]

mod neighbour;
mod process;

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::future::{join, join_all};
use jiff::{SignedDuration, Timestamp};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{Config, watcher};
use tests::{Fixture, sealed_secret};

use process::{Answer, Connection, Process, request};

const KEYS: usize = 120;
/// Changes of SealedSecrets, and for how long.
const PAUSE: Duration = Duration::from_millis(50);
const RUN: Duration = Duration::from_secs(30);
/// One change in so many is of an object that does not open.
const POISON: usize = 20;
const FLOOD: usize = 200;
/// Each connection of the flood asks this often.
const PACE: Duration = Duration::from_millis(200);
const ITEMS: usize = 4400;
const BUDGET: f64 = 200.0;

#[tokio::main]
async fn main() {
    let now = Timestamp::now();
    let key = |age: usize| {
        let age = SignedDuration::from_hours(720 * i64::try_from(age).unwrap());
        Fixture::made_at(now - age)
    };
    // the newest first
    let keys: Vec<Fixture> = (0..KEYS).map(key).collect();
    let process = Process::start(&keys).await;
    println!("| what | figure | bar |");
    println!("|---|---|---|");
    let words: Vec<String> = std::env::args().skip(1).collect();
    let is_asked = |part: &str| words.is_empty() || words.iter().any(|word| part.contains(word));
    if is_asked("flood") {
        let quiet = p99(changes(&process, &keys[0], "quiet").await);
        row(
            "a Secret after a change, 20 changes/s, p99",
            ms(quiet),
            "1 s",
        );
        flood(&process, &keys, quiet).await;
    }
    if is_asked("callers") {
        many_callers(&process, &keys).await;
    }
    if is_asked("requests") {
        worst_requests(&process, &keys).await;
    }
    if is_asked("idlers") {
        idlers(&process).await;
    }
    if is_asked("neighbour") {
        neighbour::measure(&process, &keys).await;
    }
}

fn row(what: &str, figure: impl std::fmt::Display, bar: &str) {
    println!("| {what} | {figure} | {bar} |");
}

fn ms(time: Duration) -> String {
    format!("{:.0} ms", time.as_secs_f64() * 1000.0)
}

fn times(time: Duration, of: Duration) -> String {
    format!("{:.1}x", time.as_secs_f64() / of.as_secs_f64())
}

fn p99(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() * 99 / 100]
}

/// Creates SealedSecrets at a steady pace, and says how long each of their Secrets took to come.
async fn changes(process: &Process, key: &Fixture, name: &str) -> Vec<Duration> {
    let secrets = process.cluster.secrets("shop");
    let mut seen = pin!(watcher(secrets, Config::default()).applied_objects());
    let mut begun: BTreeMap<String, Instant> = BTreeMap::new();
    let mut took = Vec::new();
    let mut ticks = tokio::time::interval(PAUSE);
    let start = Instant::now();
    let mut count = 0;
    while start.elapsed() < RUN || (!begun.is_empty() && start.elapsed() < 2 * RUN) {
        tokio::select! {
            _ = ticks.tick(), if start.elapsed() < RUN => {
                count += 1;
                let name = format!("{name}-{count}");
                let object = sealed_secret(&name).item("a", "b", key);
                if count % POISON == 0 {
                    process.cluster.create(object.renamed(&format!("bad-{name}")).object()).await;
                } else {
                    begun.insert(name, Instant::now());
                    process.cluster.create(object.object()).await;
                }
            }
            Some(Ok(secret)) = seen.next() => {
                let name = secret.metadata.name.unwrap();
                took.extend(begun.remove(&name).map(|begun| begun.elapsed()));
            }
        }
    }
    assert!(begun.is_empty(), "Secrets are missing: {}", begun.len());
    took
}

/// From 200 connections, each with another caller in every request.
async fn flood(process: &Process, keys: &[Fixture], quiet: Duration) {
    let body = sealed_secret("db")
        .item("a", "b", &keys[0])
        .object()
        .to_string();
    let (callers, start) = (AtomicU32::new(0), Instant::now());
    let (memory, operations) = (process.memory(), process.operations().await);
    let ask = async |path: &str| {
        let mut answers = Vec::new();
        let mut connection = Connection::open(process.http).await;
        let mut ticks = tokio::time::interval(PACE);
        while start.elapsed() < RUN {
            ticks.tick().await;
            let caller = callers.fetch_add(1, Ordering::Relaxed).to_string();
            let answer = match &mut connection {
                Some(open) => open.ask(&request("POST", path, &caller, &body)).await,
                None => None,
            };
            match answer {
                Some(answer) => answers.push(answer),
                None => connection = Connection::open(process.http).await,
            }
        }
        answers
    };
    let paths = ["/v1/verify", "/v1/rotate"];
    let asked = join_all((0..FLOOD).map(|number| ask(paths[number % 2])));
    let (took, answers) = join(changes(process, &keys[0], "flood"), asked).await;
    let seconds = start.elapsed().as_secs_f64();
    let operations = process.operations().await - operations;
    let answers: Vec<Answer> = answers.into_iter().flatten().collect();
    let denied: Vec<&Answer> = answers.iter().filter(|answer| answer.code == 429).collect();
    let quick = |answer: &&&Answer| answer.took <= Duration::from_millis(100);
    let quick = denied.iter().filter(quick).count();
    let what = format!(
        "the same while {FLOOD} connections ask {} times/s",
        answers.len() as u64 / RUN.as_secs()
    );
    row(&what, times(p99(took), quiet), "2x");
    let share = 100.0 * quick as f64 / denied.len() as f64;
    let what = format!(
        "denied: {} of {}; within 100 ms",
        denied.len(),
        answers.len()
    );
    row(&what, format!("{share:.1} %"), "95 %");
    row(
        "RSA operations for them, of those that the budget allows",
        format!("{:.2}", operations as f64 / seconds / BUDGET),
        "1",
    );
    row(
        "memory more than before",
        format!("{:.0} MiB", process.memory() - memory),
        "32 MiB",
    );
}

/// A thousand callers in ten seconds, each with 256 items that do not open, while new objects come.
async fn many_callers(process: &Process, keys: &[Fixture]) {
    let quiet = p50(&fresh(process, &keys[0], "alone").await);
    let other = sealed_secret("other").item("a", "b", &keys[0]);
    let bad = other.spec()["encryptedData"]["a"].take();
    let mut object = sealed_secret("db");
    for item in 0..256 {
        object = object.raw_item(&format!("i{item}"), bad.clone());
    }
    let body = object.object().to_string();
    let (operations, start) = (process.operations().await, Instant::now());
    let ask = async |caller: u32| {
        tokio::time::sleep(Duration::from_millis(10) * caller).await;
        process.post("/v1/verify", &caller.to_string(), &body).await
    };
    let asked = join_all((0..1000).map(ask));
    let (_, amid) = join(asked, fresh(process, &keys[0], "amid")).await;
    let seconds = start.elapsed().as_secs_f64();
    let operations = process.operations().await - operations;
    row(
        "a new Secret amid 1,000 callers with 256 bad items each, p50 of 20",
        times(p50(&amid), quiet),
        "2x",
    );
    let what =
        format!("RSA operations for them in {seconds:.0} s, of those that the budget allows");
    row(
        &what,
        format!("{:.2}", operations as f64 / seconds / BUDGET),
        "1",
    );
}

/// How long the Secrets of new objects take to come, one after the other; in order.
async fn fresh(process: &Process, key: &Fixture, name: &str) -> Vec<Duration> {
    let mut took = Vec::new();
    for number in 0..20 {
        tokio::time::sleep(Duration::from_millis(400)).await;
        took.push(one(process, key, &format!("{name}-{number}")).await);
    }
    took.sort();
    took
}

fn p50(times: &[Duration]) -> Duration {
    times[times.len() / 2]
}

async fn one(process: &Process, key: &Fixture, name: &str) -> Duration {
    let begun = Instant::now();
    let object = sealed_secret(name).item("a", "b", key).object();
    process.cluster.create(object).await;
    process.cluster.secret("shop", name).await;
    begun.elapsed()
}

/// The largest request, against 120 keys: nothing opens, all opens with the oldest key, only the last item does not.
async fn worst_requests(process: &Process, keys: &[Fixture]) {
    let (newest, oldest) = (&keys[0], &keys[KEYS - 1]);
    let stranger = Fixture::made_at(Timestamp::now());
    let large = |key: &Fixture, last: &Fixture| {
        let mut object = sealed_secret("db");
        for item in 0..ITEMS {
            object = object.item(&format!("item-{item:04}"), &"x".repeat(240), key);
        }
        object.item("last", "x", last).object().to_string()
    };
    let cases = [
        ("nothing opens", large(&stranger, &stranger), "4xx in 1 s"),
        ("all opens with the oldest", large(oldest, oldest), "200"),
        ("only the last does not", large(oldest, &stranger), "409"),
    ];
    for (what, body, bar) in cases {
        let name = what.replace(' ', "-");
        let mut attempts = 0;
        let (answer, operations, amid) = loop {
            attempts += 1;
            let before = process.operations().await;
            let asked = process.post("/v1/verify", what, &body);
            let begin = tokio::time::sleep(Duration::from_millis(10));
            let fresh = async {
                begin.await;
                one(process, newest, &format!("{name}-{attempts}")).await
            };
            let (answer, amid) = join(asked, fresh).await;
            let answer = answer.unwrap();
            if answer.code != 429 {
                break (answer, process.operations().await - before, amid);
            }
            tokio::time::sleep(Duration::from_secs(answer.retry_after)).await;
        };
        let size = body.len() as f64 / f64::from(1 << 20);
        let items = ITEMS + 1;
        let what = format!("{size:.1} MiB, {items} items, {KEYS} keys: {what}");
        let figure = format!(
            "{} in {}, {operations} operations; a Secret amid it in {}",
            answer.code,
            ms(answer.took),
            ms(amid)
        );
        row(&what, figure, bar);
    }
}

/// Connections that never ask: a header that never ends, nothing at all, a body that never ends.
async fn idlers(process: &Process) {
    let every = Some(Duration::from_secs(5));
    let body = b"POST /v1/verify HTTP/1.1\r\nHost: c\r\nContent-Length: 1000\r\n\r\nx";
    let kinds: [(usize, &[u8], _); 3] = [
        (1000, b"GET /h", every),
        (1000, b"", None),
        (200, body, every),
    ];
    let mut open = Vec::new();
    let start = Instant::now();
    for (count, said, every) in kinds {
        for _ in 0..count {
            let connection = Connection::open(process.http).await.unwrap();
            open.push(tokio::spawn(connection.until_closed(said, every)));
        }
    }
    let (mut slowest, mut probes) = (Duration::ZERO, 0);
    while open.iter().any(|task| !task.is_finished()) && start.elapsed() < Duration::from_secs(120)
    {
        let probe = Instant::now();
        assert_eq!(process.get("/healthz").await, Some(200));
        slowest = slowest.max(probe.elapsed());
        probes += 1;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let what = format!(
        "the slowest of {probes} probes amid {} connections that never ask",
        open.len()
    );
    row(&what, ms(slowest), "100 ms");
    row(
        "all of those gone after",
        format!("{:.0} s", start.elapsed().as_secs_f64()),
        "75 s",
    );
}
