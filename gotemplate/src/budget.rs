//! How much a template may use, and how much of it is left.

use std::time::{Duration, Instant};

use crate::error::{Fault, Resource};

/// How much a template may use.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The longest source that is parsed, in bytes.
    pub source_bytes: usize,
    /// The longest output, in bytes, of all templates that share a budget.
    pub output_bytes: usize,
    /// How deep actions, parentheses, template calls and values stand in one another.
    pub nesting: usize,
    /// The work done: about one step for each node, word, field and element, and for 16 bytes that a
    /// function is given; slow functions weigh more, as [`BCRYPT_STEPS`] does. A step is a tenth of a
    /// microsecond or less.
    pub steps: u64,
    /// The bytes that parsing and all functions together may allocate, whether they are still in use or not.
    pub memory_bytes: usize,
    /// How long all templates that share a budget may take, by the clock that [`Budget::timed`] is given.
    pub time: Duration,
}

/// What one `bcrypt` or `htpasswd` costs.
pub const BCRYPT_STEPS: u64 = 500_000;

/// The most that is done without a look at the clock: less than a tenth of a second, or a few tenths in a
/// program that is not optimised.
const AT_ONCE: u64 = BCRYPT_STEPS;
/// After so many steps the clock is read again.
const BETWEEN_LOOKS: u64 = 1_000;
/// What the allocator needs for itself, roughly.
const BLOCK: usize = 16;

/// A clock that never goes back, such as [`Instant::now`].
pub type Clock = fn() -> Instant;

impl Default for Limits {
    /// 1 MiB of source and of output; a second or two of work, 64 MiB, and a stack of 2 MiB suffices.
    fn default() -> Self {
        Self {
            source_bytes: 1 << 20,
            output_bytes: 1 << 20,
            nesting: 100,
            steps: 10_000_000,
            memory_bytes: 64 << 20,
            time: Duration::from_secs(2),
        }
    }
}

/// What is left of the limits; templates that are parsed and rendered one after the other may share it.
#[derive(Debug)]
pub struct Budget {
    pub(crate) nesting: usize,
    pub(crate) source_bytes: usize,
    pub(crate) output_bytes: usize,
    steps: u64,
    memory: usize,
    deadline: Option<(Clock, Instant)>,
    /// With fewer steps left the clock is read: never, without a deadline.
    look_below: u64,
}

impl Budget {
    /// A whole budget, which knows no time.
    pub fn new(limits: &Limits) -> Self {
        Self {
            nesting: limits.nesting,
            source_bytes: limits.source_bytes,
            output_bytes: limits.output_bytes,
            steps: limits.steps,
            memory: limits.memory_bytes,
            deadline: None,
            look_below: 0,
        }
    }

    /// A whole budget whose time runs from now on: what is still to be parsed or rendered when it is over
    /// fails with [`Resource::Time`].
    pub fn timed(limits: &Limits, clock: Clock) -> Self {
        let deadline = clock().checked_add(limits.time);
        Self {
            deadline: deadline.map(|deadline| (clock, deadline)),
            look_below: u64::MAX,
            ..Self::new(limits)
        }
    }

    /// The steps that are left.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The bytes that are left to allocate.
    pub fn memory_bytes(&self) -> usize {
        self.memory
    }

    /// Pays for work before it is done.
    pub(crate) fn spend(&mut self, steps: u64) -> Result<(), Fault> {
        self.steps = self
            .steps
            .checked_sub(steps)
            .ok_or(Fault::Budget(Resource::Steps))?;
        if self.steps < self.look_below {
            self.look()?;
        }
        Ok(())
    }

    /// Pays for work during which nobody looks at the clock.
    pub(crate) fn spend_at_once(&mut self, steps: u64) -> Result<(), Fault> {
        if steps > AT_ONCE {
            return Err(Fault::Budget(Resource::Steps));
        }
        self.spend(steps)
    }

