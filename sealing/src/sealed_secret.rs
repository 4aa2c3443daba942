//! The resource `sealedsecrets.bitnami.com`: specification, template, status, and its CRD.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use kube::{CustomResource, CustomResourceExt};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::template_metadata;

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
    #[serde(default, deserialize_with = "template_metadata::deserialize")]
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
    /// HMAC-SHA256 of the resourceVersion of the Secret, in hex: whether an edit changed the Secret is not for everybody
    /// who reads a status.
    pub secret_version: String,
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

/// An object that is no SealedSecret; it says where, and quotes nothing of its values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Something in it is of another type than it has to be.
    #[error("cannot read SealedSecret: wrong type at `{0}`")]
    Type(String),
    /// Something in it stands in too many others.
    #[error("cannot read SealedSecret: nested too deeply at `{0}`")]
    Nesting(String),
    /// It has more items, or templates, than that.
    #[error("cannot read SealedSecret: more than {0} items")]
    Items(usize),
    /// It is larger than so many bytes, in JSON.
    #[error("cannot read SealedSecret: it is larger than {0} bytes")]
    Size(usize),
}

/// No object that an API server takes has as many sealed values; what is no value may be smaller than one.
const ITEMS: usize = 20_000;
/// A path is told so far, in characters: its parts are the names that the author of the object chose.
const PATH: usize = 200;

impl Malformed {
    fn new(path: &str, error: &serde_json::Error) -> Self {
        let path = path.escape_debug().take(PATH).collect();
        match error.classify() {
            // What was JSON to somebody else is broken to us where it is nested too deeply.
            serde_json::error::Category::Syntax => Self::Nesting(path),
            _ => Self::Type(path),
        }
    }
}

impl SealedSecret {
    /// Reads an object as leniently as upstream does: in `encryptedData` types do not matter.
    pub fn from_value(value: &Value) -> Result<Self, Malformed> {
        serde_path_to_error::deserialize(value)
            .map_err(|error| Malformed::new(&error.path().to_string(), error.inner()))
    }
}

impl SealedSecretSpec {
    /// Reads a specification in JSON as leniently as [`SealedSecret::from_value`] does. What nobody reads of it
    /// may be nested as deeply as it likes.
    pub fn from_json(text: &str) -> Result<Self, Malformed> {
        let mut json = serde_json::Deserializer::from_str(text);
        let spec: Self = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let path = match error.path().to_string() {
                path if path == "." => "spec".to_owned(),
                path => format!("spec.{path}"),
            };
            Malformed::new(&path, error.inner())
        })?;
        let templates = spec.template.data.as_ref().map_or(0, BTreeMap::len);
        match spec.encrypted_data.len().max(templates) > ITEMS {
            true => Err(Malformed::Items(ITEMS)),
            false => Ok(spec),
        }
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
    // Taken apart item by item, so that one that is nested beyond reading is no more than odd.
    let raw = Box::<RawValue>::deserialize(deserializer)?;
    let items: BTreeMap<String, &RawValue> = serde_json::from_str(raw.get()).unwrap_or_default();
    let text = |item: &RawValue| serde_json::from_str(item.get()).unwrap_or_default();
    Ok(items
        .into_iter()
        .map(|(name, item)| (name, text(item)))
        .collect())
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
