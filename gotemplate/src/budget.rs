//! How much a template may use, and how much of it is left.

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
    /// The work done: about one step for each action, element, or 64 bytes touched; slow functions weigh
    /// more, as [`BCRYPT_STEPS`] does.
    pub steps: u64,
    /// The bytes that all functions together may allocate, whether they are still in use or not.
    pub memory_bytes: usize,
}

/// What one `bcrypt` or `htpasswd` costs.
pub const BCRYPT_STEPS: u64 = 400_000;

impl Default for Limits {
    /// 1 MiB of source and of output; a second or two of work, 64 MiB, and a stack of 2 MiB suffices.
    fn default() -> Self {
        Self {
            source_bytes: 1 << 20,
            output_bytes: 1 << 20,
            nesting: 100,
            steps: 10_000_000,
            memory_bytes: 64 << 20,
        }
    }
}

/// What is left of the limits; templates that are rendered one after the other may share it.
#[derive(Debug)]
pub struct Budget {
    pub(crate) nesting: usize,
    pub(crate) output_bytes: usize,
    steps: u64,
    memory: usize,
}

impl Budget {
    /// A whole budget.
    pub fn new(limits: &Limits) -> Self {
        Self {
            nesting: limits.nesting,
            output_bytes: limits.output_bytes,
            steps: limits.steps,
            memory: limits.memory_bytes,
        }
    }

    /// Pays for work before it is done.
    pub(crate) fn spend(&mut self, steps: u64) -> Result<(), Fault> {
        self.steps = self
            .steps
            .checked_sub(steps)
            .ok_or(Fault::Budget(Resource::Steps))?;
        Ok(())
    }

    /// Pays for bytes before they are allocated, and for the work of filling them.
    pub(crate) fn allocate(&mut self, bytes: usize) -> Result<(), Fault> {
        self.memory = self
            .memory
            .checked_sub(bytes)
            .ok_or(Fault::Budget(Resource::Memory))?;
        self.spend(bytes as u64 / 64)
    }

    /// Refuses what stands too deep.
    pub(crate) fn check_depth(&self, depth: usize) -> Result<(), Fault> {
        if depth > self.nesting {
            Err(Fault::Budget(Resource::Nesting))
        } else {
            Ok(())
        }
    }

    /// A text of unknown length, which stops growing when the memory is used up.
    pub(crate) fn buffer(&self) -> Buffer {
        Buffer {
            bytes: Vec::new(),
            limit: self.memory,
            resource: Resource::Memory,
        }
    }
}

/// A growing text with a limit.
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    limit: usize,
    resource: Resource,
}

impl Buffer {
    pub(crate) fn for_output(limit: usize) -> Self {
        Self {
            bytes: Vec::new(),
            limit,
            resource: Resource::Output,
        }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        if bytes.len() > self.limit - self.bytes.len() {
            return Err(Fault::Budget(self.resource));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    pub(crate) fn fill(&mut self, byte: u8, count: usize) -> Result<(), Fault> {
        if count > self.limit - self.bytes.len() {
            return Err(Fault::Budget(self.resource));
        }
        self.bytes.resize(self.bytes.len() + count, byte);
        Ok(())
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}
