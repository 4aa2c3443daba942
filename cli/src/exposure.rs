//! Values that stand in a label or an annotation, too: sealed or not, they would be committed in plain.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use sealing::{Plaintext, base64};
use zeroize::Zeroizing;

/// Shorter values stand anywhere by chance.
const SHORTEST: usize = 8;
/// So many places are named.
const NAMED: usize = 5;

/// Labels and annotations that hold values, in words; neither their texts nor the values.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct Exposed(String);

impl Exposed {
    pub(crate) const HINT: &str =
        "remove it there, or allow it with `--allow-values-in-metadata` if it is no secret";
}

/// Refuses metadata whose texts hold one of the values, plain or in base64.
pub(crate) fn check(
    metadata: &ObjectMeta,
    values: &BTreeMap<String, Plaintext>,
) -> Result<(), Exposed> {
    let labels = metadata.labels.iter().flatten();
    let annotations = metadata.annotations.iter().flatten();
    let labels = labels.map(|(name, text)| ("label", name, text));
    let annotations = annotations.map(|(name, text)| ("annotation", name, text));
    let texts: Vec<_> = labels
        .chain(annotations)
        .filter(|(_, _, text)| text.len() >= SHORTEST)
        .collect();
    let Some(longest) = texts.iter().map(|(_, _, text)| text.len()).max() else {
        return Ok(());
    };
    let mut found = Vec::new();
    for (item, value) in values {
        let spellings = spellings(value, longest);
        let is_held = |text: &str| spellings.iter().any(|spelling| text.contains(&***spelling));
        for (kind, name, text) in &texts {
            if is_held(text) {
                found.push(format!("{kind} `{name}` holds the value of item `{item}`"));
            }
        }
    }
    let more = found.len().saturating_sub(NAMED);
    found.truncate(NAMED);
    match (found.is_empty(), more) {
        (true, _) => Ok(()),
        (false, 0) => Err(Exposed(found.join(", "))),
        (false, more) => Err(Exposed(format!("{}, and {more} more", found.join(", ")))),
    }
}

/// How a value may be written in a text of this length.
fn spellings(value: &Plaintext, longest: usize) -> Vec<Zeroizing<String>> {
    // It is looked for and goes nowhere.
    let value = value.expose();
    let trimmed = value.trim_ascii();
    if trimmed.len() < SHORTEST || trimmed.len() > longest {
        return Vec::new();
    }
    let mut spellings = Vec::new();
    if let Ok(text) = std::str::from_utf8(trimmed) {
        spellings.push(text.to_owned());
        // Tools keep copies in JSON; Go writes some letters in its own way.
        if let Ok(quoted) = serde_json::to_string(text) {
            let quoted = &quoted[1..quoted.len() - 1];
            spellings.push(quoted.to_owned());
            spellings.push(in_gos_way(quoted));
        }
    }
    for bytes in [value, trimmed] {
        let encoded = base64::encode(bytes);
        let encoded = encoded.trim_end_matches('=');
        spellings.push(encoded.to_owned());
        spellings.push(encoded.replace('+', "-").replace('/', "_"));
    }
    spellings.sort_unstable();
    spellings.dedup();
    spellings.into_iter().map(Zeroizing::new).collect()
}

fn in_gos_way(quoted: &str) -> String {
    quoted
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, value: &[u8]) -> bool {
        let metadata = ObjectMeta {
            annotations: Some(BTreeMap::from([("note".to_owned(), text.to_owned())])),
            ..ObjectMeta::default()
        };
        let values = BTreeMap::from([("item".to_owned(), Plaintext::new(value.to_vec()))]);
        check(&metadata, &values).is_err()
    }

    #[test]
    fn finds_a_value_however_it_is_written() {
        for (text, value) in [
            ("hunter2hunter2", &b"hunter2hunter2"[..]),
            ("password=hunter2hunter2;", b"hunter2hunter2\n"),
            (r#"{"a":"say \"<hi>\"\n&c"}"#, b"say \"<hi>\"\n&c"),
            (
                r#"{"a":"say \"\u003chi\u003e\"\n\u0026c"}"#,
                b"say \"<hi>\"\n&c",
            ),
            (
                "{\"data\":{\"a\":\"aHVudGVyMmh1bnRlcjI=\"}}",
                b"hunter2hunter2",
            ),
            ("aHVudGVyMmh1bnRlcjIK", b"hunter2hunter2\n"),
            ("aHVudGVyMmh1bnRlcjI", b"hunter2hunter2\n"),
            ("-__-AP____4", b"\xfb\xff\xfe\x00\xff\xff\xff\xfe"),
            ("größer!!", "größer!!".as_bytes()),
        ] {
            assert!(found(text, value), "{text}");
        }
    }

    #[test]
    fn leaves_alone_what_is_short_and_what_is_something_else() {
        for (text, value) in [
            ("hunter2", &b"hunter2"[..]),
            ("hunter2 \n", b"hunter2 \n"),
            ("hunter2hunter", b"hunter2hunter2"),
            ("", b"hunter2hunter2"),
            ("anything at all", b""),
        ] {
            assert!(!found(text, value), "{text}");
        }
    }

    #[test]
    fn names_the_places_and_no_value() {
        let texts = (0..7).map(|count| (format!("n{count}"), "hunter2hunter2".to_owned()));
        let metadata = ObjectMeta {
            labels: Some(texts.collect()),
            ..ObjectMeta::default()
        };
        let value = Plaintext::new(b"hunter2hunter2".to_vec());
        let values = BTreeMap::from([("password".to_owned(), value)]);
        let said = check(&metadata, &values).unwrap_err().to_string();
        assert!(said.starts_with("label `n0` holds the value of item `password`, label `n1` "));
        assert!(
            said.ends_with(", and 2 more") && !said.contains("hunter"),
            "{said}"
        );
    }
}
