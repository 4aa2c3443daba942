//! The resource `sealedsecrets.bitnami.com`: specification, template, status, and its CRD.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use kube::{CustomResource, CustomResourceExt};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// The template annotation that asks for a Secret without an owner.
pub const SKIP_OWNER_REFERENCES: &str = "sealedsecrets.bitnami.com/skip-set-owner-references";

/// What a SealedSecret holds.
#[derive(CustomResource, Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[kube(
    group = "bitnami.com",
    version = "v1alpha1",
    kind = "SealedSecret",
    namespaced
)]
#[kube(status = "Status", derive = "Default", derive = "PartialEq")]
#[kube(
    printcolumn = r#"{"name":"Status","type":"string","jsonPath":".status.conditions[0].message"}"#
)]
#[kube(
    printcolumn = r#"{"name":"Synced","type":"string","jsonPath":".status.conditions[0].status"}"#
)]
#[kube(printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#)]
#[kube(doc = "A Secret whose values only the controller can open.")]
#[serde(rename_all = "camelCase")]
pub struct SealedSecretSpec {
    /// The Secret to make: its metadata, its type, and texts to render with the opened values.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(schema_with = "template_schema")]
    pub template: Template,
    /// Deprecated: a whole Secret, sealed as one value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "deprecated_data_schema")]
    pub data: Option<ByteString>,
    /// The sealed values by item name.
    #[serde(deserialize_with = "lenient_items")]
    #[schemars(schema_with = "encrypted_data_schema")]
    pub encrypted_data: BTreeMap<String, String>,
}

/// The Secret that a SealedSecret stands for, without its sealed values.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Template {
    /// Labels, annotations and finalizers of the Secret; its name and namespace are not read.
    #[serde(default, deserialize_with = "null_as_default")]
    pub metadata: ObjectMeta,
    /// The Secret's type.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_: Option<String>,
    /// Whether the Secret may never change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub immutable: Option<bool>,
    /// Texts to render, by item name; a null removes the item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<BTreeMap<String, Option<String>>>,
}

/// What the controller says of a SealedSecret.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The generation of the specification that the conditions speak of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Synced` first, then `Ready`.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub conditions: Vec<Condition>,
    /// What was last written to the Secret. Authenticated, since whoever may write a status could
    /// write this.
    #[serde(
        default,
        deserialize_with = "none_if_malformed",
        skip_serializing_if = "Option::is_none"
    )]
    pub applied: Option<Applied>,
}

/// Which version of the Secret is what a SealedSecret says. While it is the live one, there is
/// nothing to do. It holds nothing that depends on a value.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Applied {
    /// The generation of the SealedSecret.
    pub generation: i64,
    /// The uid of the Secret.
    pub secret_uid: String,
    /// The resourceVersion of the Secret.
    pub secret_resource_version: String,
    /// Whether it is a Secret of somebody else, merged into or found as it should be: no proof of ownership.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub merged: bool,
    /// The fingerprints of the keys that opened the values.
    #[serde(default)]
    pub keys: Vec<String>,
    /// HMAC-SHA256 of the above and of the identity of the SealedSecret, in hex, under a key derived
    /// from a sealing key.
    pub mac: String,
}

/// One aspect of a SealedSecret's state.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// The aspect.
    #[serde(rename = "type")]
    pub type_: String,
    /// `True` or `False`.
    pub status: String,
    /// When the condition was last written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_update_time: Option<Time>,
    /// When its status last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Time>,
    /// One word for programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// One sentence for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// An object that is no SealedSecret; it says where, and quotes nothing of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot read SealedSecret: wrong type at `{path}`")]
pub struct Malformed {
    path: String,
}

impl SealedSecret {
    /// Reads an object as leniently as upstream does: in `encryptedData` types do not matter.
    pub fn from_value(value: &Value) -> Result<Self, Malformed> {
        serde_path_to_error::deserialize(value).map_err(|error| Malformed {
            path: error.path().to_string(),
        })
    }
}

/// The CustomResourceDefinition, as it is installed into a cluster.
pub fn custom_resource_definition() -> CustomResourceDefinition {
    let mut crd = SealedSecret::crd();
    let schemas = crd
        .spec
        .versions
        .iter_mut()
        .filter_map(|version| version.schema.as_mut());
    let roots = schemas.filter_map(|schema| schema.open_api_v3_schema.as_mut());
    let specs = roots.filter_map(|root| root.properties.as_mut()?.get_mut("spec"));
    for template in specs.filter_map(|spec| spec.properties.as_mut()?.get_mut("template")) {
        // The server would write a default into every stored object, where GitOps sees a difference.
        template.default = None;
    }
    crd
}

/// A value that is not a text counts as empty, and fails later as undecryptable; upstream ignores
/// type errors here, so that one odd value hides no other.
fn lenient_items<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, String>, D::Error> {
    let text = |value| match value {
        Value::String(text) => text,
        _ => String::new(),
    };
    Ok(match Value::deserialize(deserializer)? {
        Value::Object(items) => items
            .into_iter()
            .map(|(name, value)| (name, text(value)))
            .collect(),
        _ => BTreeMap::new(),
    })
}

fn none_if_malformed<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: serde::de::DeserializeOwned,
    D: Deserializer<'de>,
{
    Ok(serde_json::from_value(Value::deserialize(deserializer)?).ok())
}

fn null_as_default<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Default + Deserialize<'de>,
    D: Deserializer<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

fn encrypted_data_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "nullable": true,
        "additionalProperties": { "type": "string" },
        "x-kubernetes-preserve-unknown-fields": true,
    })
}

fn deprecated_data_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "byte", "nullable": true })
}

// Null values of `data` are accepted, and so is whatever an older kubeseal left in `metadata`.
fn template_schema(_: &mut SchemaGenerator) -> Schema {
    let strings = json_schema!({ "type": "object", "additionalProperties": { "type": "string" } });
    json_schema!({
        "type": "object",
        "nullable": true,
        "properties": {
            "type": { "type": "string", "description": "The Secret's type." },
            "immutable": { "type": "boolean", "description": "Whether the Secret may never change." },
            "data": {
                "type": "object",
                "nullable": true,
                "description": "Texts to render with the opened values, by item name; a null removes the item.",
                "additionalProperties": { "type": "string", "nullable": true },
            },
            "metadata": {
                "type": "object",
                "nullable": true,
                "description": "Labels, annotations and finalizers of the Secret.",
                "x-kubernetes-preserve-unknown-fields": true,
                "properties": {
                    "name": { "type": "string" },
                    "namespace": { "type": "string" },
                    "labels": strings,
                    "annotations": strings,
                    "finalizers": { "type": "array", "items": { "type": "string" } },
                },
            },
        },
    })
}
