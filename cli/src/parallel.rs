//! The same work for many things, on all cores, and the results in the order of the things.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;

use crate::Io;
use crate::progress::{PAUSE, Progress};

/// Below this number a second thread costs more than it saves.
const FEW: usize = 8;

/// One for each core.
pub(crate) fn threads() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

pub(crate) fn map<T: Sync, R: Send>(
    things: &[T],
    work: impl Fn(&T) -> R + Sync,
    mut progress: Progress,
    io: &mut Io,
) -> Vec<R> {
    let threads = threads();
    if things.len() < FEW || threads == 1 {
        let step = |thing| {
            let result = work(thing);
            progress.step(io);
            result
        };
        let results = things.iter().map(step).collect();
        progress.end(io);
        return results;
    }
    let mut results: Vec<Option<R>> = Vec::new();
    results.resize_with(things.len(), || None);
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..threads {
            let (sender, next, work) = (sender.clone(), &next, &work);
            scope.spawn(move || {
                // Told once and not one by one, since each message wakes a thread.
                let mut done = Vec::new();
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(thing) = things.get(index) else {
                        break;
                    };
                    done.push((index, work(thing)));
                }
                // Nobody hears it only where this function has ended.
                let _ = sender.send(done);
            });
        }
        drop(sender);
        loop {
            match receiver.recv_timeout(PAUSE) {
                Ok(done) => {
                    for (index, result) in done {
                        results[index] = Some(result);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    progress.reach(next.load(Ordering::Relaxed).min(things.len()), io);
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
    });
    progress.end(io);
    results.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_order() {
        for count in [0, 1, 7, 8, 1000] {
            let things: Vec<usize> = (0..count).collect();
            let (mut io, _) = Io::in_memory("");
            let doubled = map(&things, |n| n * 2, Progress::new("done", count), &mut io);
            let expected: Vec<usize> = things.iter().map(|n| n * 2).collect();
            assert_eq!(doubled, expected);
        }
    }

    #[test]
    fn tells_how_far_it_is() {
        let (mut io, printed) = Io::in_memory("");
        io.stderr_is_terminal = true;
        let slow = |_: &usize| thread::sleep(5 * PAUSE);
        let progress = Progress::impatient("done", 40);
        map(&[0; 40], slow, progress, &mut io);
        let told = printed.stderr();
        assert!(told.starts_with("\rdone "), "{told:?}");
        assert!(told.ends_with("\r\x1b[K"), "{told:?}");
    }
}
