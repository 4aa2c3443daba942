//! How many objects are worked on at once, and how many of one namespace.

use std::collections::HashMap;

/// So many objects are worked on at once; most of their time is the API server's.
pub const SLOTS: usize = 40;
/// A namespace takes another slot only while it has fewer than this many times those that are free. So one
/// alone has up to 32, two have some 18 each, and for the next to come there is always one.
const TIMES: usize = 4;

/// The objects that are worked on, by namespace.
pub(crate) struct Slots {
    free: usize,
    taken: HashMap<String, usize>,
}

impl Default for Slots {
    fn default() -> Self {
        Self {
            free: SLOTS,
            taken: HashMap::new(),
        }
    }
}

impl Slots {
    pub(crate) fn are_taken(&self) -> bool {
        self.free == 0
    }

    /// Whether a namespace may have one more.
    pub(crate) fn has_room(&self, namespace: &str) -> bool {
        let taken = self.taken.get(namespace).copied().unwrap_or(0);
        taken < TIMES * self.free
    }

    pub(crate) fn take(&mut self, namespace: &str) {
        self.free = self.free.saturating_sub(1);
        *self.taken.entry(namespace.to_owned()).or_default() += 1;
    }

    pub(crate) fn free(&mut self, namespace: &str) {
        let Some(taken) = self.taken.get_mut(namespace) else {
            return;
        };
        *taken -= 1;
        if *taken == 0 {
            self.taken.remove(namespace);
        }
        self.free += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Has these namespaces take what they can in turn, and says how many slots each has got.
    fn share(slots: &mut Slots, namespaces: &[&str]) -> Vec<usize> {
        while let Some(namespace) = namespaces
            .iter()
            .find(|namespace| slots.has_room(namespace))
        {
            slots.take(namespace);
        }
        let taken = |namespace: &&str| slots.taken.get(*namespace).copied().unwrap_or(0);
        namespaces.iter().map(taken).collect()
    }

    #[test]
    fn a_namespace_alone_leaves_some_for_others() {
        let mut slots = Slots::default();
        assert_eq!(share(&mut slots, &["a"]), [32]);
        assert!(slots.has_room("b"));
    }

    #[test]
    fn who_has_most_gets_none_back_until_others_have_about_as_much() {
        let mut slots = Slots::default();
        share(&mut slots, &["a"]);
        for _ in 0..40 {
            slots.free("a");
            share(&mut slots, &["a", "b"]);
        }
        assert_eq!(share(&mut slots, &["a", "b"]), [20, 16]);
        assert!(slots.has_room("c"));
    }

    #[test]
    fn remembers_no_namespace_without_a_slot() {
        let mut slots = Slots::default();
        slots.take("a");
        slots.free("a");
        assert!(slots.taken.is_empty() && slots.free == SLOTS);
    }
}
