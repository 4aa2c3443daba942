//! Keys and certificates: what is read, what is refused, what is made.
#![expect(
    clippy::unwrap_used,
    reason = "a test ends where its fixture is broken"
)]

use jiff::{SignedDuration, Timestamp};
use sealing::{Certificate, GeneratedKey, PrivateKey, certificate, key};
use x509_parser::prelude::{FromDer, X509Certificate};

const DAY: SignedDuration = SignedDuration::from_hours(24);

fn now() -> Timestamp {
    "2026-11-24T10:00:00Z".parse().unwrap()
}

fn generate(common_name: &str) -> GeneratedKey {
    GeneratedKey::generate(2048, common_name, now(), DAY).unwrap()
}

#[test]
fn makes_a_key_that_reads_back_and_fits_its_certificate() {
    let made = generate("");
    let text = made.private_key_pem.expose();
    assert!(text.starts_with(b"-----BEGIN RSA PRIVATE KEY-----\n"));
    let key = PrivateKey::from_pem(text).unwrap();
    assert_eq!(key.fingerprint(), made.certificate.fingerprint());
    assert_eq!(key.fingerprint().to_string().len(), 64);
    assert_eq!(key.fingerprint().short().len(), 12);
}

#[test]
fn makes_the_certificate_that_upstream_makes() {
    let made = generate("");
    let block = pem::parse(made.certificate.as_pem()).unwrap();
    let (_, parsed) = X509Certificate::from_der(block.contents()).unwrap();
    assert_eq!(parsed.subject().iter().count(), 0);
    assert_eq!(parsed.subject(), parsed.issuer());
    assert_eq!(parsed.validity().not_before.timestamp(), now().as_second());
    assert_eq!(
        parsed.validity().not_after.timestamp(),
        (now() + DAY).as_second()
    );
    assert_eq!(
        parsed.signature_algorithm.algorithm.to_id_string(),
        "1.2.840.113549.1.1.11"
    );
    let basic = parsed.basic_constraints().unwrap().unwrap();
    assert!(basic.critical && basic.value.ca && basic.value.path_len_constraint.is_none());
    let oids: Vec<_> = parsed
        .extensions()
        .iter()
        .map(|extension| extension.oid.to_id_string())
        .collect();
    assert_eq!(
        oids.len(),
        3,
        "key usage, basic constraints, subject key identifier: {oids:?}"
    );
    assert!(oids.contains(&"2.5.29.14".to_owned()));
    let usage = parsed.key_usage().unwrap().unwrap();
    assert!(usage.critical);
    let raw = parsed
        .extensions()
        .iter()
        .find(|extension| extension.oid.to_id_string() == "2.5.29.15")
        .unwrap();
    assert_eq!(raw.value, [0x03, 0x02, 0x00, 0x01], "only encipherOnly");
}

#[test]
fn names_the_certificate_when_asked() {
    let block = pem::parse(generate("shop").certificate.as_pem()).unwrap();
    let (_, parsed) = X509Certificate::from_der(block.contents()).unwrap();
    assert_eq!(parsed.subject().to_string(), "CN=shop");
}

#[test]
fn refuses_a_certificate_whose_time_is_over() {
    let certificate = generate("").certificate;
    assert_eq!(
        certificate.check_not_expired(certificate.not_after()),
        Ok(())
    );
    let late = certificate.not_after() + SignedDuration::from_secs(1);
    let error = certificate.check_not_expired(late).unwrap_err();
    assert_eq!(
        error.to_string(),
        "failed to encrypt using an expired certificate on November 25, 2026"
    );
}

#[test]
fn refuses_what_holds_no_certificate() {
    for text in [
        "",
        "junk",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
    ] {
        assert_eq!(
            Certificate::from_pem(text.as_bytes()).err(),
            Some(certificate::Error::NoCertificate)
        );
    }
}

#[test]
fn skips_other_blocks_before_a_certificate_and_a_key() {
    let made = generate("");
    let key = String::from_utf8(made.private_key_pem.expose().to_vec()).unwrap();
    let other = "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n";
    let text = format!("{other}{key}{}", made.certificate.as_pem());
    assert!(Certificate::from_pem(text.as_bytes()).is_ok());
    assert!(PrivateKey::from_pem(text.as_bytes()).is_ok());
}

#[test]
fn refuses_what_is_no_rsa_key_and_what_is_too_small() {
    assert_eq!(PrivateKey::from_pem(b"junk").err(), Some(key::Error::NoKey));
    assert_eq!(
        PrivateKey::from_pem(include_bytes!("keys/ec-sec1.pem")).err(),
        Some(key::Error::NotRsa)
    );
    assert_eq!(
        PrivateKey::from_pem(include_bytes!("keys/ec-pkcs8.pem")).err(),
        Some(key::Error::NotRsa)
    );
    let small = PrivateKey::from_pem(include_bytes!("keys/rsa1024.pem")).unwrap_err();
    assert_eq!(
        small.to_string(),
        "RSA keys of 2048 to 8192 bits are supported, this one has 1024"
    );
    let certificate = Certificate::from_pem(include_bytes!("keys/ec.crt"))
        .err()
        .unwrap();
    assert_eq!(
        certificate.to_string(),
        "expected RSA public key but found *ecdsa.PublicKey"
    );
    let small = Certificate::from_pem(include_bytes!("keys/rsa1024.crt"))
        .err()
        .unwrap();
    assert_eq!(
        small.to_string(),
        "RSA keys of 2048 to 8192 bits are supported, this one has 1024"
    );
}
