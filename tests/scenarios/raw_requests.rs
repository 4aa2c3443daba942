//! Bytes instead of requests: each is answered, or the connection is closed, and the controller goes on.

use tests::{Cluster, Fixture, Random};

#[path = "../raw/requests.rs"]
mod requests;

use requests::{check, impatient, mutate, seeds};

/// Sends them, many at a time.
async fn send(cluster: &Cluster, requests: &[Vec<u8>]) {
    for some in requests.chunks(100) {
        let checks = some.iter().map(|request| check(cluster, request));
        futures::future::join_all(checks).await;
    }
    let answer = cluster.http("healthz").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}

#[tokio::test]
async fn answers_every_request_or_closes_the_connection() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start_with(impatient(1000), &[&key]).await;
    let seeds = seeds(&key);
    assert!(seeds.len() >= 600, "{}", seeds.len());
    send(&cluster, &seeds).await;
}

#[tokio::test]
async fn answers_the_first_few_that_are_made_of_them() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start_with(impatient(1000), &[&key]).await;
    let seeds = seeds(&key);
    let mut random = Random(0x5eed);
    let requests: Vec<_> = std::iter::repeat_with(|| mutate(&mut random, &seeds))
        .take(1000)
        .collect();
    send(&cluster, &requests).await;
}
