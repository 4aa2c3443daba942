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

/// So many operations of one object may open nothing.
const IN_VAIN: usize = 256;
/// So many items that open allow a search for another key.
const SEARCHES: usize = 4;

/// Allows every operation that opens something, and so many that do not. As many items as open, a valid
/// object has: it is finished, whatever its size.
pub struct Enough {
    /// So many more may open nothing.
    in_vain: usize,
    searches: usize,
    keys: usize,
}

impl Enough {
    /// For one object and so many keys. Where nothing opens that is 256 operations, or one with each key.
    ///
    /// Items of one object may be sealed to several keys, each of which has to be found: the first few
    /// that open allow as many operations again as there are keys, and every one that opens allows one.
    pub fn for_keys(keys: usize) -> Self {
        Self {
            in_vain: keys.max(IN_VAIN),
            searches: SEARCHES,
            keys,
        }
    }

    /// Sees to it that so many more may open nothing.
    pub fn at_least(&mut self, in_vain: usize) {
        self.in_vain = self.in_vain.max(in_vain);
    }
}

impl Default for Enough {
    /// For who has the keys and wants the values, at a desk.
    fn default() -> Self {
        Self {
            in_vain: 10_000,
            searches: 0,
            keys: 0,
        }
    }
}

impl Effort for Enough {
    fn begin(&mut self) -> bool {
        self.in_vain > 0
    }

    fn end(&mut self, opened: bool) {
        if !opened {
            self.in_vain = self.in_vain.saturating_sub(1);
            return;
        }
        self.in_vain += 1;
        if let Some(left) = self.searches.checked_sub(1) {
            self.searches = left;
            self.in_vain += self.keys;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many operations it allows when each ends like this.
    fn allowed(enough: &mut Enough, opened: bool) -> usize {
        let operations = (0..10_000).take_while(|_| {
            let begun = enough.begin();
            enough.end(opened);
            begun
        });
        operations.count()
    }

    #[test]
    fn what_opens_nothing_costs_256_operations_or_one_with_each_key() {
        assert_eq!(allowed(&mut Enough::for_keys(1), false), 256);
        assert_eq!(allowed(&mut Enough::for_keys(300), false), 300);
    }

    #[test]
    fn what_opens_is_never_too_much() {
        assert_eq!(allowed(&mut Enough::for_keys(1), true), 10_000);
    }

    #[test]
    fn a_few_keys_can_be_found_for_the_items_of_one_object() {
        let mut enough = Enough::for_keys(120);
        for _ in 0..5 {
            for opened in [false; 119].into_iter().chain([true]) {
                assert!(enough.begin());
                enough.end(opened);
            }
        }
        assert_eq!(allowed(&mut enough, false), 256 + 4 * 120 + 5 - 5 * 119);
    }

    #[test]
    fn a_search_has_a_share_of_its_own() {
        let mut enough = Enough::for_keys(1);
        allowed(&mut enough, false);
        enough.at_least(64);
        assert_eq!(allowed(&mut enough, false), 64);
        let mut enough = Enough::for_keys(1);
        enough.at_least(64);
        assert_eq!(allowed(&mut enough, false), 256);
    }
}
