//! In sync means no work: what this process knows of the Secrets that it wrote or found right.
//!
//! Of a Secret it keeps the version and a digest of what a SealedSecret says of it, under a key that no
//! other process has. So a Secret that others touched costs one GET, and no RSA unless it matters.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use aws_lc_rs::rand::SystemRandom;
use k8s_openapi::api::core::v1::Secret;
use sealing::{Label, SealedSecret, label_of};

use crate::namespaced_name::NamespacedName;
use crate::observed::SecretVersion;

/// What is known of every SealedSecret that was unsealed by this process.
pub(crate) struct InSync {
    known: Mutex<HashMap<NamespacedName, Known>>,
    /// None if there is no randomness: then nothing is known by its digest.
    key: Option<hmac::Key>,
}

struct Known {
    said: Said,
    secret: SecretVersion,
    digest: Option<hmac::Tag>,
    share: Share,
    /// Whether it is somebody else's, merged into or found as it should be.
    is_foreign: bool,
}

/// What of a SealedSecret decides what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    uid: Option<String>,
    generation: Option<i64>,
    label: Label,
}

impl Said {
    pub(crate) fn by(sealed: &SealedSecret) -> Self {
        Self {
            uid: sealed.metadata.uid.clone(),
            generation: sealed.metadata.generation,
            label: label_of(sealed),
        }
    }
}

/// The part of a Secret that a SealedSecret speaks of; by name, without values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Share {
    /// Its items; none if no other may be there.
    pub(crate) items: Option<Vec<String>>,
    pub(crate) labels: Vec<String>,
    pub(crate) annotations: Vec<String>,
    /// Whether its owners matter.
    pub(crate) owners: bool,
}

impl Default for InSync {
    fn default() -> Self {
        Self {
            known: Mutex::default(),
            key: hmac::Key::generate(HMAC_SHA256, &SystemRandom::new()).ok(),
        }
    }
}

impl InSync {
    /// The version of its Secret that is known to be right for what a SealedSecret says now.
    pub(crate) fn version(&self, key: &NamespacedName, said: &Said) -> Option<SecretVersion> {
        let known = self.lock();
        let known = known.get(key).filter(|known| known.said == *said)?;
        Some(known.secret.clone())
    }

    /// Whether a live Secret, in a version that is not known, still is what the SealedSecret says; then
    /// that version is known.
    pub(crate) fn is_unchanged(&self, key: &NamespacedName, said: &Said, live: &Secret) -> bool {
        let mut known = self.lock();
        let Some(known) = known.get_mut(key).filter(|known| known.said == *said) else {
            return false;
        };
        let version = SecretVersion::of(live);
        let same = |digest: &hmac::Tag| {
            let now = self.digest(live, &known.share);
            now.is_some_and(|now| now.as_ref() == digest.as_ref())
        };
        // Another Secret of that name is not ours only because it holds the same.
        let is_unchanged =
            known.secret.uid == version.uid && known.digest.as_ref().is_some_and(same);
        if is_unchanged {
            known.secret = version;
        }
        is_unchanged
    }

    /// Notes that a live Secret is what a SealedSecret says.
    pub(crate) fn note(
        &self,
        key: NamespacedName,
        said: Said,
        live: &Secret,
        share: Share,
        is_foreign: bool,
    ) {
        let known = Known {
            said,
            secret: SecretVersion::of(live),
            digest: self.digest(live, &share),
            share,
            is_foreign,
        };
        self.lock().insert(key, known);
    }

    /// Notes which version of a Secret is what a SealedSecret says, by a record of it.
    pub(crate) fn note_recorded(
        &self,
        key: NamespacedName,
        said: Said,
        secret: SecretVersion,
        is_foreign: bool,
    ) {
        let known = Known {
            said,
            secret,
            digest: None,
            share: Share::default(),
            is_foreign,
        };
        self.lock().insert(key, known);
    }

    /// The uid of the Secret that was written as a whole for an object, and is nobody else's.
    pub(crate) fn whole(&self, key: &NamespacedName) -> Option<String> {
        let known = self.lock();
        let known = known.get(key).filter(|known| !known.is_foreign)?;
        Some(known.secret.uid.clone())
    }

    pub(crate) fn forget(&self, key: &NamespacedName) {
        self.lock().remove(key);
    }

