//! The record in a status: which version of the Secret is what the SealedSecret says.
//!
//! Whoever may write a status could write a record, or copy another object's. So it is authenticated
//! under a key derived from a sealing key, together with the identity of its object.

use std::collections::BTreeMap;
use std::sync::Arc;

use sealing::{Applied, Fingerprint, PrivateKey, SealedSecret, label_of};

use crate::observed::SecretVersion;

/// Makes the record of a Secret that was written or found right; none without a key to vouch for it.
pub(crate) fn record(
    sealed: &SealedSecret,
    secret: &SecretVersion,
    merged: bool,
    used: &BTreeMap<Fingerprint, usize>,
    keys: &[Arc<PrivateKey>],
) -> Option<Applied> {
    let key = keys.first()?;
    let generation = sealed.metadata.generation?;
    let mut record = Applied {
        generation,
        secret_uid: secret.uid.clone(),
        secret_version: key.authenticate(&of_version(generation, secret, sealed)),
        merged,
        keys: used.keys().map(Fingerprint::to_string).collect(),
        mac: String::new(),
    };
    record.mac = key.authenticate(&message(&record, sealed));
    Some(record)
}

/// The record in a status, if it is one: made for this very object by a controller that has a key which
/// this one has too.
pub(crate) fn authentic<'a>(
    record: Option<&'a Applied>,
    sealed: &SealedSecret,
    keys: &[Arc<PrivateKey>],
) -> Option<&'a Applied> {
    let record = record?;
    let message = message(record, sealed);
    let mut keys = keys.iter();
    keys.any(|key| key.has_authenticated(&message, &record.mac))
        .then_some(record)
}

/// Whether a record speaks of what an object says now, and every key that opened it is still there.
pub(crate) fn is_up_to_date(
    record: &Applied,
    sealed: &SealedSecret,
    keys: &[Arc<PrivateKey>],
) -> bool {
    let is_here = |used: &String| keys.iter().any(|key| key.fingerprint().as_str() == used);
    sealed.metadata.generation == Some(record.generation) && record.keys.iter().all(is_here)
}

/// The uid of a Secret that was written as a whole, not merged into.
pub(crate) fn whole(record: &Applied) -> Option<&str> {
    Some(&*record.secret_uid).filter(|_| !record.merged)
}

/// Whether a record speaks of this very version of a Secret.
pub(crate) fn speaks_of(
    record: &Applied,
    secret: &SecretVersion,
    sealed: &SealedSecret,
    keys: &[Arc<PrivateKey>],
) -> bool {
    let message = of_version(record.generation, secret, sealed);
    let mut keys = keys.iter();
    record.secret_uid == secret.uid
        && keys.any(|key| key.has_authenticated(&message, &record.secret_version))
}

/// The version of a Secret, as it reads in the record of one generation and in no other.
fn of_version(generation: i64, secret: &SecretVersion, sealed: &SealedSecret) -> Vec<u8> {
    let generation = generation.to_string();
    let sealed = sealed.metadata.uid.as_deref().unwrap_or_default();
    let parts = [
        "version",
        sealed,
        &generation,
        &secret.uid,
        &secret.resource_version,
    ];
    joined(parts.into_iter().map(str::as_bytes))
}

/// All that a record vouches for, each part with its length, so that no two records read alike. The label
/// is in it because the scope changes without a new generation.
fn message(record: &Applied, sealed: &SealedSecret) -> Vec<u8> {
    let metadata = &sealed.metadata;
    let namespace = metadata.namespace.as_deref().unwrap_or_default();
    let name = metadata.name.as_deref().unwrap_or_default();
    let label = label_of(sealed);
    let (generation, merged) = (record.generation.to_string(), record.merged.to_string());
    let parts = [
        metadata.uid.as_deref().unwrap_or_default().as_bytes(),
        namespace.as_bytes(),
        name.as_bytes(),
        label.as_bytes(),
        generation.as_bytes(),
        record.secret_uid.as_bytes(),
        record.secret_version.as_bytes(),
        merged.as_bytes(),
    ];
    joined(
        parts
            .into_iter()
            .chain(record.keys.iter().map(String::as_bytes)),
    )
}

