//! Who made a key Secret. What was made for a SealedSecret may have been chosen by whoever may create one, and
//! would be what everybody seals to.
//!
//! Only what the Secret itself says counts. That a SealedSecret of its name exists does not: whoever may create
//! one could take a key away by it.

use k8s_openapi::api::core::v1::Secret;
use kube::{Resource, ResourceExt};
use sealing::{SKIP_OWNER_REFERENCES, SealedSecret};

use crate::cluster::writing;
use crate::key_ring::{ACTIVE, KEY_LABEL};
use crate::ownership::{MANAGED, PATCH, asks};

/// What lets a SealedSecret write a Secret, or says that one did, as annotations with the value `true`.
pub(crate) const OF_SEALED_SECRETS: [&str; 3] = [MANAGED, PATCH, SKIP_OWNER_REFERENCES];

/// What the Secret is whose name is the prefix of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Legacy {
    /// The key from before labels.
    Key,
    /// That key, but somebody gave it a label that says it is retired.
    Retired,
    /// A key like the others: its label is followed.
    Labelled,
    /// It was made for a SealedSecret.
    Planted,
}

impl Legacy {
    /// Says what it is.
    pub(crate) fn of(secret: &Secret) -> Self {
        match secret.labels().get(KEY_LABEL).map(String::as_str) {
            Some(ACTIVE) => Self::Labelled,
            _ if is_of_a_sealed_secret(secret) || was_written_here(secret) => Self::Planted,
            Some(_) => Self::Retired,
            None => Self::Key,
        }
    }
}

/// Whether a Secret was made for a SealedSecret, or lets one write it. Those that are not owned by theirs say so by
/// the annotation that asked for it.
pub(crate) fn is_of_a_sealed_secret(secret: &Secret) -> bool {
    let kind = SealedSecret::kind(&());
    let is_owned = secret
        .owner_references()
        .iter()
        .any(|owner| owner.kind == kind);
    let mut annotations = OF_SEALED_SECRETS.iter();
    is_owned || annotations.any(|annotation| asks(secret, annotation))
}

/// Whether this program wrote it. A key that it writes has a longer name and a label, so this was for a SealedSecret,
/// though owner and annotations may be gone: a deletion that orphans leaves none.
fn was_written_here(secret: &Secret) -> bool {
    let here = writing().field_manager;
    let mut managers = secret.managed_fields().iter();
    managers.any(|entry| entry.manager.is_some() && entry.manager == here)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn secret(metadata: Value) -> Secret {
        serde_json::from_value(json!({ "metadata": metadata })).unwrap()
    }

    fn legacy(metadata: Value) -> Legacy {
        Legacy::of(&secret(metadata))
    }

    #[test]
    fn knows_the_key_from_before_labels() {
        let restored =
            json!({ "managedFields": [{ "manager": "kubectl", "operation": "Update" }] });
        for metadata in [
            json!({}),
            json!({ "annotations": { "note": "a" } }),
            restored,
        ] {
            assert_eq!(legacy(metadata), Legacy::Key);
        }
    }

    #[test]
    fn sees_that_a_secret_was_made_for_a_sealed_secret() {
        let annotated = |annotation: &str| json!({ "annotations": { annotation: "true" } });
        for metadata in [
            json!({ "ownerReferences": [{ "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "name": "s", "uid": "u" }] }),
            annotated("sealedsecrets.bitnami.com/skip-set-owner-references"),
            annotated("sealedsecrets.bitnami.com/managed"),
            annotated("sealedsecrets.bitnami.com/patch"),
        ] {
            assert!(
                is_of_a_sealed_secret(&secret(metadata.clone())),
                "{metadata}"
            );
            assert_eq!(legacy(metadata), Legacy::Planted);
        }
    }

    #[test]
    fn sees_that_it_wrote_a_secret_itself_though_nothing_else_is_left_to_say_so() {
        let written = json!({ "managedFields": [
            { "manager": "kubectl", "operation": "Update" },
            { "manager": "sealed-secrets-controller", "operation": "Update" },
        ] });
        assert_eq!(legacy(written), Legacy::Planted);
    }

    #[test]
    fn follows_a_label_that_was_put_on_the_key_from_before_labels() {
        let labelled = |value: &str| json!({ "labels": { KEY_LABEL: value } });
        assert_eq!(legacy(labelled(ACTIVE)), Legacy::Labelled);
        assert_eq!(legacy(labelled("compromised")), Legacy::Retired);
    }
}
