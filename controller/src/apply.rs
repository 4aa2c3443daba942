//! The Secret is written here and nowhere else: created, or replaced in the very version that the
//! decision was made on.

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Client;

use crate::ownership::Right;
use crate::secret_api::{self, Error};

/// What became of the Secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    Created,
    Replaced,
    /// It was as it should be.
    Unchanged,
}

/// Brings the live Secret to what the SealedSecret says, within its right.
pub(crate) async fn apply(
    client: &Client,
    right: Right,
    unsealed: sealing::Secret,
    live: Option<Secret>,
) -> Result<Written, Error> {
    // Writing the Secret is what its values were opened for.
    let unsealed = unsealed.expose();
    let Some(live) = live.map(normal) else {
        secret_api::create(client, &unsealed).await?;
        return Ok(Written::Created);
    };
    let wanted = normal(match right {
        Right::Merge { own } => merged(live.clone(), unsealed, own),
        Right::Create | Right::Replace => replaced(live.clone(), unsealed),
    });
    if wanted == live {
        return Ok(Written::Unchanged);
    }
    secret_api::replace(client, &wanted).await?;
    Ok(Written::Replaced)
}

/// Everything that the SealedSecret says, on top of the live version.
fn replaced(live: Secret, unsealed: Secret) -> Secret {
    let mut wanted = live;
    wanted.data = unsealed.data;
    wanted.metadata.labels = unsealed.metadata.labels;
    wanted.metadata.annotations = unsealed.metadata.annotations;
    wanted.metadata.owner_references = with_foreign(
        unsealed.metadata.owner_references,
        wanted.metadata.owner_references,
    );
    if unsealed.type_.is_some() {
        wanted.type_ = unsealed.type_; // no type is no opinion
    }
    if unsealed.immutable == Some(true) {
        wanted.immutable = unsealed.immutable; // the API forbids the way back
    }
    wanted
}

/// What the SealedSecret says key by key; whatever else is there stays.
fn merged(live: Secret, unsealed: Secret, own: bool) -> Secret {
    let mut wanted = live;
    wanted
        .data
        .get_or_insert_default()
        .extend(unsealed.data.unwrap_or_default());
    let metadata = unsealed.metadata;
    wanted
        .metadata
        .labels
        .get_or_insert_default()
        .extend(metadata.labels.unwrap_or_default());
    wanted
        .metadata
        .annotations
        .get_or_insert_default()
        .extend(metadata.annotations.unwrap_or_default());
    if own {
        wanted.metadata.owner_references =
            with_foreign(metadata.owner_references, wanted.metadata.owner_references);
    }
    if unsealed.type_.is_some() {
        wanted.type_ = unsealed.type_;
    }
    wanted
}

/// Our owners first; those that others added stay, unless they claim to be the controller.
fn with_foreign(
    ours: Option<Vec<OwnerReference>>,
    live: Option<Vec<OwnerReference>>,
) -> Option<Vec<OwnerReference>> {
    let ours = ours.unwrap_or_default();
    let is_foreign = |owner: &OwnerReference| {
        owner.controller != Some(true) && !ours.iter().any(|own| own.uid == owner.uid)
    };
    let foreign: Vec<_> = live
        .unwrap_or_default()
        .into_iter()
        .filter(is_foreign)
        .collect();
    Some([ours, foreign].concat()).filter(|owners| !owners.is_empty())
}

/// An empty map says no more than none.
fn normal(mut secret: Secret) -> Secret {
    secret.data = secret.data.filter(|data| !data.is_empty());
    secret.metadata.labels = secret.metadata.labels.filter(|labels| !labels.is_empty());
    secret.metadata.annotations = secret
        .metadata
        .annotations
        .filter(|annotations| !annotations.is_empty());
    secret
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn secret(value: Value) -> Secret {
        serde_json::from_value(value).unwrap()
    }

    fn live() -> Secret {
        secret(json!({
            "metadata": {
                "name": "db", "uid": "s1", "resourceVersion": "7",
                "labels": { "old": "1" }, "annotations": { "by": "hand" },
                "ownerReferences": [
                    { "apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "p1" },
                    { "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "name": "db", "uid": "u0", "controller": true },
                ],
            },
            "type": "Opaque",
            "data": { "kept": "YQ==", "both": "YQ==" },
        }))
    }

    fn unsealed() -> Secret {
        secret(json!({
            "metadata": {
                "name": "db", "labels": { "new": "2" },
                "ownerReferences": [
                    { "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "name": "db", "uid": "u1", "controller": true },
                ],
            },
            "data": { "both": "Yg==" },
        }))
    }

    fn uids(secret: &Secret) -> Vec<&str> {
        secret
            .metadata
            .owner_references
            .iter()
            .flatten()
            .map(|owner| &*owner.uid)
            .collect()
    }

    #[test]
    fn replaces_values_labels_and_annotations_wholesale() {
        let wanted = serde_json::to_value(normal(replaced(live(), unsealed()))).unwrap();
        assert_eq!(wanted["data"], json!({ "both": "Yg==" }));
        assert_eq!(wanted["metadata"]["labels"], json!({ "new": "2" }));
        assert_eq!(wanted["metadata"].get("annotations"), None);
        assert_eq!(wanted["metadata"]["resourceVersion"], "7");
    }

    #[test]
    fn owns_first_and_leaves_owners_that_are_no_controllers() {
        assert_eq!(uids(&replaced(live(), unsealed())), ["u1", "p1"]);
    }

    #[test]
    fn merges_key_by_key_and_leaves_the_rest() {
        let wanted = serde_json::to_value(merged(live(), unsealed(), false)).unwrap();
        assert_eq!(wanted["data"], json!({ "both": "Yg==", "kept": "YQ==" }));
        assert_eq!(
            wanted["metadata"]["labels"],
            json!({ "new": "2", "old": "1" })
        );
        assert_eq!(uids(&merged(live(), unsealed(), false)), ["p1", "u0"]);
        assert_eq!(uids(&merged(live(), unsealed(), true)), ["u1", "p1"]);
    }

    #[test]
    fn leaves_the_type_alone_where_the_template_has_none() {
        assert_eq!(
            replaced(live(), unsealed()).type_.as_deref(),
            Some("Opaque")
        );
    }

    #[test]
    fn sees_no_difference_between_an_empty_map_and_none() {
        let empty = secret(json!({ "metadata": { "labels": {} }, "data": {} }));
        assert_eq!(normal(empty), secret(json!({ "metadata": {} })));
    }
}
