//! How SealedSecrets are printed: as JSON or YAML, in Go's order of fields.

use std::collections::BTreeMap;
use std::str::FromStr;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use sealing::SealedSecret;
use serde::Serialize;
use serde_json::Value;

use crate::{go_json, go_yaml};

/// The syntax of printed manifests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Format {
    #[default]
    Json,
    Yaml,
}

impl FromStr for Format {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name.to_ascii_lowercase().as_str() {
            "" | "json" => Ok(Self::Json),
            "yaml" => Ok(Self::Yaml),
            _ => Err(format!("unsupported output format: {name}")),
        }
    }
}

impl Format {
    /// Prints every object: JSON ends with a line break, YAML begins with `---`.
    pub(crate) fn print(self, sealed: &[SealedSecret]) -> Result<String, serde_json::Error> {
        sealed
            .iter()
            .map(Manifest::from)
            .map(|manifest| self.print_one(&manifest))
            .collect()
    }

    fn print_one(self, manifest: &Manifest<'_>) -> Result<String, serde_json::Error> {
        match self {
            Self::Json => Ok(go_json::print(manifest)? + "\n"),
            Self::Yaml => match serde_json::to_value(manifest)? {
                Value::Object(object) => Ok(format!("---\n{}", go_yaml::print(&object))),
                _ => Ok(String::new()),
            },
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest<'a> {
    kind: &'static str,
    api_version: &'static str,
    metadata: Metadata<'a>,
    spec: Spec<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Spec<'a> {
    template: Template<'a>,
    encrypted_data: &'a BTreeMap<String, String>,
}

#[derive(Serialize)]
struct Template<'a> {
    metadata: Metadata<'a>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    type_: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    immutable: Option<bool>,
}

/// What sealing keeps of an object's metadata, in the order of Go's `ObjectMeta`.
#[derive(Serialize)]
struct Metadata<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<&'a BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<&'a BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finalizers: Option<&'a [String]>,
}

impl<'a> From<&'a SealedSecret> for Manifest<'a> {
    fn from(sealed: &'a SealedSecret) -> Self {
        let template = &sealed.spec.template;
        Self {
            kind: "SealedSecret",
            api_version: "bitnami.com/v1alpha1",
            metadata: Metadata::from(&sealed.metadata),
            spec: Spec {
                template: Template {
                    metadata: Metadata::from(&template.metadata),
                    type_: template.type_.as_deref(),
                    immutable: template.immutable,
                },
                encrypted_data: &sealed.spec.encrypted_data,
            },
        }
    }
}

impl<'a> From<&'a ObjectMeta> for Metadata<'a> {
    fn from(metadata: &'a ObjectMeta) -> Self {
        Self {
            name: metadata.name.as_deref(),
            namespace: metadata.namespace.as_deref(),
            labels: metadata.labels.as_ref(),
            annotations: metadata.annotations.as_ref(),
            finalizers: metadata.finalizers.as_deref(),
        }
    }
}
