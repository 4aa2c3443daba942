/// What unsealing costs: private RSA operations. Whoever asks for it says how many it may be, and hears
/// of each.
pub trait Effort {
    /// One is about to be made; false if it may not.
    fn begin(&mut self) -> bool;

    /// It was made, and opened something or not.
    fn end(&mut self, opened: bool);
}

/// Enough operations for as many items as fit into one object.
pub struct Enough(usize);

impl Default for Enough {
    fn default() -> Self {
        Self(10_000)
    }
}

impl Effort for Enough {
    fn begin(&mut self) -> bool {
        let left = self.0.checked_sub(1);
        self.0 = left.unwrap_or(0);
        left.is_some()
    }

    fn end(&mut self, _: bool) {}
}
