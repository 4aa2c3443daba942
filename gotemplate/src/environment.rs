//! What a template may see of the world: the time and randomness, both handed in.

use std::fmt;
use std::time::SystemTime;

/// Fills a buffer with random bytes, and tells whether it could.
pub type Randomness = fn(&mut [u8]) -> bool;

/// What a template may see of the world. By default nothing: `now` and the random functions fail.
#[derive(Clone, Copy, Default)]
pub struct Environment {
    /// The time that `now` gives, throughout one rendering.
    pub now: Option<SystemTime>,
    /// Where random functions take their bytes.
    pub random: Option<Randomness>,
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("now", &self.now)
            .field("random", &self.random.is_some())
            .finish()
    }
}
