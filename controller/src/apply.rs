//! The Secret is written here and nowhere else: created, or replaced in the very version that the
//! decision was made on.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{Client, ResourceExt};

use crate::in_sync::Share;
use crate::ownership::Right;
use crate::pace::Leave;
use crate::secret_api;

/// What became of the Secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    Created,
    Replaced,
    /// It was as it should be.
    Unchanged,
}

/// A Secret that is as it should be now.
pub(crate) struct Applied {
    pub(crate) written: Written,
    pub(crate) live: Secret,
    /// What of it the SealedSecret speaks of.
    pub(crate) share: Share,
    /// Whether it is somebody else's: merged into, or found as it should be. That is no proof of anything.
    pub(crate) is_foreign: bool,
}

/// Why a Secret was not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("Resource \"{0}\" already exists and is not managed by SealedSecret")]
    NotOwned(String),
    #[error("the Secret is invalid: data: Forbidden: field is immutable when `immutable` is set")]
    Immutable,
    #[error(
        "cannot change the type of the Secret from `{from}` to `{to}`: delete the Secret to have it made anew"
    )]
    Type { from: String, to: String },
    #[error("somebody else keeps changing the Secret back")]
    Contended,
    #[error(transparent)]
    Api(#[from] secret_api::Error),
}

/// How much of a live Secret is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// What the SealedSecret says, and nothing that it does not say.
    Whole,
    /// What the SealedSecret says: it has not changed, others may have added to the Secret.
    Repair,
}

/// Brings the live Secret to what the SealedSecret says, within its right, and with leave to write it.
pub(crate) async fn apply(
    client: &Client,
    right: Right,
    extent: Extent,
    unsealed: sealing::Secret,
    live: Option<Secret>,
    leave: Leave<'_>,
) -> Result<Applied, Error> {
    // Writing the Secret is what its values were opened for.
    let unsealed = unsealed.expose();
    let share = share(&right, &unsealed);
    let is_foreign = matches!(right, Right::Merge { .. } | Right::Look);
    let done = |written, live| Applied {
        written,
        live,
        share,
        is_foreign,
    };
    let Some(live) = live.map(normal) else {
        // Somebody else may keep deleting it.
        if !leave.is_given() {
            return Err(Error::Contended);
        }
        let live = secret_api::create(client, &unsealed).await?;
        leave.used();
        return Ok(done(Written::Created, live));
    };
    let wanted = normal(match right {
        Right::Merge { own } => merge(live.clone(), unsealed, own),
        _ => replace(live.clone(), unsealed, extent),
    });
    if wanted == live {
        return Ok(done(Written::Unchanged, live));
    }
    if right == Right::Look {
        return Err(Error::NotOwned(live.name_any()));
    }
    check(&live, &wanted)?;
    if !leave.is_given() {
        return Err(Error::Contended);
    }
    let live = secret_api::replace(client, &wanted).await?;
    leave.used();
    Ok(done(Written::Replaced, live))
}

/// Refuses what the API server would, so that the reason is known and not read from its words.
fn check(live: &Secret, wanted: &Secret) -> Result<(), Error> {
    if live.type_ != wanted.type_ {
        let name = |secret: &Secret| secret.type_.clone().unwrap_or_default();
        return Err(Error::Type {
            from: name(live),
            to: name(wanted),
        });
    }
    if live.immutable == Some(true) && live.data != wanted.data {
        return Err(Error::Immutable);
    }
    Ok(())
}

/// What the SealedSecret says of the Secret, by name.
fn share(right: &Right, unsealed: &Secret) -> Share {
    let names = |map: &Option<BTreeMap<String, String>>| -> Vec<String> {
        map.iter().flatten().map(|(name, _)| name.clone()).collect()
    };
    let items = || {
        unsealed
            .data
            .iter()
            .flatten()
            .map(|(item, _)| item.clone())
            .collect()
    };
    Share {
        items: matches!(right, Right::Merge { .. }).then(items),
        labels: names(&unsealed.metadata.labels),
        annotations: names(&unsealed.metadata.annotations),
        owners: *right != Right::Merge { own: false },
    }
}

/// Everything that the SealedSecret says, on top of the live version.
fn replace(live: Secret, unsealed: Secret, extent: Extent) -> Secret {
    let mut wanted = live;
    wanted.data = unsealed.data;
    let (metadata, present) = (unsealed.metadata, &mut wanted.metadata);
    match extent {
        Extent::Whole => {
            present.labels = metadata.labels;
            present.annotations = metadata.annotations;
            if unsealed.immutable == Some(true) {
                wanted.immutable = unsealed.immutable; // the API forbids the way back
            }
        }
        Extent::Repair => {
            add(&mut present.labels, metadata.labels);
            add(&mut present.annotations, metadata.annotations);
        }
    }
    present.owner_references =
        with_foreign(metadata.owner_references, present.owner_references.take());
    if unsealed.type_.is_some() {
        wanted.type_ = unsealed.type_; // no type is no opinion
    }
    wanted
}

