//! The body of a request: one SealedSecret, in JSON or YAML.

use sealing::{PrivateKey, SealedSecret};
use serde_json::Value;
use std::sync::Arc;

/// A SealedSecret as it was sent.
pub(crate) struct Sent {
    /// Every field, those included that nobody here knows.
    pub(crate) object: Value,
    pub(crate) sealed: SealedSecret,
}

impl Sent {
    /// Reads the first document of a body; none if that is no SealedSecret.
    pub(crate) fn first(body: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(body).ok()?;
        let object: Value = match serde_json::from_str(text) {
            Ok(object) => object,
            Err(_) => serde_saphyr::from_str(first_document(text)).ok()?,
        };
        let is_one =
            object["kind"] == "SealedSecret" && object["apiVersion"] == "bitnami.com/v1alpha1";
        let sealed = SealedSecret::from_value(object.clone())
            .ok()
            .filter(|_| is_one)?;
        Some(Self { object, sealed })
    }

    /// The same, if it is the only document.
    pub(crate) fn only(body: &[u8]) -> Option<Self> {
        let is_alone = std::str::from_utf8(body).is_ok_and(|text| rest(text).is_none());
        Self::first(body).filter(|_| is_alone)
    }

    /// Whether every value opens under the label of the outer metadata. No template is looked at.
    pub(crate) fn opens(&self, keys: &[Arc<PrivateKey>], accept_deprecated: bool) -> bool {
        let spec = &self.sealed.spec;
        if spec.data.is_some() {
            return accept_deprecated && sealing::open_deprecated(&self.sealed, keys).is_ok();
        }
        sealing::open(&spec.encrypted_data, sealing::label_of(&self.sealed), keys).is_ok()
    }
}

fn first_document(text: &str) -> &str {
    rest(text).map_or(text, |rest| &text[..text.len() - rest.len()])
}

/// What follows the first document, marker included. A marker stands at the beginning of a line and is
/// no marker within JSON; one before all else begins the first document.
fn rest(text: &str) -> Option<&str> {
    let mut has_begun = false;
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let is_marker = line
            .strip_prefix("---")
            .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']));
        if is_marker && has_begun {
            return Some(&text[offset..]);
        }
        let content = line.trim();
        has_begun |= is_marker || !(content.is_empty() || content.starts_with(['#', '%']));
        offset += line.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// <https://github.com/bitnami/sealed-secrets/issues/114>
    #[test]
    fn tells_one_document_from_several() {
        for (text, several) in [
            ("foo", false),
            ("foo\nbar\n", false),
            ("---\nfoo", false),
            ("foo\n---\n", true),
            ("foo\n ---\n", false),
            ("---\nfoo\n---\n", true),
            ("# x\n\n---\nfoo\n", false),
            ("foo\n----\n", false),
        ] {
            assert_eq!(rest(text).is_some(), several, "{text:?}");
        }
    }

    #[test]
    fn reads_json_and_yaml_of_one_kind_only() {
        let json = r#"{"kind":"SealedSecret","apiVersion":"bitnami.com/v1alpha1","metadata":{},"spec":{"encryptedData":null}}"#;
        let yaml = "kind: SealedSecret\napiVersion: bitnami.com/v1alpha1\nmetadata: {}\nspec:\n  encryptedData: {}\n";
        let two = format!("{yaml}---\n{yaml}");
        assert!(Sent::only(json.as_bytes()).is_some() && Sent::only(yaml.as_bytes()).is_some());
        assert!(Sent::only(two.as_bytes()).is_none() && Sent::first(two.as_bytes()).is_some());
        for other in [
            "",
            "x",
            "kind: Secret\napiVersion: v1\n",
            "kind: SealedSecret\n",
            "\u{0}",
            "[1]",
        ] {
            assert!(Sent::first(other.as_bytes()).is_none(), "{other:?}");
        }
    }
}
