//! What a value costs beside the raw RSA operation of the same run. `make bench` runs it.
//!
//! Each figure is the median of many rounds, and each round measures both sides in turn, so that a
//! machine that slows down slows both.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark ends where its stage is broken, and prints its table"
)]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::rsa::{
    OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, OaepPublicEncryptingKey,
    PrivateDecryptingKey, PublicEncryptingKey,
};
use jiff::{SignedDuration, Timestamp};
use sealing::{Certificate, GeneratedKey, Label, Plaintext, PrivateKey, Scope, open, seal_value};

const ROUNDS: usize = 15;
const SESSION_KEY: [u8; 32] = [7; 32];

/// Our key, and the same key in the hands of the library alone.
struct Bench {
    certificate: Certificate,
    keys: [Arc<PrivateKey>; 1],
    encrypting: OaepPublicEncryptingKey,
    decrypting: OaepPrivateDecryptingKey,
    label: Label,
}

impl Bench {
    fn new(bits: u32) -> Self {
        let validity = SignedDuration::from_hours(24);
        let made = GeneratedKey::generate(bits, "", Timestamp::now(), validity).unwrap();
        let pem = pem::parse(made.private_key_pem.expose()).unwrap();
        let raw = PrivateDecryptingKey::from_pkcs8(&pkcs8_of(pem.contents())).unwrap();
        let certificate = pem::parse(made.certificate.as_pem()).unwrap();
        let (_, parsed) = x509_parser::parse_x509_certificate(certificate.contents()).unwrap();
        let public = PublicEncryptingKey::from_der(parsed.public_key().raw).unwrap();
        Self {
            keys: [Arc::new(
                PrivateKey::from_pem(made.private_key_pem.expose()).unwrap(),
            )],
            encrypting: OaepPublicEncryptingKey::new(public).unwrap(),
            decrypting: OaepPrivateDecryptingKey::new(raw).unwrap(),
            certificate: made.certificate,
            label: Scope::Strict.label("shop", "db"),
        }
    }

    fn raw_encrypt(&self) -> Vec<u8> {
        let mut out = vec![0; self.encrypting.ciphertext_size()];
        let label = Some(self.label.as_bytes());
        self.encrypting
            .encrypt(&OAEP_SHA256_MGF1SHA256, &SESSION_KEY, &mut out, label)
            .unwrap();
        out
    }

    fn raw_decrypt(&self, ciphertext: &[u8]) {
        let mut out = vec![0; self.decrypting.min_output_size()];
        let label = Some(self.label.as_bytes());
        black_box(
            self.decrypting
                .decrypt(&OAEP_SHA256_MGF1SHA256, ciphertext, &mut out, label)
                .unwrap(),
        );
    }

    fn seal(&self, values: &[Plaintext]) {
        for value in values {
            black_box(seal_value(value, &self.certificate, &self.label).unwrap());
        }
    }

    fn open(&self, items: &BTreeMap<String, String>) {
        let opened = open(items, self.label.clone(), &self.keys);
        assert_eq!(black_box(opened.unwrap()).items.len(), items.len());
    }
}

fn main() {
    println!("| key | what | values | each | beside the raw operation |");
    println!("|---|---|---|---|---|");
    for bits in [2048, 4096] {
        let bench = Bench::new(bits);
        for count in [1, 1000] {
            let values: Vec<_> = (0..count).map(|_| Plaintext::new(vec![b'x'; 32])).collect();
            let items = items(&bench, &values);
            let ciphertext = bench.raw_encrypt();
            let seal = pair(
                count,
                || bench.seal(&values),
                || _ = black_box(bench.raw_encrypt()),
            );
            let unseal = pair(
                count,
                || bench.open(&items),
                || bench.raw_decrypt(&ciphertext),
            );
            for (what, (each, ratio)) in [("seal", seal), ("unseal", unseal)] {
                println!(
                    "| RSA-{bits} | {what} | {count} | {:.3} ms | {ratio:.2}x |",
                    each.as_secs_f64() * 1e3
                );
            }
        }
    }
}

fn items(bench: &Bench, values: &[Plaintext]) -> BTreeMap<String, String> {
    let seal = |value| seal_value(value, &bench.certificate, &bench.label).unwrap();
    values
        .iter()
        .enumerate()
        .map(|(index, value)| (index.to_string(), seal(value)))
        .collect()
}

/// The median time of one of `count` values, and the median of its ratio to the raw operation.
fn pair(count: usize, ours: impl Fn(), raw: impl Fn()) -> (Duration, f64) {
    // Few values are measured often enough to be seen.
    let repeats = 64_usize.div_ceil(count);
    let operations = u32::try_from(repeats * count).unwrap();
    let mut rounds: Vec<(Duration, f64)> = (0..ROUNDS)
        .map(|_| {
            let ours = time(|| (0..repeats).for_each(|_| ours()));
            let raw = time(|| (0..operations).for_each(|_| raw()));
            (ours / operations, ours.as_secs_f64() / raw.as_secs_f64())
        })
        .collect();
    rounds.sort_by(|a, b| a.1.total_cmp(&b.1));
    rounds[ROUNDS / 2]
}

fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// The wrapping that the library reads: version, rsaEncryption, the PKCS#1 key.
fn pkcs8_of(pkcs1: &[u8]) -> Vec<u8> {
    let length = |n: usize| [0x82, (n >> 8) as u8, n as u8];
    let algorithm = b"\x02\x01\x00\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
    let key = [&[0x04], &length(pkcs1.len())[..], pkcs1].concat();
    let content = [&algorithm[..], &key].concat();
    [&[0x30], &length(content.len())[..], &content].concat()
}
