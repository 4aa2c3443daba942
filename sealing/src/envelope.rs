//! The bytes of one sealed value.
//!
//! ```text
//! v1:  u16be L ‖ RSA-OAEP-SHA256(session key, label)  [L bytes] ‖ AES-GCM(value) ‖ 16-byte tag
//! ```
//!
//! `L` is the modulus size of the certificate's key. A length of zero is reserved: it introduces a
//! version byte, and a reader that does not know the version refuses the value.

use aws_lc_rs::aead::{
    AES_128_GCM, AES_192_GCM, AES_256_GCM, Aad, Algorithm, LessSafeKey, Nonce, UnboundKey,
};
use aws_lc_rs::rand;
use zeroize::Zeroizing;

use crate::{Certificate, Label, Plaintext, PrivateKey};

const LENGTH: usize = 2;
const SESSION_KEY: usize = 32;
const TAG: usize = 16;

/// A sealed value, taken apart but not opened.
#[derive(Debug, PartialEq, Eq)]
pub enum Envelope<'a> {
    /// The first format.
    V1 {
        /// RSA-OAEP ciphertext of the session key.
        session_key: &'a [u8],
        /// AES-GCM ciphertext of the value, its tag at the end.
        value: &'a [u8],
    },
}

/// What can be wrong with the bytes of a sealed value, and with making them.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// It ends before its session key does.
    #[error("SealedSecret data is too short")]
    TooShort,
    /// It announces a format that this reader does not know.
    #[error("the format of the sealed value is not known")]
    UnknownVersion,
    /// The cryptographic library refused to encrypt.
    #[error("cannot encrypt")]
    Encrypt,
}

impl<'a> Envelope<'a> {
    /// Takes the bytes of a sealed value apart.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let (length, rest) = bytes.split_first_chunk::<LENGTH>().ok_or(Error::TooShort)?;
        match usize::from(u16::from_be_bytes(*length)) {
            0 => Err(Error::UnknownVersion),
            length => {
                let (session_key, value) = rest.split_at_checked(length).ok_or(Error::TooShort)?;
                Ok(Self::V1 { session_key, value })
            }
        }
    }

    /// Opens the value with one key; none if key or label is not the one it was sealed with.
    pub fn open(&self, key: &PrivateKey, label: &Label) -> Option<Plaintext> {
        let Self::V1 { session_key, value } = self;
        let session_key = key.decrypt(session_key, label.as_bytes())?;
        let mut opened = Zeroizing::new(value.to_vec());
        let length = cipher(&session_key)?
            .open_in_place(zero_nonce(), Aad::empty(), &mut opened)
            .ok()?
            .len();
        opened.truncate(length);
        Some(opened.into())
    }
}

/// Seals a value: a fresh 32-byte session key encrypts it, and the certificate's key encrypts that.
pub fn seal(value: &Plaintext, certificate: &Certificate, label: &Label) -> Result<Vec<u8>, Error> {
    let mut session_key = Zeroizing::new([0; SESSION_KEY]);
    rand::fill(session_key.as_mut()).map_err(|_| Error::Encrypt)?;
    let sealed_key = certificate
        .encrypt(session_key.as_ref(), label)
        .ok_or(Error::Encrypt)?;
    let length = u16::try_from(sealed_key.len()).map_err(|_| Error::Encrypt)?;

    // Sealing is why the value is exposed; it is encrypted where it is copied to.
    let plain = value.expose();
    let mut envelope = Vec::with_capacity(LENGTH + sealed_key.len() + plain.len() + TAG);
    envelope.extend_from_slice(&length.to_be_bytes());
    envelope.extend_from_slice(&sealed_key);
    let start = envelope.len();
    envelope.extend_from_slice(plain);
    let tag = cipher(session_key.as_ref())
        .ok_or(Error::Encrypt)?
        .seal_in_place_separate_tag(zero_nonce(), Aad::empty(), &mut envelope[start..])
        .map_err(|_| Error::Encrypt)?;
    envelope.extend_from_slice(tag.as_ref());
    Ok(envelope)
}

/// AES-GCM (NIST SP 800-38D) with 128, 192 or 256 bits, by the length of the session key.
fn cipher(session_key: &[u8]) -> Option<LessSafeKey> {
    let algorithm: &'static Algorithm = match session_key.len() {
        16 => &AES_128_GCM,
        24 => &AES_192_GCM,
        32 => &AES_256_GCM,
        _ => return None,
    };
    UnboundKey::new(algorithm, session_key)
        .ok()
        .map(LessSafeKey::new)
}

// A zero nonce is safe: a session key encrypts one value.
fn zero_nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_length_session_key_and_value_apart() {
        let parsed = Envelope::parse(&[0, 2, 1, 2, 3]);
        assert_eq!(
            parsed,
            Ok(Envelope::V1 {
                session_key: &[1, 2],
                value: &[3]
            })
        );
    }

    #[test]
    fn refuses_what_ends_too_early() {
        for bytes in [&[][..], &[1], &[0, 2, 1]] {
            assert_eq!(Envelope::parse(bytes), Err(Error::TooShort));
        }
    }

    proptest::proptest! {
        #[test]
        fn loses_no_byte_of_what_it_takes_apart(bytes: Vec<u8>) {
            if let Ok(Envelope::V1 { session_key, value }) = Envelope::parse(&bytes) {
                assert_eq!([&bytes[..2], session_key, value].concat(), bytes);
            }
        }
    }

    #[test]
    fn refuses_a_version_it_does_not_know() {
        assert_eq!(
            Envelope::parse(&[0, 0, 2, 9, 9]),
            Err(Error::UnknownVersion)
        );
    }
}
