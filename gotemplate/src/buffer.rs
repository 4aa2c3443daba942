//! Texts that grow: paid for, and wiped wherever they stood.

use zeroize::Zeroizing;

use crate::budget::Budget;
use crate::error::{Fault, Resource};
use crate::text::Text;

/// A growing text, paid for from a budget's memory.
#[derive(Default)]
pub(crate) struct Buffer(Zeroizing<Vec<u8>>);

impl Buffer {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn write(&mut self, budget: &mut Budget, bytes: &[u8]) -> Result<(), Fault> {
        self.reserve(budget, bytes.len())?;
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    pub(crate) fn push(&mut self, budget: &mut Budget, c: char) -> Result<(), Fault> {
        self.write(budget, c.encode_utf8(&mut [0; 4]).as_bytes())
    }

    pub(crate) fn fill(
        &mut self,
        budget: &mut Budget,
        byte: u8,
        count: usize,
    ) -> Result<(), Fault> {
        self.reserve(budget, count)?;
        let length = self.0.len() + count;
        self.0.resize(length, byte);
        Ok(())
    }

    fn reserve(&mut self, budget: &mut Budget, more: usize) -> Result<(), Fault> {
        if let Some(capacity) = grown(&self.0, more) {
            budget.allocate(capacity)?;
            move_to(&mut self.0, capacity);
        }
        Ok(())
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<Buffer> for Text {
    fn from(buffer: Buffer) -> Self {
        Self::from(buffer.0)
    }
}

/// What a template puts out, up to a limit of its own.
pub(crate) struct Output {
    bytes: Zeroizing<Vec<u8>>,
    limit: usize,
}

impl Output {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            bytes: Zeroizing::default(),
            limit,
        }
    }

    pub(crate) fn write(&mut self, budget: &mut Budget, bytes: &[u8]) -> Result<(), Fault> {
        if bytes.len() > self.limit - self.bytes.len() {
            return Err(Fault::Budget(Resource::Output));
        }
        budget.spend(1 + bytes.len() as u64 / 32)?;
        if let Some(capacity) = grown(&self.bytes, bytes.len()) {
            move_to(&mut self.bytes, capacity);
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    pub(crate) fn into_bytes(mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }
}

/// The capacity for so many more bytes, if there is not enough.
fn grown(bytes: &Vec<u8>, more: usize) -> Option<usize> {
    let length = bytes.len().saturating_add(more);
    let is_enough = length <= bytes.capacity();
    (!is_enough).then(|| length.max(bytes.capacity() * 2).max(32))
}

/// Moves a text to a larger block; the block where it stood is wiped.
fn move_to(bytes: &mut Zeroizing<Vec<u8>>, capacity: usize) {
    let mut moved = Zeroizing::new(Vec::with_capacity(capacity));
    moved.extend_from_slice(bytes);
    *bytes = moved;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Limits;

    #[test]
    fn pays_for_every_block() {
        let limits = Limits {
            memory_bytes: 1024 + 512,
            ..Limits::default()
        };
        let mut budget = Budget::new(&limits);
        let mut buffer = Buffer::new();
        buffer.fill(&mut budget, b'x', 512).unwrap();
        buffer.write(&mut budget, b"y").unwrap();
        buffer.fill(&mut budget, b'x', 511).unwrap();
        let full = Err(Fault::Budget(Resource::Memory));
        assert_eq!(buffer.write(&mut budget, b"z"), full);
        assert_eq!(buffer.as_bytes().len(), 1024);
    }

    #[test]
    fn moves_a_text_without_growing_its_block() {
        // A block that a vector grows by itself would not be wiped.
        let mut budget = Budget::new(&Limits::default());
        let mut buffer = Buffer::new();
        for _ in 0..100 {
            let before = (buffer.0.as_ptr(), buffer.0.capacity());
            buffer.write(&mut budget, b"0123456789").unwrap();
            let after = (buffer.0.as_ptr(), buffer.0.capacity());
            assert!(before == after || after.1 >= 2 * before.1);
        }
    }

    #[test]
    fn an_output_has_a_limit_of_its_own() {
        let mut budget = Budget::new(&Limits {
            memory_bytes: 0,
            ..Limits::default()
        });
        let mut output = Output::new(3);
        output.write(&mut budget, b"abc").unwrap();
        let full = Err(Fault::Budget(Resource::Output));
        assert_eq!(output.write(&mut budget, b"d"), full);
        assert_eq!(output.into_bytes(), b"abc");
    }
}
