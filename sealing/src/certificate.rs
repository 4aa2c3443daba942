//! What the public sees and seals to: an X.509 certificate (RFC 5280) with an RSA key.

use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey};
use jiff::Timestamp;
use x509_parser::oid_registry::{
    OID_KEY_TYPE_EC_PUBLIC_KEY, OID_PKCS1_RSAENCRYPTION, OID_SIG_ED25519,
};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::{Fingerprint, Label, armor, key};

const PEM_LABEL: &str = "CERTIFICATE";

/// A certificate to seal to.
pub struct Certificate {
    pem: String,
    public_key: OaepPublicEncryptingKey,
    fingerprint: Fingerprint,
    not_before: Timestamp,
    not_after: Timestamp,
}

/// Why a text is no certificate to seal to.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// There is no PEM block `CERTIFICATE`, or the first one does not parse.
    #[error("data does not contain any valid RSA or ECDSA certificates")]
    NoCertificate,
    /// Its key is of another kind.
    #[error("expected RSA public key but found {0}")]
    NotRsa(&'static str),
    /// Its key is too small or too large for the cryptographic library.
    #[error(transparent)]
    Size(#[from] key::UnsupportedSize),
    /// It ended before the given time.
    #[error("failed to encrypt using an expired certificate on {0}")]
    Expired(String),
}

impl Certificate {
    /// Reads the first `CERTIFICATE` block without PEM headers; other blocks are skipped.
    pub fn from_pem(text: &[u8]) -> Result<Self, Error> {
        let block = armor::blocks(text)
            .find(|block| block.tag() == PEM_LABEL && block.headers().iter().next().is_none())
            .ok_or(Error::NoCertificate)?;
        Self::from_der(block.into_contents())
    }

    /// Reads one certificate in DER.
    pub fn from_der(der: Vec<u8>) -> Result<Self, Error> {
        let (_, parsed) = X509Certificate::from_der(&der).map_err(|_| Error::NoCertificate)?;
        let spki = parsed.public_key();
        let algorithm = spki.algorithm.oid();
        if *algorithm != OID_PKCS1_RSAENCRYPTION {
            return Err(Error::NotRsa(if *algorithm == OID_KEY_TYPE_EC_PUBLIC_KEY {
                "*ecdsa.PublicKey"
            } else if *algorithm == OID_SIG_ED25519 {
                "ed25519.PublicKey"
            } else {
                "another kind of key"
            }));
        }
        let bits = spki.parsed().map_or(0, |key| key.key_size());
        let public_key = PublicEncryptingKey::from_der(spki.raw)
            .and_then(|key| Ok(OaepPublicEncryptingKey::new(key)?))
            .map_err(|_| key::UnsupportedSize { bits })?;
        let instant = |time: x509_parser::time::ASN1Time| {
            Timestamp::from_second(time.timestamp()).map_err(|_| Error::NoCertificate)
        };
        let validity = parsed.validity();
        Ok(Self {
            fingerprint: Fingerprint::of_spki(spki.raw),
            not_before: instant(validity.not_before)?,
            not_after: instant(validity.not_after)?,
            public_key,
            pem: armor::encode(PEM_LABEL, &der).to_string(),
        })
    }

    /// Refuses to be sealed to when its time is over.
    pub fn check_not_expired(&self, now: Timestamp) -> Result<(), Error> {
        if now > self.not_after {
            return Err(Error::Expired(
                self.not_after.strftime("%B %-d, %Y").to_string(),
            ));
        }
        Ok(())
    }

    /// The certificate as one PEM block.
    pub fn as_pem(&self) -> &str {
        &self.pem
    }

    /// What its key is called.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// The beginning of its validity; keys are ordered by it.
    pub fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// The end of its validity.
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// RSAES-OAEP (RFC 8017 §7.1.1) with SHA-256 and MGF1-SHA-256.
    pub(crate) fn encrypt(&self, session_key: &[u8], label: &Label) -> Option<Vec<u8>> {
        let mut ciphertext = vec![0; self.public_key.ciphertext_size()];
        let label = Some(label.as_bytes());
        let length = self
            .public_key
            .encrypt(&OAEP_SHA256_MGF1SHA256, session_key, &mut ciphertext, label)
            .ok()?
            .len();
        ciphertext.truncate(length);
        Some(ciphertext)
    }
}
