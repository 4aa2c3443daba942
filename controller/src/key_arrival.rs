//! A key that comes may open what failed, wherever it comes from.

use crate::key_ring::KeyRing;
use crate::queue::Queue;

/// Brings what failed back whenever there is a key that was not there before, for ever.
pub(crate) async fn retry(keys: &KeyRing, queue: &Queue) {
    let mut known = 0;
    loop {
        known = keys.more_than(known).await;
        queue.retry_failed();
    }
}
