//! Lines on their way to something that may stall, as a pipe does that nobody reads: a thread of its own
//! writes them, and who has a line to tell waits for nothing.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// So many bytes may wait.
pub(crate) const WAITING: usize = 4 << 20;
/// The end of the process waits this long for what is on its way.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);

/// The near end; when it is dropped, what waits is still written.
pub(crate) struct Outlet(Arc<Shared>);

struct Shared {
    queue: Mutex<Queue>,
    moved: Condvar,
    most: usize,
}

#[derive(Default)]
struct Queue {
    lines: VecDeque<Box<[u8]>>,
    bytes: usize,
    is_writing: bool,
    /// How many lines found no room since the last one that was written.
    lost: u64,
    is_closed: bool,
}

impl Outlet {
    /// Starts a thread that calls `write` for each line in turn, with the number of lines that were lost
    /// since the one before.
    pub(crate) fn start(
        name: &str,
        most: usize,
        mut write: impl FnMut(&[u8], u64) + Send + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            moved: Condvar::new(),
            most,
        });
        let far_end = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name(name.to_owned());
        thread.spawn(move || {
            while let Some((line, lost)) = far_end.next() {
                write(&line, lost);
            }
        })?;
        Ok(Self(shared))
    }

    /// Sends a line on its way; false if it is lost, since too much waits already.
    pub(crate) fn send(&self, line: &[u8]) -> bool {
        let mut queue = self.0.lock();
        if queue.bytes + line.len() > self.0.most {
            queue.lost += 1;
            return false;
        }
        queue.bytes += line.len();
        queue.lines.push_back(line.into());
        self.0.moved.notify_all();
        true
    }

    /// Waits until all is written, though not for long.
    pub(crate) fn flush(&self, patience: Duration) {
        let deadline = Instant::now() + patience;
        let mut queue = self.0.lock();
        while queue.is_writing || !queue.lines.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = self.0.moved.wait_timeout(queue, left);
            queue = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        self.0.lock().is_closed = true;
        self.0.moved.notify_all();
    }
}

impl Shared {
    /// Waits for a line; none when no more will come. The one before is written then.
    fn next(&self) -> Option<(Box<[u8]>, u64)> {
        let mut queue = self.lock();
        queue.is_writing = false;
        self.moved.notify_all();
        loop {
            if let Some(line) = queue.lines.pop_front() {
                queue.bytes -= line.len();
                queue.is_writing = true;
                return Some((line, std::mem::take(&mut queue.lost)));
            }
            if queue.is_closed {
                return None;
            }
            let waited = self.moved.wait(queue);
            queue = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// An outlet that says when it begins to write, and then waits until `go_on` is gone.
    struct Stalling {
        outlet: Outlet,
        began: Receiver<()>,
        go_on: Sender<()>,
        written: Receiver<(String, u64)>,
    }

    fn stalling(most: usize) -> Stalling {
        let (begin, began) = channel();
        let (go_on, wait) = channel();
        let (tell, written) = channel();
        let write = move |line: &[u8], lost| {
            _ = begin.send(());
            _ = wait.recv();
            _ = tell.send((String::from_utf8_lossy(line).into_owned(), lost));
        };
        Stalling {
            outlet: Outlet::start("test", most, write).unwrap(),
            began,
            go_on,
            written,
        }
    }

    #[test]
    fn nobody_waits_for_what_stalls_and_what_is_lost_is_counted() {
        let stalling = stalling(10);
        let told = |line: &str| stalling.outlet.send(line.as_bytes());
        assert!(told("one"));
        stalling.began.recv().unwrap();
        assert!(told("three") && told("fours"));
        assert!(!told("x") && !told("y"));
        stalling.outlet.flush(Duration::ZERO);
        drop(stalling.go_on);
        let line = |line: &str, lost| (line.to_owned(), lost);
        let written: Vec<_> = stalling.written.iter().take(3).collect();
        assert_eq!(
            written,
            [line("one", 0), line("three", 2), line("fours", 0)]
        );
        assert!(told("again"));
        assert_eq!(stalling.written.recv().unwrap(), line("again", 0));
    }

    #[test]
    fn writes_what_waits_before_it_ends() {
        let stalling = stalling(1000);
        for _ in 0..10 {
            stalling.outlet.send(b"line");
        }
        drop(stalling.go_on);
        drop(stalling.outlet);
        assert_eq!(stalling.written.iter().count(), 10);
    }

    #[test]
    fn a_flush_waits_until_all_is_written() {
        let stalling = stalling(1000);
        stalling.outlet.send(b"line");
        drop(stalling.go_on);
        stalling.outlet.flush(Duration::from_secs(60));
        assert_eq!(stalling.written.try_iter().count(), 1);
    }
}
