//! What every namespace had of the cores, and what follows from it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::queue::Urgency;

/// New work goes before old until its namespace has had this much more than others.
const HEAD_START: Duration = Duration::from_secs(1);
/// Who comes is ahead by this much, and who has a core keeps it until as much behind.
pub(super) const SLICE: Duration = Duration::from_millis(20);

/// Who had how much.
pub(super) struct Shares {
    claims: u64,
    working: Vec<(Claim, Instant)>,
    /// Of those that have claims, and of those that had so much that it matters when they come again.
    accounts: HashMap<Arc<str>, Account>,
    /// What who has least of those with claims has had; who comes is not behind by more than a slice.
    least: Duration,
}

/// Who wants a core or has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    namespace: Arc<str>,
    urgency: Urgency,
    /// The smaller one came first.
    number: u64,
}

struct Account {
    had: Duration,
    claims: usize,
}

impl Default for Shares {
    fn default() -> Self {
        Self {
            claims: 0,
            working: Vec::new(),
            accounts: HashMap::new(),
            least: SLICE,
        }
    }
}

impl Shares {
    /// Somebody comes.
    pub(super) fn claim(&mut self, namespace: &str, urgency: Urgency) -> Claim {
        self.claims += 1;
        let claim = Claim {
            namespace: namespace.into(),
            urgency,
            number: self.claims,
        };
        self.claim_again(&claim);
        claim
    }

    /// Who has a core is to get another after it.
    pub(super) fn claim_again(&mut self, claim: &Claim) {
        let start = self.least.saturating_sub(SLICE);
        let account = self.accounts.entry(Arc::clone(&claim.namespace));
        let account = account.or_insert(Account {
            had: start,
            claims: 0,
        });
        account.had = account.had.max(start);
        account.claims += 1;
    }

    /// Who waited gets a core.
    pub(super) fn begin(&mut self, claim: &Claim, now: Instant) {
        self.working.push((claim.clone(), now));
    }

    /// Who had a core gives it back.
    pub(super) fn end(&mut self, claim: &Claim, now: Instant) {
        self.charge(now);
        // One: who gave way may have another already.
        if let Some(at) = self.working.iter().position(|(works, _)| works == claim) {
            self.working.swap_remove(at);
        }
        if let Some(account) = self.accounts.get_mut(&claim.namespace) {
            account.claims -= 1;
        }
        // What others had matters to those who wait, and to nobody otherwise.
        let matters = self.accounts.values().any(|account| account.claims > 0);
        let start = self.least.saturating_sub(SLICE);
        self.accounts
            .retain(|_, account| account.claims > 0 || matters && account.had > start);
    }

    /// Charges those who work up to now.
    pub(super) fn charge(&mut self, now: Instant) {
        for (claim, since) in &mut self.working {
            if let Some(account) = self.accounts.get_mut(&claim.namespace) {
                account.had += now.saturating_duration_since(*since);
            }
            *since = now;
        }
        let active = self.accounts.values().filter(|account| account.claims > 0);
        let least = active.map(|account| account.had).min();
        self.least = self.least.max(least.unwrap_or_default());
    }

    /// Where a claim stands; the first gets the next core.
    pub(super) fn place(&self, claim: &Claim) -> (Duration, u64) {
        (self.rank(claim), claim.number)
    }

    /// Whether who waits should go on instead of who works.
    pub(super) fn is_far_behind(&self, waits: &Claim, works: &Claim) -> bool {
        self.rank(waits) + SLICE <= self.rank(works)
    }

    pub(super) fn working(&self) -> impl Iterator<Item = &Claim> {
        self.working.iter().map(|(claim, _)| claim)
    }

    fn rank(&self, claim: &Claim) -> Duration {
        let had = self.accounts.get(&claim.namespace);
        let had = had.map_or(Duration::ZERO, |account| account.had);
        match claim.urgency {
            Urgency::Fresh => had,
            Urgency::Backlog => had + HEAD_START,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_empty(shares: &Shares) -> bool {
        shares.accounts.is_empty() && shares.working.is_empty()
    }

    #[test]
    fn remembers_what_a_namespace_had_for_as_long_as_others_have_claims() {
        let (mut shares, start) = (Shares::default(), Instant::now());
        let [a, b] = ["a", "b"].map(|namespace| shares.claim(namespace, Urgency::Fresh));
        shares.begin(&a, start);
        let later = start + Duration::from_secs(9);
        shares.end(&a, later);
        let a = shares.claim("a", Urgency::Fresh);
        assert!(shares.is_far_behind(&b, &a));
        shares.end(&a, later);
        shares.end(&b, later);
        assert!(is_empty(&shares));
    }

    #[test]
    fn who_comes_is_ahead_of_who_works_but_not_of_another_who_came() {
        let (mut shares, start) = (Shares::default(), Instant::now());
        let come = |shares: &mut Shares, namespace| shares.claim(namespace, Urgency::Fresh);
        let [works, waits] = [(); 2].map(|()| come(&mut shares, "long"));
        shares.begin(&works, start);
        shares.charge(start + Duration::from_secs(1));
        assert!(!shares.is_far_behind(&waits, &works));
        let first = come(&mut shares, "first");
        assert!(shares.is_far_behind(&first, &works));
        shares.begin(&first, start + Duration::from_secs(1));
        let second = come(&mut shares, "second");
        assert!(!shares.is_far_behind(&second, &first));
        shares.charge(start + Duration::from_secs(1) + 2 * SLICE);
        assert!(shares.is_far_behind(&second, &first));
    }

    #[test]
    fn new_work_is_ahead_of_old_work_of_its_own_namespace() {
        let mut shares = Shares::default();
        let old = shares.claim("a", Urgency::Backlog);
        let new = shares.claim("a", Urgency::Fresh);
        assert!(shares.is_far_behind(&new, &old));
    }
}
