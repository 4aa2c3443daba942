//! The fuzz target on its corpus, and on the first few templates that it makes of it.
#![expect(
    clippy::unwrap_used,
    reason = "a thread that cannot start is a failed test"
)]

#[path = "../fuzz/mutate.rs"]
mod mutate;

use std::thread;

fn on_a_small_stack(run: fn()) {
    let thread = thread::Builder::new().stack_size(2 << 20);
    thread.spawn(run).unwrap().join().unwrap();
}

#[test]
fn holds_for_its_corpus() {
    on_a_small_stack(|| {
        let rendered = mutate::seeds()
            .iter()
            .filter(|seed| mutate::check(seed))
            .count();
        assert!(rendered > 5000);
    });
}

#[test]
fn holds_for_mutations() {
    on_a_small_stack(|| {
        let seeds = mutate::seeds();
        let mut random = mutate::Random(1);
        for _ in 0..3000 {
            mutate::check(&mutate::mutate(&mut random, &seeds));
        }
    });
}
