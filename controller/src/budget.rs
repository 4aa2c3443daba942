//! What requests may cost, in private RSA operations: for all of them together, and for each peer.
//!
//! A request is let in while nothing is owed, and pays as it goes, so that one large request may run into
//! debt. No header changes who pays.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Callers behind the API server's proxy share one address: it gets three quarters of the whole.
const PEER_SHARE: [u32; 2] = [3, 4];
/// So many peers are told apart at once; for more of them only the whole counts.
const PEERS: usize = 4096;
/// What is saved up while nobody asks.
const SAVED: Duration = Duration::from_secs(1);

/// The account of the HTTP paths.
pub(crate) struct Budget {
    /// What one operation costs the whole, and a peer, in time.
    price: Duration,
    peer_price: Duration,
    accounts: Mutex<Accounts>,
}

#[derive(Default)]
struct Accounts {
    whole: Account,
    peers: HashMap<IpAddr, Account>,
}

/// Until when everything is paid for.
#[derive(Clone, Copy, Default)]
struct Account(Option<Instant>);

impl Budget {
    pub(crate) fn new(operations_per_second: u32) -> Self {
        let price = Duration::from_secs(1) / operations_per_second.max(1);
        let [share, whole] = PEER_SHARE;
        Self {
            price,
            peer_price: price * whole / share,
            accounts: Mutex::default(),
        }
    }

    /// How long a peer has to wait before another request of its is let in; none for not at all.
    pub(crate) fn wait(&self, peer: IpAddr, now: Instant) -> Option<Duration> {
        let accounts = self.lock();
        let peer = accounts.peers.get(&peer).copied().unwrap_or_default();
        [accounts.whole, peer]
            .into_iter()
            .filter_map(|account| account.debt(now))
            .max()
    }

    /// Charges a peer, and the whole.
    pub(crate) fn spend(&self, peer: IpAddr, operations: u32, now: Instant) {
        let mut accounts = self.lock();
        accounts.whole.charge(self.price * operations, now);
        let peers = &mut accounts.peers;
        if peers.len() >= PEERS && !peers.contains_key(&peer) {
            peers.retain(|_, account| account.0 > Some(now));
        }
        if peers.len() < PEERS || peers.contains_key(&peer) {
            let account = peers.entry(peer).or_default();
            account.charge(self.peer_price * operations, now);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Accounts> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Account {
    fn charge(&mut self, cost: Duration, now: Instant) {
        let paid_until = self.0.map_or(now, |until| until.max(now));
        self.0 = Some(paid_until + cost);
    }

    fn debt(self, now: Instant) -> Option<Duration> {
        let owed = self.0?.saturating_duration_since(now);
        owed.checked_sub(SAVED).filter(|debt| !debt.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn peer(number: u32) -> IpAddr {
        Ipv4Addr::from(number).into()
    }

    /// How many operations go through in this time, if everybody asks for one at a time without end.
    fn operations(peers: u32, time: Duration) -> u32 {
        let budget = Budget::new(100);
        let start = Instant::now();
        let (mut now, mut count) = (start, 0);
        while now < start + time {
            for number in 0..peers {
                if budget.wait(peer(number), now).is_none() {
                    budget.spend(peer(number), 1, now);
                    count += 1;
                }
            }
            now += Duration::from_millis(10);
        }
        count
    }

    #[test]
    fn holds_for_all_peers_together_and_for_each() {
        let ten_seconds = Duration::from_secs(10);
        // what was saved up, and one request that was let in before it ran out
        assert!((1000..=1102).contains(&operations(5000, ten_seconds)));
        assert!((750..=827).contains(&operations(1, ten_seconds)));
    }

    #[test]
    fn says_how_long_a_large_request_is_owed_for() {
        let budget = Budget::new(100);
        let now = Instant::now();
        assert_eq!(budget.wait(peer(1), now), None);
        budget.spend(peer(1), 300, now);
        let wait = |number| budget.wait(peer(number), now).map(|wait| wait.as_millis());
        assert_eq!((wait(1), wait(2)), (Some(2999), Some(2000)));
        let later = now + Duration::from_secs(3);
        assert_eq!(budget.wait(peer(1), later), None);
    }
}
