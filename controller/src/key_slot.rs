//! What a new key is called. Its name is fixed before the first request, by what all controllers that see the same
//! keys agree on, so that no repeated request, restart or second controller can make two.

use aws_lc_rs::rand;
use jiff::Timestamp;
use sealing::Fingerprint;

use crate::key_ring::KeyRing;

const ORDINALS: usize = 10;
const LETTERS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
/// A name may be longer than the prefix by this much: the longest prefix leaves no more.
const LONGEST: usize = 8;

/// What a key is made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    /// There is none yet.
    First,
    /// It was asked for at this second.
    AskedAt(Timestamp),
    /// It succeeds this key.
    Successor(Fingerprint),
}

impl Slot {
    /// The names that its key may have, in the order in which they are tried. Others may take those that can be
    /// foreseen; the last cannot.
    pub(crate) fn names(&self, prefix: &str) -> impl Iterator<Item = String> {
        let (slot, prefix) = (self.to_string(), prefix.to_owned());
        let foreseen = (0..ORDINALS).map(move |ordinal| match ordinal {
            0 => slot.clone(),
            _ => format!("{slot}{ordinal}"),
        });
        let unforeseen = std::iter::once_with(random).flatten();
        let suffixes = foreseen.chain(unforeseen);
        suffixes.map(move |suffix| format!("{prefix}{suffix}"))
    }

    /// Whether it needs no key any more. The successor of a key has to be newer than that key: one that is there and
    /// is older would never be sealed to.
    pub(crate) fn is_filled(&self, keys: &KeyRing, now: Timestamp) -> bool {
        match self {
            Self::First | Self::AskedAt(_) => true,
            Self::Successor(of) => keys
                .current(now)
                .is_some_and(|current| current.certificate.fingerprint() != of),
        }
    }
}

/// At most seven letters and digits.
impl std::fmt::Display for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::First => f.write_str("first"),
            Self::AskedAt(instant) => f.write_str(&second(*instant)),
            Self::Successor(of) => f.write_str(&of.short()[..7]),
        }
    }
}

fn second(instant: Timestamp) -> String {
    let mut rest = instant.as_second().unsigned_abs();
    let mut digits = Vec::new();
    while rest > 0 || digits.is_empty() {
        digits.extend(char::from_digit(u32::try_from(rest % 36).unwrap_or(0), 36));
        rest /= 36;
    }
    digits.iter().rev().collect()
}

/// What nobody can foresee; none without randomness.
fn random() -> Option<String> {
    let mut suffix = String::new();
    while suffix.len() < LONGEST {
        let mut byte = [0];
        rand::fill(&mut byte).ok()?;
        // The rest of the bytes would make the first letters likelier.
        if let Some(byte) = Some(usize::from(byte[0])).filter(|byte| *byte < 7 * LETTERS.len()) {
            suffix.push(LETTERS[byte % LETTERS.len()].into());
        }
    }
    Some(suffix)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Slot {
        Slot::AskedAt(Timestamp::from_second(second).unwrap())
    }

    #[test]
    fn names_a_key_after_what_it_is_for() {
        let fingerprint: Fingerprint = "0123456789abcdef".repeat(4).parse().unwrap();
        assert_eq!(Slot::First.to_string(), "first");
        assert_eq!(Slot::Successor(fingerprint).to_string(), "0123456");
        assert_eq!(at(0).to_string(), "0");
        assert_eq!(at(36 * 36 + 35).to_string(), "10z");
        assert!(Slot::AskedAt(Timestamp::now()).to_string().len() < LONGEST);
    }

    #[test]
    fn tries_names_that_others_agree_on_and_then_one_that_nobody_can_foresee() {
        let names = || Slot::First.names("key-").collect::<Vec<_>>();
        let (here, there) = (names(), names());
        assert_eq!(here[..3], ["key-first", "key-first1", "key-first2"]);
        assert_eq!(here[..10], there[..10]);
        assert_ne!(here[10..], there[10..]);
        for names in [here, there] {
            let suffix = names[10].strip_prefix("key-").unwrap();
            let is_plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
            assert!(
                suffix.len() == LONGEST && suffix.chars().all(is_plain),
                "{suffix}"
            );
        }
    }
}
