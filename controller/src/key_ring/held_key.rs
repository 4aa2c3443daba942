//! One key of the ring, and the Secrets that hold it.

use std::cmp::Reverse;
use std::sync::Arc;

use jiff::Timestamp;
use sealing::{Certificate, Fingerprint, PrivateKey};

/// A key, which several Secrets may hold: a backup is a copy, and when it goes the key stays.
pub(super) struct Key {
    pub(super) private: Arc<PrivateKey>,
    /// When this process made it; the beginning of time for the keys of others.
    made: Timestamp,
    /// Whether it was ever sealed to. One that never was may be known to whoever planted it.
    pub(super) vouches: bool,
    /// Never empty, the one that counts first. The last to go stays, inactive: it says what is known of the key.
    holders: Vec<Holder>,
}

/// A Secret that holds a key.
pub(super) struct Holder {
    pub(super) secret: String,
    pub(super) certificate: Arc<Certificate>,
    pub(super) created: Option<Timestamp>,
    /// What makes its key newer or older than others.
    pub(super) ordered: Timestamp,
    pub(super) is_to_be_renewed: bool,
    /// Whether it carries the label of keys; the one key that was there before labels does not.
    pub(super) labelled: bool,
    /// Whether its key may be sealed to because of it.
    pub(super) active: bool,
}

impl Key {
    pub(super) fn new(private: PrivateKey, made: Timestamp, holder: Holder) -> Self {
        let mut key = Self {
            private: Arc::new(private),
            made,
            vouches: false,
            holders: Vec::new(),
        };
        key.hold(made, holder);
        key
    }

    pub(super) fn fingerprint(&self) -> &Fingerprint {
        self.private.fingerprint()
    }

    /// Takes a Secret in that holds it, in the place of what was known of that Secret.
    pub(super) fn hold(&mut self, made: Timestamp, holder: Holder) {
        self.made = self.made.max(made);
        self.vouches |= holder.active;
        self.holders.retain(|known| known.secret != holder.secret);
        self.holders.push(holder);
        for holder in &mut self.holders {
            holder.ordered = holder.ordered.max(self.made);
        }
        self.sort();
    }

    /// Lets go of every Secret of which this is true: it is gone, or holds the key no more.
    pub(super) fn release(&mut self, is_gone: impl Fn(&Holder) -> bool) {
        let (gone, mut held): (Vec<_>, Vec<_>) = self.holders.drain(..).partition(is_gone);
        if held.is_empty() {
            let inactive = |holder| Holder {
                active: false,
                ..holder
            };
            held.extend(gone.into_iter().map(inactive).take(1));
        }
        self.holders = held;
        self.sort();
    }

    /// What its best Secret says of it.
    pub(super) fn best(&self) -> &Holder {
        &self.holders[0]
    }

    /// The Secrets because of which it may be sealed to.
    pub(super) fn active(&self) -> impl Iterator<Item = &Holder> {
        self.holders.iter().filter(|holder| holder.active)
    }

    /// Whether one of them asks for a successor.
    pub(super) fn is_to_be_renewed(&self) -> bool {
        self.active().any(|holder| holder.is_to_be_renewed)
    }

    /// Among equals the one that came first stays ahead.
    fn sort(&mut self) {
        self.holders.sort_by_key(|holder| {
            let Holder {
                active, labelled, ..
            } = *holder;
            (!active, !labelled, holder.age())
        });
    }
}

impl Holder {
    /// The smaller, the newer. On a tie the Secret that was created first is ahead.
    pub(super) fn age(&self) -> (Reverse<Timestamp>, Option<Timestamp>) {
        (Reverse(self.ordered), self.created)
    }
}
