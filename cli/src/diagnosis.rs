//! Why a sealed value does not open, as far as it can be told: by its bytes alone, or by trying
//! what else it may have been sealed for.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use sealing::envelope::{self, Envelope};
use sealing::{Label, PrivateKey, Scope, SealedSecret, base64};

/// What a look at a value tells, without any key.
pub(crate) fn of_bytes(value: &str) -> Option<String> {
    let bytes = match base64::decode(value) {
        Ok(bytes) => bytes,
        Err(error) => return Some(format!("not base64: {error}")),
    };
    match Envelope::parse(&bytes) {
        Ok(Envelope::V1 { session_key, value }) => {
            let is_size_of_a_key = (128..=1024).contains(&session_key.len());
            if !is_size_of_a_key {
                Some("not a sealed value".to_owned())
            } else if value.len() < 16 {
                Some("cut off".to_owned())
            } else {
                None
            }
        }
        Err(envelope::Error::TooShort) => Some("cut off".to_owned()),
        Err(error) => Some(error.to_string()),
    }
}

/// What trying other names and scopes tells.
pub(crate) fn of_keys(sealed: &SealedSecret, value: &str, keys: &[Arc<PrivateKey>]) -> String {
    if let Some(cause) = of_bytes(value) {
        return cause;
    }
    let opens = |label: Label| {
        let items = BTreeMap::from([("value".to_owned(), value.to_owned())]);
        sealing::open(&items, label, keys).is_ok()
    };
    let own = Scope::from_annotations(sealed.metadata.annotations.as_ref());
    for scope in [Scope::Strict, Scope::NamespaceWide, Scope::ClusterWide] {
        for (whose, metadata) in [
            ("", &sealed.metadata),
            (
                " under the name in its template",
                &sealed.spec.template.metadata,
            ),
        ] {
            let (namespace, name) = name_of(metadata);
            let is_nobody = namespace.is_empty() && name.is_empty();
            if !is_nobody && opens(scope.label(namespace, name)) {
                let (sealed, says) = (scope.as_str(), own.as_str());
                return if scope == own {
                    format!("sealed{whose}, `{namespace}/{name}`")
                } else {
                    format!("sealed {sealed}{whose}, but the SealedSecret says {says}")
                };
            }
        }
    }
    "sealed with another key, or for another name or namespace".to_owned()
}

fn name_of(metadata: &ObjectMeta) -> (&str, &str) {
    (
        metadata.namespace.as_deref().unwrap_or_default(),
        metadata.name.as_deref().unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_what_is_wrong_with_the_bytes() {
        let sealed = [&[1, 0][..], &[0; 256], &[0; 20]].concat();
        assert_eq!(of_bytes(&base64::encode(&sealed)), None);
        for (bytes, cause) in [
            (&sealed[..200], "cut off"),
            (&sealed[..260], "cut off"),
            (b"hello world", "cut off"),
            (b"\0\x05hello world", "not a sealed value"),
            (b"\0\0\x02", "the format of the sealed value is not known"),
        ] {
            assert_eq!(of_bytes(&base64::encode(bytes)).as_deref(), Some(cause));
        }
        let cause = of_bytes("hunter2!").unwrap();
        assert_eq!(cause, "not base64: illegal base64 data at input byte 7");
    }
}