fn joined<'a>(parts: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut message = Vec::new();
    for part in parts {
        message.extend((part.len() as u64).to_be_bytes());
        message.extend(part);
    }
    message
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn keys() -> Vec<Arc<PrivateKey>> {
        let files = [
            include_str!("../../sealing/tests/vectors/rsa2048.json"),
            include_str!("../../sealing/tests/vectors/rsa4096.json"),
        ];
        let key = |file: &str| {
            let vectors: Value = serde_json::from_str(file).unwrap();
            let pem = vectors["private_key_pkcs1_pem"].as_str().unwrap();
            Arc::new(PrivateKey::from_pem(pem.as_bytes()).unwrap())
        };
        files.map(key).into()
    }

    fn sealed(metadata: Value) -> SealedSecret {
        let spec = json!({ "encryptedData": {} });
        SealedSecret::from_value(&json!({
            "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "metadata": metadata, "spec": spec,
        }))
        .unwrap()
    }

    fn db() -> Value {
        json!({ "namespace": "shop", "name": "db", "uid": "u", "generation": 3 })
    }

    fn of(sealed: &SealedSecret, keys: &[Arc<PrivateKey>]) -> Applied {
        let secret = SecretVersion {
            uid: "s".into(),
            resource_version: "7".into(),
        };
        let used = [(keys[0].fingerprint().clone(), 1)].into();
        record(sealed, &secret, false, &used, keys).unwrap()
    }

    #[test]
    fn vouches_for_what_it_was_made_for() {
        let (keys, sealed) = (keys(), sealed(db()));
        let record = of(&sealed, &keys);
        assert!(authentic(Some(&record), &sealed, &keys).is_some());
        assert!(is_up_to_date(&record, &sealed, &keys));
        // Any key that made it will do, wherever it stands now.
        assert!(authentic(Some(&record), &sealed, &keys[..1]).is_some());
        assert!(authentic(Some(&record), &sealed, &keys[1..]).is_none());
        assert!(!is_up_to_date(&record, &sealed, &keys[1..]));
    }

    #[test]
    fn is_worth_nothing_on_another_object_or_in_another_scope() {
        let keys = keys();
        let record = of(&sealed(db()), &keys);
        for (field, value) in [
            ("namespace", json!("other")),
            ("name", json!("other")),
            ("uid", json!("other")),
            (
                "annotations",
                json!({ "sealedsecrets.bitnami.com/cluster-wide": "true" }),
            ),
        ] {
            let mut metadata = db();
            metadata[field] = value;
            assert!(
                authentic(Some(&record), &sealed(metadata), &keys).is_none(),
                "{field}"
            );
        }
    }

    #[test]
    fn is_worth_nothing_when_it_was_changed() {
        let (keys, sealed) = (keys(), sealed(db()));
        let made = of(&sealed, &keys);
        type Change = fn(&mut Applied);
        let changes: [Change; 6] = [
            |record| record.generation += 1,
            |record| record.secret_uid.push('x'),
            |record| record.secret_version.push('x'),
            |record| record.merged = true,
            |record| record.keys.clear(),
            |record| record.mac.clear(),
        ];
        for change in changes {
            let mut changed = made.clone();
            change(&mut changed);
            assert!(
                authentic(Some(&changed), &sealed, &keys).is_none(),
                "{changed:?}"
            );
        }
    }

    #[test]
    fn is_out_of_date_with_a_new_generation() {
        let keys = keys();
        let record = of(&sealed(db()), &keys);
        let mut metadata = db();
        metadata["generation"] = 4.into();
        assert!(!is_up_to_date(&record, &sealed(metadata), &keys));
    }
}
