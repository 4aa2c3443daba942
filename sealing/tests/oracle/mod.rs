//! The format written a second time, on `rsa` and `aes-gcm`: it shares no code with the library.

use aes_gcm::aead::{Aead, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce};
use rsa::oaep::{DecryptingKey, EncryptingKey};
use rsa::pkcs1::DecodeRsaPrivateKey;
use rsa::sha2::Sha256;
use rsa::traits::{Decryptor, RandomizedEncryptor};

/// A key of the oracle.
pub struct Oracle(rsa::PrivateKey);

impl Oracle {
    /// Reads a PKCS#1 private key.
    pub fn from_pem(pem: &str) -> Self {
        Self(rsa::PrivateKey::from_pkcs1_pem(pem).expect("a PKCS#1 key"))
    }

    /// Seals bytes under a label.
    pub fn seal(&self, value: &[u8], label: &[u8]) -> Vec<u8> {
        let mut session_key = [0; 32];
        getrandom::fill(&mut session_key).expect("randomness");
        let sealed_key =
            EncryptingKey::<Sha256>::new_with_label(self.0.as_public_key().clone(), label)
                .encrypt_with_rng(&mut getrandom::SysRng, &session_key)
                .expect("OAEP");
        let sealed_value = cipher(&session_key)
            .encrypt(&Nonce::default(), value)
            .expect("GCM");
        let length = u16::try_from(sealed_key.len()).expect("a modulus of 16 bits of bytes");
        [&length.to_be_bytes()[..], &sealed_key, &sealed_value].concat()
    }

    /// Opens an envelope; none if the label is wrong.
    pub fn open(&self, envelope: &[u8], label: &[u8]) -> Option<Vec<u8>> {
        let length = usize::from(u16::from_be_bytes([envelope[0], envelope[1]]));
        let (sealed_key, sealed_value) = envelope[2..].split_at(length);
        let session_key = DecryptingKey::<Sha256>::new_with_label(self.0.clone(), label)
            .decrypt(sealed_key)
            .ok()?;
        cipher(&session_key)
            .decrypt(&Nonce::default(), sealed_value)
            .ok()
    }
}

fn cipher(session_key: &[u8]) -> Aes256Gcm {
    Aes256Gcm::new_from_slice(session_key).expect("32 bytes")
}
