//! How far a long piece of work is: told on a terminal, once it has taken a second, and wiped away.

use std::io::Write;
use std::pin::pin;
use std::time::{Duration, Instant};

use crate::{Io, parallel};

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

    /// Waits for an answer; what is waited for is all there is to tell.
    pub(crate) async fn waiting<T>(
        what: &'static str,
        answer: impl Future<Output = T>,
        io: &mut Io,
    ) -> T {
        let mut progress = Self::new(what, 0);
        let answer = progress.during(answer, io).await;
        progress.end(io);
        answer
    }

    /// Does what takes its time for one of them.
    pub(crate) async fn during<T>(&mut self, work: impl Future<Output = T>, io: &mut Io) -> T {
        if !io.stderr_is_terminal {
            return work.await;
        }
        let mut work = pin!(work);
        match tokio::time::timeout_at(self.next.into(), &mut work).await {
            Ok(done) => done,
            Err(_) => {
                self.show(io);
                work.await
            }
        }
    }

    /// Does the same work for many things, on all cores, and tells how many have been begun.
    pub(crate) fn through<T: Send, R: Send>(
        mut self,
        things: Vec<T>,
        work: impl Fn(T) -> R + Sync,
        io: &mut Io,
    ) -> Vec<R> {
        let results = parallel::map(things, work, |begun| self.reach(begun, io));
        self.end(io);
        results
    }

    /// One more is done.
    pub(crate) fn step(&mut self, io: &mut Io) {
        self.reach(self.done + 1, io);
    }

    /// So many are done.
    pub(crate) fn reach(&mut self, done: usize, io: &mut Io) {
        self.done = done;
        if io.stderr_is_terminal && Instant::now() >= self.next {
            self.show(io);
        }
    }

    // A closed stderr must not stop the work.
    fn show(&mut self, io: &mut Io) {
        self.next = Instant::now() + PAUSE;
        self.is_shown = true;
        let Self {
            what, done, total, ..
        } = self;
        let _ = match total {
            0 => write!(io.stderr, "\r{what}"),
            _ => write!(io.stderr, "\r{what} {done} of {total}"),
        };
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

    fn told_while_working(stderr_is_terminal: bool) -> String {
        let (mut io, printed) = Io::in_memory("");
        io.stderr_is_terminal = stderr_is_terminal;
        let count = 3 * parallel::cores();
        let mut progress = Progress::new("sealed", count);
        progress.next = Instant::now();
        let slow = |()| std::thread::sleep(PAUSE);
        progress.through(vec![(); count], slow, &mut io);
        printed.stderr()
    }

    #[test]
    fn tells_how_much_work_is_begun_and_wipes_it_away() {
        let told = told_while_working(true);
        assert!(told.starts_with("\rsealed "), "{told:?}");
        assert!(told.ends_with("\r\x1b[K"), "{told:?}");
        assert_eq!(told_while_working(false), "");
    }

    async fn told_while_waiting(stderr_is_terminal: bool, patience: Duration) -> String {
        let (mut io, printed) = Io::in_memory("");
        io.stderr_is_terminal = stderr_is_terminal;
        let mut progress = Progress::new("waiting", 0);
        progress.next = Instant::now() + patience;
        let answer = tokio::time::sleep(Duration::from_millis(20));
        progress.during(answer, &mut io).await;
        progress.end(&mut io);
        printed.stderr()
    }

    #[tokio::test]
    async fn tells_what_is_waited_for() {
        let told = told_while_waiting(true, Duration::ZERO).await;
        assert_eq!(told, "\rwaiting\r\x1b[K");
        assert_eq!(told_while_waiting(false, Duration::ZERO).await, "");
        assert_eq!(told_while_waiting(true, PATIENCE).await, "");
    }

    #[test]
    fn is_not_told_elsewhere_nor_at_once() {
        assert_eq!(told(false, Duration::ZERO), "");
        assert_eq!(told(true, PATIENCE), "");
    }
}
