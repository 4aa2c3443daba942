//! A Secret whose values cannot be printed.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::Plaintext;

/// A Kubernetes Secret in the clear, before sealing or after unsealing.
pub struct Secret {
    /// Names, labels, annotations and owners.
    pub metadata: ObjectMeta,
    /// The Secret's type; none lets the API server choose `Opaque`.
    pub type_: Option<String>,
    /// Whether the values may never change.
    pub immutable: Option<bool>,
    /// The values by item name.
    pub data: BTreeMap<String, Plaintext>,
}

impl Secret {
    /// Lets the values out, into the object that is written to a cluster. Callers write it there
    /// and do nothing else with it.
    pub fn expose(&self) -> core::Secret {
        let exposed = |(name, value): (&String, &Plaintext)| {
            // The API server is who the value is for.
            (name.clone(), ByteString(value.expose().to_vec()))
        };
        core::Secret {
            metadata: self.metadata.clone(),
            type_: self.type_.clone(),
            immutable: self.immutable,
            data: Some(self.data.iter().map(exposed).collect()),
            string_data: None,
        }
    }
}

impl From<core::Secret> for Secret {
    /// Takes the values over; `stringData` wins over `data` on the same name.
    fn from(secret: core::Secret) -> Self {
        let data = secret
            .data
            .unwrap_or_default()
            .into_iter()
            .map(|(name, value)| (name, value.0));
        let text = secret.string_data.unwrap_or_default().into_iter();
        Self {
            metadata: secret.metadata,
            type_: secret.type_,
            immutable: secret.immutable,
            data: data
                .chain(text.map(|(name, value)| (name, value.into_bytes())))
                .map(|(name, value)| (name, Plaintext::new(value)))
                .collect(),
        }
    }
}