    fn digest(&self, live: &Secret, share: &Share) -> Option<hmac::Tag> {
        let mut context = hmac::Context::with_key(self.key.as_ref()?);
        let mut add = |part: &[u8]| {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        };
        for (item, value) in live.data.iter().flatten() {
            if share
                .items
                .as_ref()
                .is_none_or(|items| items.contains(item))
            {
                add(item.as_bytes());
                add(&value.0);
            }
        }
        add(live.type_.as_deref().unwrap_or_default().as_bytes());
        let metadata = &live.metadata;
        for (map, names) in [
            (&metadata.labels, &share.labels),
            (&metadata.annotations, &share.annotations),
        ] {
            for name in names {
                let value = map.as_ref().and_then(|map| map.get(name));
                add(name.as_bytes());
                add(value.map_or(&b"\0none"[..], |value| value.as_bytes()));
            }
        }
        if share.owners {
            for owner in metadata.owner_references.iter().flatten() {
                add(owner.uid.as_bytes());
                add(&[u8::from(owner.controller == Some(true))]);
            }
        }
        Some(context.sign())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<NamespacedName, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use sealing::Scope;
    use serde_json::{Value, json};

    use super::*;

    fn key() -> NamespacedName {
        NamespacedName {
            namespace: "shop".into(),
            name: "db".into(),
        }
    }

    fn said(generation: i64) -> Said {
        Said {
            uid: Some("u".into()),
            generation: Some(generation),
            label: Scope::Strict.label("shop", "db"),
        }
    }

    fn live(version: &str, change: impl Fn(&mut Value)) -> Secret {
        let mut secret = json!({
            "metadata": { "name": "db", "uid": "s", "resourceVersion": version, "labels": { "ours": "1" } },
            "type": "Opaque",
            "data": { "a": "YQ==", "b": "Yg==" },
        });
        change(&mut secret);
        serde_json::from_value(secret).unwrap()
    }

    fn share(items: Option<&[&str]>) -> Share {
        Share {
            items: items.map(|items| items.iter().map(|item| item.to_string()).collect()),
            labels: vec!["ours".into()],
            annotations: vec![],
            owners: true,
        }
    }

    fn is_unchanged(items: Option<&[&str]>, change: impl Fn(&mut Value)) -> bool {
        let in_sync = InSync::default();
        in_sync.note(key(), said(1), &live("1", |_| ()), share(items), false);
        let is_unchanged = in_sync.is_unchanged(&key(), &said(1), &live("2", change));
        let version = in_sync.version(&key(), &said(1)).unwrap().resource_version;
        assert_eq!(version, if is_unchanged { "2" } else { "1" });
        is_unchanged
    }

    #[test]
    fn looks_at_what_the_sealed_secret_says_and_at_nothing_else() {
        assert!(is_unchanged(None, |_| ()));
        assert!(is_unchanged(None, |secret| secret["metadata"]["labels"]
            ["theirs"] = "x".into()));
        assert!(is_unchanged(Some(&["a"]), |secret| secret["data"]["c"] = "Yw==".into()));
        assert!(!is_unchanged(None, |secret| secret["data"]["c"] = "Yw==".into()));
        assert!(!is_unchanged(Some(&["a"]), |secret| secret["data"]["a"] = "Yw==".into()));
        assert!(!is_unchanged(None, |secret| secret["metadata"]["labels"] = json!({})));
        assert!(!is_unchanged(None, |secret| secret["type"] = "other".into()));
        assert!(!is_unchanged(None, |secret| secret["metadata"]["uid"] = "s2".into()));
        assert!(!is_unchanged(None, |secret| {
            secret["metadata"]["ownerReferences"] =
                json!([{ "apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "p" }]);
        }));
    }

    #[test]
    fn knows_nothing_of_what_the_object_did_not_say() {
        let in_sync = InSync::default();
        in_sync.note(key(), said(1), &live("1", |_| ()), share(None), false);
        assert!(in_sync.version(&key(), &said(2)).is_none());
        assert!(!in_sync.is_unchanged(&key(), &said(2), &live("2", |_| ())));
        assert_eq!(in_sync.whole(&key()).as_deref(), Some("s"));
        in_sync.forget(&key());
        assert!(in_sync.version(&key(), &said(1)).is_none());
    }

    #[test]
    fn takes_no_secret_of_somebody_else_for_one_of_its_own() {
        let in_sync = InSync::default();
        let live = live("1", |_| ());
        in_sync.note(key(), said(1), &live, share(None), true);
        assert_eq!(in_sync.whole(&key()), None);
        in_sync.note_recorded(key(), said(1), SecretVersion::of(&live), true);
        assert_eq!(in_sync.whole(&key()), None);
        in_sync.note_recorded(key(), said(1), SecretVersion::of(&live), false);
        assert_eq!(in_sync.whole(&key()).as_deref(), Some("s"));
    }
}
