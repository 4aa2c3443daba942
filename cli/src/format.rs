//! How SealedSecrets and Secrets are printed: as JSON or YAML, in Go's order of fields.

use std::collections::BTreeMap;
use std::str::FromStr;

use k8s_openapi::ByteString;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use sealing::{Plaintext, SealedSecret, Secret, base64};
use serde::Serialize;
use serde_json::Value;
use zeroize::Zeroizing;

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
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Yaml => "YAML",
        }
    }

    /// Prints a SealedSecret: JSON ends with a line break, YAML begins with `---`.
    pub(crate) fn print(self, sealed: &SealedSecret) -> Result<String, serde_json::Error> {
        self.print_one(&Manifest::from(sealed))
    }

    /// Prints an opened Secret in the same way.
    pub(crate) fn print_secret(
        self,
        secret: &Secret,
    ) -> Result<Zeroizing<String>, serde_json::Error> {
        self.print_one(&Opened::from(secret)).map(Zeroizing::new)
    }

    fn print_one(self, manifest: &impl Serialize) -> Result<String, serde_json::Error> {
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
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a ByteString>,
    encrypted_data: &'a BTreeMap<String, String>,
}

#[derive(Serialize)]
struct Template<'a> {
    metadata: Metadata<'a>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    type_: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    immutable: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a BTreeMap<String, Option<String>>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Opened<'a> {
    kind: &'static str,
    api_version: &'static str,
    metadata: Metadata<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    immutable: Option<bool>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    data: BTreeMap<&'a str, String>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    type_: Option<&'a str>,
}

/// What is printed of an object's metadata, in the order of Go's `ObjectMeta`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
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
    owner_references: Option<&'a [OwnerReference]>,
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
                    data: template.data.as_ref(),
                },
                data: sealed.spec.data.as_ref(),
                encrypted_data: &sealed.spec.encrypted_data,
            },
        }
    }
}

impl<'a> From<&'a Secret> for Opened<'a> {
    fn from(secret: &'a Secret) -> Self {
        // Whoever recovers Secrets asked for their values.
        let encoded = |(name, value): (&'a String, &Plaintext)| {
            (name.as_str(), base64::encode(value.expose()))
        };
        Self {
            kind: "Secret",
            api_version: "v1",
            metadata: Metadata::from(&secret.metadata),
            immutable: secret.immutable,
            data: secret.data.iter().map(encoded).collect(),
            type_: secret.type_.as_deref(),
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
            owner_references: metadata.owner_references.as_deref(),
            finalizers: metadata.finalizers.as_deref(),
        }
    }
}
