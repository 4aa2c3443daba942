//! What scenarios stand on: a cluster with a controller in it, builders, and patience.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a scenario ends where its stage is broken"
)]

mod certificates;
mod cluster;
mod control_plane;
mod crowd;
mod ending;
mod kubectl;
mod kubeseal;
mod normal;
#[path = "../../sealing/tests/oracle/mod.rs"]
mod oracle;
mod process;
mod random;
mod requests;
mod scanner;
mod sealed_secret;
mod server;
mod tunnel;

use std::time::{Duration, Instant};

pub use cluster::{Cluster, KEY_NAMESPACE, SERVICE, key_secret, quiet};
pub use kubectl::Kubectl;
pub use kubeseal::{Ended, kubeseal};
pub use normal::Normal;
pub use oracle::Oracle;
pub use process::Process;
pub use random::Random;
pub use requests::Request;
pub use scanner::{Canary, Sink, find_leaks};
pub use sealed_secret::{Builder, Fixture, sealed_secret};
pub use server::{is_real, is_recording};

/// As long as a busy machine may need for the slowest of them.
const PATIENCE: Duration = Duration::from_secs(40);

/// Asks again and again until there is an answer.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(start.elapsed() < PATIENCE, "it never happened: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// How many private RSA operations were made for `work`, by what `/metrics` answered.
pub fn rsa_operations(metrics: &str, work: &str) -> u64 {
    let count = "sealed_secrets_controller_rsa_operation_duration_seconds_count";
    let series = format!("{count}{{for=\"{work}\"}} ");
    let mut counted = metrics
        .lines()
        .filter_map(|line| line.strip_prefix(&series));
    counted.next().unwrap().parse().unwrap()
}

/// Lets time go by for the controller, though not for the rest of the world.
pub async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}
