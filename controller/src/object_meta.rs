//! The metadata of an object of somebody else, without what nobody here reads: its managed fields repeat the object's
//! structure, and may be nested as deeply as the object is.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference, Time};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Read {
    name: Option<String>,
    namespace: Option<String>,
    uid: Option<String>,
    resource_version: Option<String>,
    generation: Option<i64>,
    creation_timestamp: Option<Time>,
    deletion_timestamp: Option<Time>,
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<BTreeMap<String, String>>,
    owner_references: Option<Vec<OwnerReference>>,
    finalizers: Option<Vec<String>>,
}

/// Reads metadata that has a name.
pub(crate) fn from_json(text: &str) -> Option<ObjectMeta> {
    let read: Read = serde_json::from_str(text).ok()?;
    Some(ObjectMeta {
        name: Some(read.name?),
        namespace: read.namespace,
        uid: read.uid,
        resource_version: read.resource_version,
        generation: read.generation,
        creation_timestamp: read.creation_timestamp,
        deletion_timestamp: read.deletion_timestamp,
        labels: read.labels,
        annotations: read.annotations,
        owner_references: read.owner_references,
        finalizers: read.finalizers,
        ..ObjectMeta::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_has_a_name_however_deep_its_managed_fields_are() {
        let deep = format!("{}1{}", r#"{"f:a":"#.repeat(500), "}".repeat(500));
        let managed =
            format!(r#"{{"name":"a","generation":2,"managedFields":[{{"fieldsV1":{deep}}}]}}"#);
        let metadata = from_json(&managed).unwrap();
        assert_eq!(metadata.name.as_deref(), Some("a"));
        assert_eq!(metadata.generation, Some(2));
        assert!(from_json(r#"{"namespace":"n"}"#).is_none());
    }
}
