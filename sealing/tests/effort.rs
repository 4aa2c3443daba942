//! What unsealing may cost.
#![expect(
    clippy::unwrap_used,
    reason = "a test ends where its fixture is broken"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use sealing::{
    Certificate, Effort, Enough, Error, Plaintext, PrivateKey, Renderer, Scope, SealedSecret,
    Unsealed, seal_value, unseal_within,
};
use serde_json::{Value, json};

/// Enough, and how many operations were made of it.
struct Counted(Enough, usize);

impl Effort for Counted {
    fn begin(&mut self) -> bool {
        self.0.begin()
    }

    fn end(&mut self, opened: bool) {
        self.1 += 1;
        self.0.end(opened);
    }
}

fn vectors(size: usize) -> Value {
    let text = match size {
        2048 => include_str!("vectors/rsa2048.json"),
        _ => include_str!("vectors/rsa4096.json"),
    };
    serde_json::from_str(text).unwrap()
}

fn key(size: usize) -> Arc<PrivateKey> {
    let vectors = vectors(size);
    let pem = vectors["private_key_pkcs1_pem"].as_str().unwrap();
    Arc::new(PrivateKey::from_pem(pem.as_bytes()).unwrap())
}

/// A value of the strict object `shop/NAME`, sealed to the key of this size.
fn sealed(name: &str, size: usize) -> String {
    let vectors = vectors(size);
    let pem = vectors["certificate_pem"].as_str().unwrap();
    let certificate = Certificate::from_pem(pem.as_bytes()).unwrap();
    let label = Scope::Strict.label("shop", name);
    seal_value(&Plaintext::new(b"x".to_vec()), &certificate, &label).unwrap()
}

/// Unseals `shop/db` with so many items, one after the other of these, and says what that cost.
fn unseal(
    items: &[&str],
    count: usize,
    keys: &[Arc<PrivateKey>],
) -> (Result<Unsealed, Error>, usize) {
    let items = (0..count).zip(items.iter().cycle());
    let items: BTreeMap<_, _> = items
        .map(|(index, item)| (format!("{index:04}"), item))
        .collect();
    let object = json!({
        "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
        "metadata": { "name": "db", "namespace": "shop" }, "spec": { "encryptedData": items },
    });
    let object = SealedSecret::from_value(&object).unwrap();
    let mut effort = Counted(Enough::for_keys(keys.len()), 0);
    let unsealed = unseal_within(&object, keys, &Renderer::default(), &mut effort);
    (unsealed, effort.1)
}

#[test]
fn many_items_that_do_not_open_cost_no_more_than_256_operations() {
    let (unsealed, operations) = unseal(&[&sealed("other", 2048)], 2000, &[key(2048)]);
    assert_eq!(operations, 256);
    let text = unsealed.err().unwrap().to_string();
    let budget = "too many attempts to open the items of one object (0256, ";
    assert!(text.contains(budget), "{text}");
}

#[test]
fn one_item_is_tried_with_every_key_there_is() {
    let mut keys = vec![key(4096); 299];
    keys.push(key(2048));
    let (unsealed, operations) = unseal(&[&sealed("db", 2048)], 1, &keys);
    assert!(unsealed.is_ok());
    assert_eq!(operations, 300);
}

#[test]
fn a_large_object_opens_although_its_items_are_sealed_to_two_keys_in_turn() {
    let items = [sealed("db", 2048), sealed("db", 4096)];
    let items = [&*items[0], &*items[1]];
    let (unsealed, operations) = unseal(&items, 600, &[key(2048), key(4096)]);
    assert_eq!(unsealed.unwrap().secret.data.len(), 600);
    assert_eq!(operations, 600 + 599);
}
