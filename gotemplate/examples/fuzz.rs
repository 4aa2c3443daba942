//! Renders mutated templates for some seconds: `cargo run --release --example fuzz -- 600 [SEED]`.
#![expect(
    clippy::print_stdout,
    clippy::panic,
    reason = "a program to run by hand"
)]

#[path = "../fuzz/mutate.rs"]
mod mutate;

use std::panic::catch_unwind;
use std::thread;
use std::time::{Duration, Instant};

fn main() {
    let mut args = std::env::args().skip(1).map_while(|arg| arg.parse().ok());
    let seconds = args.next().unwrap_or(10);
    let seed = args.next().unwrap_or(0x5eed);
    let fuzzer = thread::Builder::new().stack_size(2 << 20);
    let fuzzer = fuzzer.spawn(move || fuzz(Duration::from_secs(seconds), seed));
    match fuzzer.map(thread::JoinHandle::join) {
        Ok(Ok(count)) => println!(
            "{} templates, {} of them rendered, no finding",
            count.0, count.1
        ),
        _ => panic!("the fuzzer could not run"),
    }
}

/// How many templates were tried, and how many gave an output.
fn fuzz(time: Duration, seed: u64) -> (u64, u64) {
    let seeds = mutate::seeds();
    let mut random = mutate::Random(seed);
    let start = Instant::now();
    let (mut count, mut rendered) = (0, 0);
    while start.elapsed() < time {
        let template = mutate::mutate(&mut random, &seeds);
        let before = Instant::now();
        match catch_unwind(|| mutate::check(&template)) {
            Ok(is_rendered) => rendered += u64::from(is_rendered),
            Err(_) => panic!("finding: {template:?}"),
        }
        if before.elapsed() > Duration::from_secs(2) {
            panic!("slow: {template:?}");
        }
        count += 1;
    }
    (count, rendered)
}