    /// Whether there is still time; once there is none, there never will be.
    fn look(&mut self) -> Result<(), Fault> {
        self.look_below = match self.deadline {
            None => 0,
            Some((clock, deadline)) if clock() < deadline => {
                self.steps.saturating_sub(BETWEEN_LOOKS)
            }
            Some(_) => {
                self.look_below = u64::MAX;
                return Err(Fault::Budget(Resource::Time));
            }
        };
        Ok(())
    }

    /// Pays for bytes before they are allocated, and for the work of filling them.
    pub(crate) fn allocate(&mut self, bytes: usize) -> Result<(), Fault> {
        self.memory = self
            .memory
            .checked_sub(bytes)
            .ok_or(Fault::Budget(Resource::Memory))?;
        self.spend(1 + bytes as u64 / 64)
    }

    /// Adds an element to a list, which is paid for as it grows.
    pub(crate) fn push<T>(&mut self, list: &mut Vec<T>, element: T) -> Result<(), Fault> {
        if list.len() == list.capacity() {
            let more = list.len().max(1);
            let bytes = (list.len() + more).saturating_mul(size_of::<T>());
            self.allocate(bytes.saturating_add(BLOCK))?;
            list.reserve_exact(more);
        }
        list.push(element);
        Ok(())
    }

    /// Refuses what stands too deep.
    pub(crate) fn check_depth(&self, depth: usize) -> Result<(), Fault> {
        if depth > self.nesting {
            Err(Fault::Budget(Resource::Nesting))
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::LazyLock;

    use super::*;

    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    thread_local! {
        static READINGS: Cell<u64> = const { Cell::new(0) };
    }

    /// A millisecond passes with each reading.
    fn clock() -> Instant {
        let readings = READINGS.get() + 1;
        READINGS.set(readings);
        *START + Duration::from_millis(readings)
    }

    fn timed(steps: u64, millis: u64) -> Budget {
        let limits = Limits {
            steps,
            time: Duration::from_millis(millis),
            ..Limits::default()
        };
        Budget::timed(&limits, clock)
    }

    #[test]
    fn ends_when_its_time_is_over_and_stays_so() {
        let mut budget = timed(u64::MAX, 5);
        let over = Err(Fault::Budget(Resource::Time));
        let spent = (0..100_000).find(|_| budget.spend(1) == over);
        assert_eq!(spent, Some(4 * BETWEEN_LOOKS as usize + 4));
        assert_eq!(budget.spend(1), over);
        assert_eq!(budget.allocate(1), over);
    }

    #[test]
    fn reads_the_clock_every_so_many_steps() {
        let mut budget = timed(1_000_000, 1_000_000);
        let before = READINGS.get();
        for _ in 0..100_000 {
            budget.spend(1).unwrap();
        }
        assert!(READINGS.get() - before <= 100);
        let before = READINGS.get();
        for _ in 0..100 {
            budget.spend(5_000).unwrap();
        }
        assert_eq!(READINGS.get() - before, 100);
    }

    #[test]
    fn knows_no_time_without_a_clock() {
        let before = READINGS.get();
        let mut budget = Budget::new(&Limits {
            time: Duration::ZERO,
            ..Limits::default()
        });
        for _ in 0..10_000 {
            budget.spend(100).unwrap();
        }
        assert_eq!(READINGS.get(), before);
    }

    #[test]
    fn refuses_what_would_take_too_long_without_a_look_at_the_clock() {
        let mut budget = Budget::new(&Limits::default());
        let refused = Err(Fault::Budget(Resource::Steps));
        assert_eq!(budget.spend_at_once(AT_ONCE + 1), refused);
        assert_eq!(budget.spend_at_once(AT_ONCE), Ok(()));
    }

    #[test]
    fn a_list_is_paid_for_as_it_grows() {
        let mut budget = Budget::new(&Limits::default());
        let mut list: Vec<u64> = Vec::new();
        for i in 0..1000 {
            budget.push(&mut list, i).unwrap();
        }
        let paid = Limits::default().memory_bytes - budget.memory;
        // Each block was twice as large as the one before.
        assert_eq!(list.capacity(), 1024);
        assert_eq!(paid, (2 * 1024 - 1) * 8 + 11 * BLOCK);
    }
}
