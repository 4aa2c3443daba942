//! The metadata of a template, as much of it as anybody reads. What else its author wrote there is passed over: in memory
//! it could take a hundred times what it takes in JSON.

use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference, Time};
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Owners are never applied: that there are some is all that matters.
const OWNERS: usize = 16;

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Read {
    name: Option<String>,
    generate_name: Option<String>,
    namespace: Option<String>,
    creation_timestamp: Option<Time>,
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<BTreeMap<String, String>>,
    finalizers: Option<Vec<String>>,
    #[serde(deserialize_with = "first")]
    owner_references: Option<Vec<OwnerReference>>,
}

/// Reads metadata; null is none.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<ObjectMeta, D::Error> {
    let read = Option::<Read>::deserialize(deserializer)?.unwrap_or_default();
    Ok(ObjectMeta {
        name: read.name,
        generate_name: read.generate_name,
        namespace: read.namespace,
        creation_timestamp: read.creation_timestamp,
        labels: read.labels,
        annotations: read.annotations,
        finalizers: read.finalizers,
        owner_references: read.owner_references,
        ..ObjectMeta::default()
    })
}

fn first<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<OwnerReference>>, D::Error> {
    struct First;

    impl<'de> Visitor<'de> for First {
        type Value = Option<Vec<OwnerReference>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("owner references")
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Self::Value, A::Error> {
            let mut owners = Vec::new();
            while owners.len() < OWNERS {
                match all.next_element()? {
                    Some(owner) => owners.push(owner),
                    None => return Ok(Some(owners)),
                }
            }
            while all.next_element::<IgnoredAny>()?.is_some() {}
            Ok(Some(owners))
        }
    }

    deserializer.deserialize_any(First)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keeps_what_somebody_reads_and_passes_over_the_rest() {
        let many = |one: serde_json::Value| vec![one; 1000];
        let written = json!({
            "name": "db", "labels": { "a": "b" }, "finalizers": ["x/y"], "creationTimestamp": null,
            "managedFields": many(json!({})), "ownerReferences": many(json!({ "name": "n" })),
        });
        let read = deserialize(&written).unwrap();
        assert_eq!(read.name.as_deref(), Some("db"));
        assert_eq!(read.labels.unwrap()["a"], "b");
        assert_eq!(read.finalizers.unwrap(), ["x/y"]);
        assert_eq!(read.owner_references.unwrap().len(), OWNERS);
        assert_eq!(read.managed_fields, None);
        assert_eq!(deserialize(json!(null)).unwrap(), ObjectMeta::default());
        let none = json!({ "ownerReferences": null });
        assert_eq!(deserialize(none).unwrap().owner_references, None);
    }
}
