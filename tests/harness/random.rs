//! Chance that can be had again.

/// A source of numbers that a seed determines, which is not zero (xorshift).
pub struct Random(pub u64);

impl Random {
    /// A number below this one.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.max(1) as u64) as usize
    }
}