/// What the SealedSecret says key by key; whatever else is there stays.
fn merge(live: Secret, unsealed: Secret, own: bool) -> Secret {
    let mut wanted = live;
    add(&mut wanted.data, unsealed.data);
    let (metadata, present) = (unsealed.metadata, &mut wanted.metadata);
    add(&mut present.labels, metadata.labels);
    add(&mut present.annotations, metadata.annotations);
    if own {
        present.owner_references =
            with_foreign(metadata.owner_references, present.owner_references.take());
    }
    if unsealed.type_.is_some() {
        wanted.type_ = unsealed.type_;
    }
    wanted
}

fn add<V>(to: &mut Option<BTreeMap<String, V>>, what: Option<BTreeMap<String, V>>) {
    to.get_or_insert_default().extend(what.unwrap_or_default());
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
        let wanted =
            serde_json::to_value(normal(replace(live(), unsealed(), Extent::Whole))).unwrap();
        assert_eq!(wanted["data"], json!({ "both": "Yg==" }));
        assert_eq!(wanted["metadata"]["labels"], json!({ "new": "2" }));
        assert_eq!(wanted["metadata"].get("annotations"), None);
        assert_eq!(wanted["metadata"]["resourceVersion"], "7");
    }

    #[test]
    fn owns_first_and_leaves_owners_that_are_no_controllers() {
        assert_eq!(
            uids(&replace(live(), unsealed(), Extent::Whole)),
            ["u1", "p1"]
        );
    }

    #[test]
    fn merges_key_by_key_and_leaves_the_rest() {
        let wanted = serde_json::to_value(merge(live(), unsealed(), false)).unwrap();
        assert_eq!(wanted["data"], json!({ "both": "Yg==", "kept": "YQ==" }));
        assert_eq!(
            wanted["metadata"]["labels"],
            json!({ "new": "2", "old": "1" })
        );
        assert_eq!(uids(&merge(live(), unsealed(), false)), ["p1", "u0"]);
        assert_eq!(uids(&merge(live(), unsealed(), true)), ["u1", "p1"]);
    }

    #[test]
    fn leaves_the_type_alone_where_the_template_has_none() {
        assert_eq!(
            replace(live(), unsealed(), Extent::Whole).type_.as_deref(),
            Some("Opaque")
        );
    }

    /// <https://github.com/bitnami/sealed-secrets/issues/770>
    #[test]
    fn repairs_its_own_and_leaves_what_others_added() {
        let wanted = replace(live(), unsealed(), Extent::Repair);
        let wanted = serde_json::to_value(normal(wanted)).unwrap();
        assert_eq!(wanted["data"], json!({ "both": "Yg==" }));
        assert_eq!(
            wanted["metadata"]["labels"],
            json!({ "old": "1", "new": "2" })
        );
        assert_eq!(wanted["metadata"]["annotations"], json!({ "by": "hand" }));
    }

    #[test]
    fn makes_a_secret_immutable_with_a_new_generation_only() {
        let immutable = || Secret {
            immutable: Some(true),
            ..unsealed()
        };
        assert_eq!(
            replace(live(), immutable(), Extent::Whole).immutable,
            Some(true)
        );
        assert_eq!(replace(live(), immutable(), Extent::Repair).immutable, None);
        let frozen = Secret {
            immutable: Some(true),
            ..live()
        };
        assert_eq!(
            replace(frozen, unsealed(), Extent::Whole).immutable,
            Some(true)
        );
    }

    #[test]
    fn sees_in_the_object_that_it_may_not_change() {
        let frozen = Secret {
            immutable: Some(true),
            ..live()
        };
        let wanted = replace(frozen.clone(), unsealed(), Extent::Whole);
        assert!(matches!(check(&frozen, &wanted), Err(Error::Immutable)));
        let labelled = Secret {
            data: frozen.data.clone(),
            ..wanted
        };
        assert!(check(&frozen, &labelled).is_ok());
    }

    /// <https://github.com/bitnami/sealed-secrets/issues/86>
    #[test]
    fn reports_a_changed_type() {
        let typed = Secret {
            type_: Some("a/b".into()),
            ..unsealed()
        };
        let error = check(&live(), &replace(live(), typed, Extent::Whole)).unwrap_err();
        let text = "cannot change the type of the Secret from `Opaque` to `a/b`: delete the Secret to have it made anew";
        assert_eq!(error.to_string(), text);
    }

    #[test]
    fn says_what_upstream_says_of_a_foreign_secret() {
        let text = "Resource \"db\" already exists and is not managed by SealedSecret";
        assert_eq!(Error::NotOwned("db".into()).to_string(), text);
    }

    #[test]
    fn sees_no_difference_between_an_empty_map_and_none() {
        let empty = secret(json!({ "metadata": { "labels": {} }, "data": {} }));
        assert_eq!(normal(empty), secret(json!({ "metadata": {} })));
    }
}
