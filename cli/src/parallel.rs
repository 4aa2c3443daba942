//! The same work for many things, on all cores, and the results in the order of the things.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use crate::Io;
use crate::progress::Progress;

/// Below this number a second thread costs more than it saves.
const FEW: usize = 8;

pub(crate) fn map<T: Sync, R: Send>(
    things: &[T],
    work: impl Fn(&T) -> R + Sync,
    mut progress: Progress,
    io: &mut Io,
) -> Vec<R> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let mut results: Vec<Option<R>> = Vec::new();
    results.resize_with(things.len(), || None);
    if things.len() < FEW || threads == 1 {
        for (thing, result) in things.iter().zip(&mut results) {
            *result = Some(work(thing));
            progress.step(io);
        }
    } else {
        let next = AtomicUsize::new(0);
        let (sender, receiver) = mpsc::channel();
        thread::scope(|scope| {
            for _ in 0..threads {
                let (sender, next, work) = (sender.clone(), &next, &work);
                scope.spawn(move || {
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        let Some(thing) = things.get(index) else {
                            break;
                        };
                        if sender.send((index, work(thing))).is_err() {
                            break;
                        }
                    }
                });
            }
            drop(sender);
            for (index, result) in receiver {
                results[index] = Some(result);
                progress.step(io);
            }
        });
    }
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
}
