//! The metadata every object has: its types, its names, and what the server alone decides.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::resource::Resource;
use crate::status::Status;

/// Brings metadata into its typed form: types are checked, nulls dropped, unknown fields dropped and
/// named. Go's decoder names the struct differently for built-in kinds.
pub(crate) fn decode(
    object: &mut Map<String, Value>,
    is_custom: bool,
) -> Result<Vec<String>, String> {
    let metadata = object.entry("metadata").or_insert_with(|| json!({}));
    if metadata.is_null() {
        *metadata = json!({});
    }
    let prefix = if is_custom {
        "ObjectMeta."
    } else {
        "ObjectMeta.metadata."
    };
    let found = go_name(metadata);
    let Value::Object(metadata) = metadata else {
        return Err(format!(
            "json: cannot unmarshal {found} into Go value of type v1.ObjectMeta"
        ));
    };
    let mut unknown = Vec::new();
    metadata.retain(|key, _| {
        let known = wanted(key).is_some();
        if !known && key != "managedFields" && key != "selfLink" {
            unknown.push(format!("metadata.{key}"));
        }
        known
    });
    metadata.retain(|_, value| !value.is_null());
    for (key, value) in metadata.iter_mut() {
        let Some(wanted) = wanted(key) else { continue };
        decode_field(value, wanted).map_err(|(found, go_type)| {
            format!("json: cannot unmarshal {found} into Go struct field {prefix}{key} of type {go_type}")
        })?;
    }
    metadata.retain(|_, value| !is_empty(value));
    Ok(unknown)
}

#[derive(Clone, Copy)]
enum Wanted {
    Text,
    Number,
    Time,
    TextMap,
    TextList,
    Owners,
}

fn wanted(key: &str) -> Option<Wanted> {
    Some(match key {
        "name" | "generateName" | "namespace" | "uid" | "resourceVersion" => Wanted::Text,
        "generation" | "deletionGracePeriodSeconds" => Wanted::Number,
        "creationTimestamp" | "deletionTimestamp" => Wanted::Time,
        "labels" | "annotations" => Wanted::TextMap,
        "finalizers" => Wanted::TextList,
        "ownerReferences" => Wanted::Owners,
        _ => return None,
    })
}

fn decode_field(value: &mut Value, wanted: Wanted) -> Result<(), (&'static str, &'static str)> {
    let refuse = |value: &Value, go_type| Err((go_name(value), go_type));
    match (wanted, value) {
        (Wanted::Text | Wanted::Time, Value::String(_)) => Ok(()),
        (Wanted::Number, Value::Number(_)) => Ok(()),
        (Wanted::TextMap, Value::Object(map)) => map.values_mut().try_for_each(text),
        (Wanted::TextList, Value::Array(items)) => items.iter_mut().try_for_each(text),
        (Wanted::Owners, Value::Array(items)) => items.iter_mut().try_for_each(owner),
        (Wanted::Text, other) => refuse(other, "string"),
        (Wanted::Time, other) => refuse(other, "v1.Time"),
        (Wanted::Number, other) => refuse(other, "int64"),
        (Wanted::TextMap, other) => refuse(other, "map[string]string"),
        (Wanted::TextList, other) => refuse(other, "[]string"),
        (Wanted::Owners, other) => refuse(other, "[]v1.OwnerReference"),
    }
}

/// A string; Go reads null as an empty one.
fn text(value: &mut Value) -> Result<(), (&'static str, &'static str)> {
    if value.is_null() {
        *value = "".into();
    }
    if value.is_string() {
        Ok(())
    } else {
        Err((go_name(value), "string"))
    }
}

fn owner(value: &mut Value) -> Result<(), (&'static str, &'static str)> {
    const FIELDS: &[&str] = &["apiVersion", "kind", "name", "uid"];
    const SWITCHES: &[&str] = &["controller", "blockOwnerDeletion"];
    let found = go_name(value);
    let owner = value.as_object_mut().ok_or((found, "v1.OwnerReference"))?;
    owner.retain(|key, value| {
        !value.is_null() && (FIELDS.contains(&key.as_str()) || SWITCHES.contains(&key.as_str()))
    });
    for (key, value) in owner.iter_mut() {
        match (FIELDS.contains(&key.as_str()), value) {
            (true, value) => text(value)?,
            (false, Value::Bool(_)) => {}
            (false, value) => return Err((go_name(value), "bool")),
        }
    }
    for field in FIELDS {
        owner.entry(*field).or_insert_with(|| "".into());
    }
    Ok(())
}

/// What Go's JSON decoder calls a value.
pub(crate) fn go_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

/// What the server alone decides of a new object.
pub(crate) fn prepare_new(resource: &Resource, object: &mut Value) {
    for key in [
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
    ] {
        object["metadata"]
            .as_object_mut()
            .map(|metadata| metadata.remove(key));
    }
    let generated = object["metadata"]["generateName"]
        .as_str()
        .map(|prefix| generated_name(prefix, crate::random::suffix()));
    if let (Some(name), None) = (generated, object["metadata"].get("name")) {
        object["metadata"]["name"] = name.into();
    }
    object["metadata"]["uid"] = crate::random::uid().into();
    object["metadata"]["creationTimestamp"] = now().into();
    if resource.has_generation() {
        object["metadata"]["generation"] = 1.into();
    }
}

fn generated_name(prefix: &str, suffix: String) -> String {
    const LONGEST: usize = 63;
    let mut name: String = prefix.chars().take(LONGEST - suffix.len()).collect();
    name.push_str(&suffix);
    name
}

/// The time as Kubernetes writes it, to the second.
pub(crate) fn now() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Carries over what no update may change.
pub(crate) fn keep(old: &Value, new: &mut Value) {
    for key in [
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generateName",
        "generation",
    ] {
        match old["metadata"].get(key) {
            Some(value) => new["metadata"][key] = value.clone(),
            None => {
                new["metadata"]
                    .as_object_mut()
                    .map(|metadata| metadata.remove(key));
            }
        }
    }
}

/// Whether an update meets the version and uid its sender decided on.
pub(crate) fn check_preconditions(
    resource: &Resource,
    name: &str,
    old: &Value,
    new: &Value,
) -> Result<(), Status> {
    let (old, new) = (&old["metadata"], &new["metadata"]);
    if let Some(uid) = new["uid"].as_str().filter(|uid| old["uid"] != *uid) {
        let namespace = old["namespace"]
            .as_str()
            .map(|namespace| format!("{namespace}/"))
            .unwrap_or_default();
        let path = if resource.group.is_empty() {
            resource.plural.clone()
        } else {
            format!("{}/{}", resource.group, resource.plural)
        };
        let why = format!(
            "StorageError: invalid object, Code: 4, Key: /registry/{path}/{namespace}{name}, ResourceVersion: 0, \
             AdditionalErrorMsg: Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
            old["uid"].as_str().unwrap_or_default()
        );
        return Err(Status::conflict(resource, name, &why));
    }
    match new["resourceVersion"].as_str() {
        Some(version) if old["resourceVersion"] != version => Err(Status::modified(resource, name)),
        None if resource.custom.is_some() => Err(Status::version_required(resource, name)),
        _ => Ok(()),
    }
}
