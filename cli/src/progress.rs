//! How far a long piece of work is: told on a terminal, once it has taken a second, and wiped away.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::Io;

const PATIENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(100);

pub(crate) struct Progress {
    what: &'static str,
    total: usize,
    done: usize,
    next: Instant,
    is_shown: bool,
}

impl Progress {
    /// Begins; `what` is done to each, as in `sealed 3 of 10`.
    pub(crate) fn new(what: &'static str, total: usize) -> Self {
        Self {
            what,
            total,
            done: 0,
            next: Instant::now() + PATIENCE,
            is_shown: false,
        }
    }

    /// One more is done. A closed stderr must not stop the work.
    pub(crate) fn step(&mut self, io: &mut Io) {
        self.done += 1;
        let now = Instant::now();
        if !io.stderr_is_terminal || now < self.next {
            return;
        }
        self.next = now + PAUSE;
        self.is_shown = true;
        let Self {
            what, done, total, ..
        } = self;
        let _ = write!(io.stderr, "\r{what} {done} of {total}");
        let _ = io.stderr.flush();
    }

    pub(crate) fn end(self, io: &mut Io) {
        if self.is_shown {
            let _ = write!(io.stderr, "\r\x1b[K");
            let _ = io.stderr.flush();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(stderr_is_terminal: bool, patience: Duration) -> String {
        let (mut io, printed) = Io::in_memory("");
        io.stderr_is_terminal = stderr_is_terminal;
        let mut progress = Progress::new("sealed", 2);
        progress.next = Instant::now() + patience;
        progress.step(&mut io);
        progress.step(&mut io);
        progress.end(&mut io);
        printed.stderr()
    }

    #[test]
    fn is_told_on_a_terminal_when_it_takes_long() {
        let told = told(true, Duration::ZERO);
        assert!(told.starts_with("\rsealed 1 of 2"), "{told:?}");
        assert!(told.ends_with("\r\x1b[K"), "{told:?}");
    }

    #[test]
    fn is_not_told_elsewhere_nor_at_once() {
        assert_eq!(told(false, Duration::ZERO), "");
        assert_eq!(told(true, PATIENCE), "");
    }
}
