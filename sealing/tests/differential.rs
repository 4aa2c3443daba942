//! What we seal an independent implementation opens, and the reverse.
#![expect(
    clippy::unwrap_used,
    reason = "a test ends where its fixture is broken"
)]

#[expect(unreachable_pub, reason = "the scenarios use it too")]
mod oracle;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;

use oracle::Oracle;
use sealing::{Certificate, Plaintext, PrivateKey, Scope, open, seal_value};
use serde_json::Value;

const BLOBS: usize = 1000;
const SCOPES: [Scope; 3] = [Scope::Strict, Scope::NamespaceWide, Scope::ClusterWide];

struct Keys {
    oracle: Oracle,
    certificate: Certificate,
    ours: [Arc<PrivateKey>; 1],
}

fn keys(vectors: &str) -> Keys {
    let vectors: Value = serde_json::from_str(vectors).unwrap();
    let text = |field: &str| vectors[field].as_str().unwrap();
    Keys {
        oracle: Oracle::from_pem(text("private_key_pkcs1_pem")),
        certificate: Certificate::from_pem(text("certificate_pem").as_bytes()).unwrap(),
        ours: [Arc::new(
            PrivateKey::from_pem(text("private_key_pkcs8_pem").as_bytes()).unwrap(),
        )],
    }
}

/// Values of every length from nothing on, with every byte in them.
fn value(index: usize) -> Vec<u8> {
    (0..index)
        .map(|position| (position * 7 + index) as u8)
        .collect()
}

fn both_ways(keys: &Keys, index: usize) {
    let label = SCOPES[index % 3].label("shop", &format!("s{index}"));
    let value = value(index);

    let ours = seal_value(&Plaintext::new(value.clone()), &keys.certificate, &label).unwrap();
    let envelope = sealing::base64::decode(&ours).unwrap();
    assert_eq!(
        keys.oracle.open(&envelope, label.as_bytes()).as_deref(),
        Some(&value[..]),
        "blob {index}"
    );
    assert_eq!(
        keys.oracle.open(&envelope, b"another label"),
        None,
        "blob {index}"
    );

    let theirs = sealing::base64::encode(&keys.oracle.seal(&value, label.as_bytes()));
    let opened = open(
        &BTreeMap::from([("v".to_owned(), theirs)]),
        label,
        &keys.ours,
    )
    .unwrap();
    assert_eq!(opened.items["v"].expose(), value, "blob {index}");
}

fn on_all_cores(vectors: &str) {
    let keys = keys(vectors);
    let cores = thread::available_parallelism().map_or(2, usize::from);
    thread::scope(|scope| {
        for core in 0..cores {
            let keys = &keys;
            scope.spawn(move || {
                (core..BLOBS)
                    .step_by(cores)
                    .for_each(|index| both_ways(keys, index))
            });
        }
    });
}

#[test]
fn agrees_with_the_oracle_on_2048_bits() {
    on_all_cores(include_str!("vectors/rsa2048.json"));
}

#[test]
fn agrees_with_the_oracle_on_4096_bits() {
    on_all_cores(include_str!("vectors/rsa4096.json"));
}
