//! Sends mutated requests for some seconds: `cargo run --release -p tests --example fuzz_requests -- 600 [SEED]`.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program to run by hand"
)]

use std::time::{Duration, Instant};

use tests::{Cluster, Fixture, Random};

#[path = "../raw/requests.rs"]
mod requests;

use requests::{check, impatient, mutate, seeds};

const AT_ONCE: usize = 64;

#[tokio::main]
async fn main() {
    // A task that panics closes its connection, which is a fair answer: so the panic itself is the finding.
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        tell(panic);
        std::process::exit(1);
    }));
    let mut args = std::env::args().skip(1).map_while(|arg| arg.parse().ok());
    let time = Duration::from_secs(args.next().unwrap_or(10));
    let mut random = Random(args.next().unwrap_or(0x5eed));
    let key = Fixture::rsa2048();
    let mut config = impatient(100_000);
    config.http.rsa_rate_limit = 10_000;
    let cluster = Cluster::start_with(config, &[&key]).await;
    let seeds = seeds(&key);
    let start = Instant::now();
    let mut count = 0;
    while start.elapsed() < time {
        let some: Vec<_> = std::iter::repeat_with(|| mutate(&mut random, &seeds))
            .take(AT_ONCE)
            .collect();
        let checks = some.iter().map(|request| check(&cluster, request));
        futures::future::join_all(checks).await;
        let answer = cluster.http("healthz").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
        count += AT_ONCE;
    }
    let told = cluster.metrics("metrics", "").await;
    let answered = told
        .lines()
        .filter(|line| line.contains("_http_requests_total{"));
    println!("{count} requests, no finding; answered:");
    answered.for_each(|line| println!("{line}"));
}
