//! The body of a request: one SealedSecret, in JSON or YAML.

use std::collections::BTreeMap;
use std::sync::Arc;

use sealing::{Effort, Fingerprint, ItemError, Label, PrivateKey, SealedSecret, Secret};
use serde_json::Value;

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
        // A sequence would do for a structure of ours; of a cluster's it is none.
        let is_one = object["kind"] == "SealedSecret"
            && object["apiVersion"] == "bitnami.com/v1alpha1"
            && object["spec"].is_object();
        let sealed = is_one.then(|| SealedSecret::from_value(&object).ok())??;
        Some(Self { object, sealed })
    }

    /// The same, if it is the only document.
    pub(crate) fn only(body: &[u8]) -> Option<Self> {
        let is_alone = std::str::from_utf8(body).is_ok_and(|text| rest(text).is_none());
        Self::first(body).filter(|_| is_alone)
    }

    /// Opens every value under the label of the outer metadata, and no template with them.
    pub(crate) fn open(
        &self,
        keys: &[Arc<PrivateKey>],
        accept_deprecated: bool,
        effort: &mut dyn Effort,
    ) -> Result<Opened, Failed> {
        let spec = &self.sealed.spec;
        if spec.data.is_none() {
            let label = sealing::label_of(&self.sealed);
            let opened = sealing::open_within(&spec.encrypted_data, label, keys, effort)?;
            return Ok(Opened::Items(opened));
        }
        if !accept_deprecated {
            return Err(Failed::DoesNotOpen);
        }
        let (label, secret, key) = sealing::open_deprecated(&self.sealed, keys, effort)?;
        Ok(Opened::Blob(label, Box::new(secret), key))
    }
}

/// What was in a SealedSecret.
pub(crate) enum Opened {
    Items(sealing::Opened),
    /// A whole Secret in the deprecated field `data`, and the key that opened it.
    Blob(Label, Box<Secret>, Fingerprint),
}

impl Opened {
    /// How many values each key opened.
    pub(crate) fn keys(&self) -> BTreeMap<Fingerprint, usize> {
        match self {
            Self::Items(opened) => opened.keys.clone(),
            Self::Blob(_, _, key) => [(key.clone(), 1)].into(),
        }
    }
}

/// That a SealedSecret does not open. A remote caller learns no more: not which item, key or step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failed {
    DoesNotOpen,
    /// So much was tried in vain that nothing more is.
    Spent,
}

impl From<ItemError> for Failed {
    fn from(error: ItemError) -> Self {
        match error {
            ItemError::Budget => Self::Spent,
            _ => Self::DoesNotOpen,
        }
    }
}

impl From<sealing::Error> for Failed {
    fn from(error: sealing::Error) -> Self {
        match error {
            sealing::Error::Budget => Self::Spent,
            _ => Self::DoesNotOpen,
        }
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
