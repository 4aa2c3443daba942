//! What the controller takes: memory beside many Secrets that are not its own, and the time from a key to the objects
//! that waited for it. On a real control plane, with the program as it is shipped.
//!
//! `make footprint` runs it, and prints rows for docs/performance.md.
#![expect(
    clippy::print_stdout,
    reason = "the result of a measurement is what it prints"
)]

use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream::iter;
use tests::{Cluster, Fixture, Process, is_real, key_secret};

const CONTROLLER: &str = "target/small/controller";
const OBJECTS: usize = 1_000;
/// So many foreign Secrets are there in turn.
const FOREIGN: [usize; 3] = [0, 2_500, 5_000];
const FOREIGN_BYTES: usize = 10 << 10;
const WAITING: usize = 100;
/// So many foreign Secrets are created at the same time.
const AT_ONCE: usize = 16;
/// Long enough for everything that a start brings, and for the allocator to settle.
const SETTLE: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() {
    assert!(
        is_real(),
        "`make footprint` runs this on a real control plane"
    );
    let (key, missing) = (Fixture::rsa4096(), Fixture::rsa2048());
    let cluster = Cluster::alone().await;
    cluster.create_secret(&key_secret(&key)).await;
    cluster.create_many("db", OBJECTS, &key).await;
    cluster.create_many("waiting", WAITING, &missing).await;
    let process = start(&cluster).await;
    cluster.become_synced(OBJECTS).await;
    println!("| foreign Secrets | state | resident | at most |\n|---|---|---|---|");
    tell(0, "all opened", &process).await;
    drop(process);

    let mut there = 0;
    for foreign in FOREIGN {
        create_foreign(&cluster, there..foreign).await;
        there = foreign;
        let process = start(&cluster).await;
        tell(foreign, "started in sync", &process).await;
    }

    let process = start(&cluster).await;
    tokio::time::sleep(SETTLE).await;
    let start = Instant::now();
    cluster.create_secret(&key_secret(&missing)).await;
    cluster.become_synced(OBJECTS + WAITING).await;
    let took = start.elapsed().as_millis();
    println!("\nfrom a key to the last of {WAITING} objects that waited for it: {took} ms");
    drop(process);
}

async fn start(cluster: &Cluster) -> Process {
    let process = Process::start(CONTROLLER, cluster, &["--key-renew-period=0"]).await;
    process.logs("Starting informer").await;
    process
}

async fn tell(foreign: usize, state: &str, process: &Process) {
    tokio::time::sleep(SETTLE).await;
    let megabytes = |field: &str| process.memory(field) / 1e6;
    let (now, most) = (megabytes("VmRSS"), megabytes("VmHWM"));
    println!("| {foreign} | {state} | {now:.1} MB | {most:.1} MB |");
}

async fn create_foreign(cluster: &Cluster, indices: std::ops::Range<usize>) {
    let value = "x".repeat(FOREIGN_BYTES);
    let create = |index: usize| {
        let (name, value) = (format!("foreign-{index}"), &value);
        async move { cluster.create_foreign(&name, &[("a", value)]).await }
    };
    iter(indices).for_each_concurrent(AT_ONCE, create).await;
}
