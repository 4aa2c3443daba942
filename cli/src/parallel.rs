//! The same work for many things, on all cores, and the results in the order of the things.

use std::iter;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

const TOLD_EVERY: Duration = Duration::from_millis(100);

/// How many there are; asked once, since asking reads files.
pub(crate) fn cores() -> usize {
    static CORES: LazyLock<usize> =
        LazyLock::new(|| thread::available_parallelism().map_or(1, usize::from));
    *CORES
}

/// Tells `reach` now and then how many have been begun.
pub(crate) fn map<T: Send, R: Send>(
    things: Vec<T>,
    work: impl Fn(T) -> R + Sync,
    mut reach: impl FnMut(usize),
) -> Vec<R> {
    let count = things.len();
    let things = Mutex::new(things.into_iter().enumerate());
    let rest = || things.lock().unwrap_or_else(PoisonError::into_inner);
    let work_on_next = || {
        let next = rest().next(); // and nobody has to wait while it is worked on
        next.map(|(index, thing)| (index, work(thing)))
    };
    let threads = cores().min(count);
    if threads < 2 {
        let each = iter::from_fn(work_on_next).inspect(|(index, _)| reach(index + 1));
        return each.map(|(_, result)| result).collect();
    }
    let mut results: Vec<Option<R>> = Vec::new();
    results.resize_with(count, || None);
    let mut keep = |done: Vec<(usize, R)>| {
        for (index, result) in done {
            results[index] = Some(result);
        }
    };
    // This thread only waits: where it worked, too, two workers sometimes shared a core.
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..threads {
            let (sender, work_on_next) = (sender.clone(), &work_on_next);
            // All at once and not one by one, since each message wakes a thread. Sending fails only
            // once this function has ended.
            scope.spawn(move || sender.send(iter::from_fn(work_on_next).collect()));
        }
        drop(sender);
        loop {
            match receiver.recv_timeout(TOLD_EVERY) {
                Ok(done) => keep(done),
                Err(RecvTimeoutError::Timeout) => reach(count - rest().len()),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
    });
    results.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_order() {
        for count in [0, 1, 7, 8, 1000] {
            let things: Vec<usize> = (0..count).collect();
            let doubled = map(things.clone(), |n| n * 2, |_| {});
            let expected: Vec<usize> = things.iter().map(|n| n * 2).collect();
            assert_eq!(doubled, expected);
        }
    }

    #[test]
    fn tells_how_far_it_is() {
        let (mut told, count) = (Vec::new(), 3 * cores());
        let slow = |()| thread::sleep(TOLD_EVERY);
        map(vec![(); count], slow, |begun| told.push(begun));
        assert!(!told.is_empty() && told.is_sorted(), "{told:?}");
        assert!((1..=count).contains(&told[0]), "{told:?}");
    }

    #[test]
    #[should_panic(expected = "panicked")]
    fn passes_a_panic_on() {
        let things: Vec<usize> = (0..40).collect();
        map(things, |n| assert!(n != 30, "one panicked"), |_| {});
    }
}
