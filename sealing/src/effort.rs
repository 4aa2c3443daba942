/// What unsealing costs: private RSA operations. Whoever asks for it says how many it may be, and hears
/// of each.
pub trait Effort {
    /// One is about to be made; false if it may not.
    fn begin(&mut self) -> bool;

    /// It was made, and opened something or not.
    fn end(&mut self, opened: bool);

    /// All is opened, and templates are rendered now: what follows depends on values.
    fn render(&mut self) {}
}

/// Allows so many private RSA operations.
pub struct Enough(usize);

impl Enough {
    /// Allows this many.
    pub fn after(operations: usize) -> Self {
        Self(operations)
    }
}

impl Default for Enough {
    /// Allows as many as the items that fit into one object.
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
