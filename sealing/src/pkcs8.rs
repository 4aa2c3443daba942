//! The wrapping between PKCS#1 (RFC 8017, what key Secrets hold) and PKCS#8 (RFC 5958, what the
//! cryptographic library reads).

use zeroize::Zeroizing;

const SEQUENCE: u8 = 0x30;
const OCTET_STRING: u8 = 0x04;
/// `INTEGER 0, SEQUENCE { OID rsaEncryption, NULL }`
const VERSION_AND_RSA: [u8; 18] = [
    0x02, 0x01, 0x00, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01,
    0x05, 0x00,
];

/// Wraps an `RSAPrivateKey` into a `PrivateKeyInfo`.
pub(crate) fn wrap(pkcs1: &[u8]) -> Zeroizing<Vec<u8>> {
    let key = element(OCTET_STRING, &[pkcs1]);
    element(SEQUENCE, &[&VERSION_AND_RSA, &key])
}

/// Takes the `RSAPrivateKey` out of a `PrivateKeyInfo`; none if it holds no RSA key.
pub(crate) fn unwrap(pkcs8: &[u8]) -> Option<&[u8]> {
    let info = content(SEQUENCE, pkcs8)?;
    content(OCTET_STRING, info.strip_prefix(&VERSION_AND_RSA)?)
}

fn element(tag: u8, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    // Room for the whole element, so that no growth leaves a copy of a key behind.
    let mut der = Zeroizing::new(Vec::with_capacity(length + 10));
    der.push(tag);
    let bytes = length.to_be_bytes();
    let digits = &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..];
    if length >= 0x80 {
        der.push(0x80 | digits.len() as u8);
    }
    if length == 0 {
        der.push(0);
    }
    der.extend_from_slice(digits);
    for part in parts {
        der.extend_from_slice(part);
    }
    der
}

fn content(tag: u8, der: &[u8]) -> Option<&[u8]> {
    let (&found, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        if digits.len() > 4 {
            return None;
        }
        (
            digits
                .iter()
                .fold(0, |length, digit| length << 8 | usize::from(*digit)),
            rest,
        )
    };
    (found == tag).then_some(rest)?.get(..length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unwraps_what_it_wrapped() {
        for length in [1, 127, 128, 255, 256, 2350, 70_000] {
            let key = vec![7; length];
            assert_eq!(unwrap(&wrap(&key)), Some(&key[..]));
        }
    }

    #[test]
    fn finds_nothing_in_a_truncated_or_foreign_structure() {
        let whole = wrap(&[7; 300]);
        for end in 0..whole.len() {
            assert_eq!(unwrap(&whole[..end]), None, "cut at {end}");
        }
        assert_eq!(unwrap(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), None);
    }
}
