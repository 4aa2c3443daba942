//! How long to wait before something is tried again: twice as long each time, between two bounds.

use std::time::Duration;

/// A pause after so many doublings of the shortest one, and never longer than the longest.
pub(crate) fn doubled([shortest, longest]: [Duration; 2], times: u32) -> Duration {
    shortest
        .saturating_mul(2_u32.saturating_pow(times))
        .min(longest)
}
