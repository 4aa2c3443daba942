//! One object of the watch: whether it is well-formed or not, it has a name and can be reported on.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use sealing::{LAST_APPLIED, Malformed, SealedSecret, SealedSecretSpec, Status};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::collection::Lenient;
use crate::namespaced_name::NamespacedName;
use crate::object_meta;

/// An object is this long at most, in JSON: twice what an API server takes unless it is told otherwise.
const MOST: usize = 3 << 20;

/// A SealedSecret as it was last seen, decoded alone, so that a bad one hides no other.
pub(crate) struct Guarded {
    pub(crate) status: Status,
    /// Of a malformed one its metadata, which is enough to report on it.
    sealed: Result<Arc<SealedSecret>, Box<(ObjectMeta, Malformed)>>,
}

impl Guarded {
    pub(crate) fn well_formed(&self) -> Result<Arc<SealedSecret>, Malformed> {
        match &self.sealed {
            Ok(sealed) => Ok(Arc::clone(sealed)),
            Err(malformed) => Err(malformed.1.clone()),
        }
    }

    pub(crate) fn metadata(&self) -> &ObjectMeta {
        match &self.sealed {
            Ok(sealed) => &sealed.metadata,
            Err(malformed) => &malformed.0,
        }
    }

    pub(crate) fn key(&self) -> NamespacedName {
        let metadata = self.metadata();
        NamespacedName {
            namespace: metadata.namespace.clone().unwrap_or_default(),
            name: metadata.name.clone().unwrap_or_default(),
        }
    }

    pub(crate) fn is_going(&self) -> bool {
        self.metadata().deletion_timestamp.is_some()
    }

    /// Whether its status says that what it says now was done.
    pub(crate) fn is_told(&self) -> bool {
        let mut conditions = self.status.conditions.iter();
        let is_synced =
            conditions.any(|condition| condition.type_ == "Synced" && condition.status == "True");
        is_synced && self.status.observed_generation == self.metadata().generation
    }

    /// Whether its status says that it could not be unsealed.
    pub(crate) fn has_failed(&self) -> bool {
        let mut conditions = self.status.conditions.iter();
        conditions.any(|condition| condition.type_ == "Synced" && condition.status == "False")
    }

    /// Whether unsealing `self` can give another result than unsealing `other`. A status that was
    /// written makes no difference.
    pub(crate) fn says_other_than(&self, other: &Self) -> bool {
        let said = |object: &Self| {
            let metadata = object.metadata();
            (
                metadata.uid.clone(),
                metadata.generation,
                metadata.annotations.clone(),
                metadata.labels.clone(),
            )
        };
        said(self) != said(other) || self.sealed.is_err() != other.sealed.is_err()
    }
}

/// An object in its parts: none of them is looked into yet.
#[derive(Deserialize)]
struct Parts<'a> {
    #[serde(borrow)]
    metadata: &'a RawValue,
    #[serde(borrow)]
    spec: Option<&'a RawValue>,
    #[serde(borrow)]
    status: Option<&'a RawValue>,
}

impl Lenient for Guarded {
    fn from_json(text: &str) -> Option<Self> {
        let parts: Parts<'_> = serde_json::from_str(text).ok()?;
        let mut metadata = object_meta::from_json(parts.metadata.get())?;
        leave_out_what_is_long(&mut metadata);
        // A status that does not read is no reason not to unseal; it is written anew.
        let status = parts
            .status
            .map(|status| serde_json::from_str(status.get()));
        let spec = match parts.spec {
            _ if text.len() > MOST => Err(Malformed::Size(MOST)),
            Some(spec) => SealedSecretSpec::from_json(spec.get()),
            None => Err(Malformed::Type("spec".to_owned())),
        };
        Some(Self {
            status: status.and_then(Result::ok).unwrap_or_default(),
            sealed: match spec {
                Ok(spec) => Ok(Arc::new(SealedSecret {
                    metadata,
                    spec,
                    status: None,
                })),
                Err(malformed) => Err(Box::new((metadata, malformed))),
            },
        })
    }
}

/// Every object is kept in memory, and nobody asks for these: copies of it.
fn leave_out_what_is_long(metadata: &mut ObjectMeta) {
    let annotations = metadata.annotations.iter_mut();
    annotations
        .for_each(|annotations| annotations.retain(|key, _| !LAST_APPLIED.contains(&&**key)));
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::*;

    fn guarded(metadata: Value, rest: Value) -> Guarded {
        let mut object = rest;
        object["apiVersion"] = "bitnami.com/v1alpha1".into();
        object["kind"] = "SealedSecret".into();
        object["metadata"] = metadata;
        Guarded::from_json(&object.to_string()).unwrap()
    }

    fn object(metadata: Value) -> Guarded {
        guarded(metadata, json!({ "spec": { "encryptedData": {} } }))
    }

    #[test]
    fn keeps_the_name_of_a_malformed_object() {
        let object = guarded(
            json!({ "name": "a", "namespace": "n" }),
            json!({ "spec": 7 }),
        );
        assert_eq!(object.key().to_string(), "n/a");
        assert!(object.well_formed().is_err());
    }

    #[test]
    fn reads_on_where_the_status_is_malformed() {
        let rest = json!({ "spec": { "encryptedData": {} }, "status": { "conditions": 7 } });
        let object = guarded(json!({ "name": "a" }), rest);
        assert!(object.well_formed().is_ok());
        assert_eq!(object.status, Status::default());
    }

    #[test]
    fn refuses_an_object_that_is_too_large_on_itself() {
        let object = object(json!({ "name": "a", "annotations": { "x": "y".repeat(MOST) } }));
        let malformed = object.well_formed().unwrap_err();
        assert_eq!(malformed, Malformed::Size(MOST));
        assert_eq!(object.key().name, "a");
    }

    #[test]
    fn keeps_nothing_of_what_nobody_reads_however_much_it_is() {
        let many = |one: &str| vec![serde_json::from_str::<Value>(one).unwrap(); 100_000];
        let spec = json!({ "encryptedData": {}, "template": { "metadata": { "managedFields": many("{}") } } });
        let object = guarded(json!({ "name": "a" }), json!({ "spec": spec }));
        let metadata = &object.well_formed().unwrap().spec.template.metadata;
        assert_eq!(metadata.managed_fields, None);

        let items: BTreeMap<String, &str> = (0..30_000).map(|i| (i.to_string(), "")).collect();
        for spec in [
            json!({ "encryptedData": items }),
            json!({ "encryptedData": {}, "template": { "data": items } }),
        ] {
            let object = guarded(json!({ "name": "a" }), json!({ "spec": spec }));
            assert_eq!(object.well_formed().unwrap_err(), Malformed::Items(20_000));
        }
    }

    #[test]
    fn sees_a_change_of_generation_annotations_labels_and_identity_only() {
        let plain = object(json!({ "name": "a", "generation": 1, "resourceVersion": "1" }));
        let change = |metadata| object(metadata).says_other_than(&plain);
        assert!(!change(
            json!({ "name": "a", "generation": 1, "resourceVersion": "2" })
        ));
        assert!(change(json!({ "name": "a", "generation": 2 })));
        assert!(change(
            json!({ "name": "a", "generation": 1, "annotations": { "x": "y" } })
        ));
        assert!(change(
            json!({ "name": "a", "generation": 1, "labels": { "x": "y" } })
        ));
        assert!(change(json!({ "name": "a", "generation": 1, "uid": "u" })));
    }
}
