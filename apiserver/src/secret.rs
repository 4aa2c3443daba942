//! The rules of core Secrets.

use base64::Engine;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use serde_json::{Map, Value, json};

use crate::cause::Cause;
use crate::metadata::go_name;

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

const LARGEST: usize = 1024 * 1024;

/// Checks types and base64, merges `stringData` into `data` and fills in the default type.
pub(crate) fn decode(object: &mut Map<String, Value>) -> Result<(), String> {
    let wrong = |value: &Value, field: &str, go_type: &str| {
        Err(format!(
            "json: cannot unmarshal {} into Go struct field Secret.{field} of type {go_type}",
            go_name(value)
        ))
    };
    object.retain(|_, value| !value.is_null());
    for (field, go_type) in [
        ("data", "map[string][]uint8"),
        ("stringData", "map[string]string"),
    ] {
        match object.get_mut(field) {
            None => {}
            Some(Value::Object(values)) => {
                for value in values.values_mut().filter(|value| value.is_null()) {
                    *value = "".into();
                }
                let value_type = if field == "data" { "[]uint8" } else { "string" };
                if let Some(value) = values.values().find(|value| !value.is_string()) {
                    return wrong(value, field, value_type);
                }
            }
            Some(other) => return wrong(other, field, go_type),
        }
    }
    for (field, go_type) in [("type", "v1.SecretType"), ("immutable", "bool")] {
        match object.get(field) {
            Some(value)
                if (field == "type") != value.is_string()
                    || (field == "immutable") != value.is_boolean() =>
            {
                return wrong(value, field, go_type);
            }
            _ => {}
        }
    }
    let data = object.get_mut("data").and_then(Value::as_object_mut);
    for value in data.into_iter().flat_map(Map::values_mut) {
        *value = canonical(value.as_str().unwrap_or_default())?.into();
    }
    merge_string_data(object);
    if object.get("type").is_none_or(|kind| kind == "") {
        object.insert("type".to_owned(), "Opaque".into());
    }
    Ok(())
}

/// The base64 Go would write for what it reads: its decoder skips line breaks, does not mind stray bits
/// at the end, and names the first byte it cannot read.
fn canonical(text: &str) -> Result<String, String> {
    let text = without_breaks(text);
    if let Ok(bytes) = LENIENT.decode(&text) {
        return Ok(STANDARD.encode(bytes));
    }
    let is_known = |byte: &u8| ALPHABET.as_str().as_bytes().contains(byte);
    let at = text
        .bytes()
        .position(|byte| !is_known(&byte))
        .unwrap_or(text.len() / 4 * 4);
    Err(format!("illegal base64 data at input byte {at}"))
}

fn without_breaks(text: &str) -> String {
    text.chars()
        .filter(|letter| !matches!(letter, '\r' | '\n'))
        .collect()
}

fn merge_string_data(object: &mut Map<String, Value>) {
    if let Some(Value::Object(plain)) = object.remove("stringData")
        && let Value::Object(data) = object.entry("data").or_insert_with(|| json!({}))
    {
        for (key, value) in plain {
            data.insert(
                key,
                STANDARD.encode(value.as_str().unwrap_or_default()).into(),
            );
        }
    }
    if object
        .get("data")
        .and_then(Value::as_object)
        .is_some_and(Map::is_empty)
    {
        object.remove("data");
    }
}

/// What is odd about a Secret but allowed.
pub(crate) fn warnings(secret: &Value) -> Vec<String> {
    let certificate = decoded(&secret["data"]["tls.crt"]).unwrap_or_default();
    let is_pem = certificate.windows(11).any(|bytes| bytes == b"-----BEGIN ");
    if secret["type"] == "kubernetes.io/tls" && !is_pem {
        vec!["tls: failed to find any PEM data in certificate input".to_owned()]
    } else {
        Vec::new()
    }
}

/// Every rule a Secret breaks by itself.
pub(crate) fn check(secret: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let mut size = 0;
    for (key, value) in secret["data"].as_object().into_iter().flatten() {
        check_key(key, &mut causes);
        size += decoded(value).map_or(0, |bytes| bytes.len());
    }
    if size > LARGEST {
        causes.push(Cause::too_long(
            "data",
            format!("may not be more than {LARGEST} bytes"),
        ));
    }
    check_kind(secret, &mut causes);
    causes
}

/// A key of `data`, here and in ConfigMaps.
pub(crate) fn check_key(key: &str, causes: &mut Vec<Cause>) {
    let field = format!("data[{key}]");
    let value = Value::from(key);
    if key.len() > 253 {
        causes.push(Cause::invalid(
            field.clone(),
            &value,
            "must be no more than 253 characters",
        ));
    }
    let is_allowed =
        |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.' | '_');
    if key.is_empty() || !key.chars().all(is_allowed) {
        let why = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or \
                   'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
        causes.push(Cause::invalid(field.clone(), &value, why));
    }
    match key {
        "." => causes.push(Cause::invalid(field, &value, "must not be '.'")),
        ".." => causes.push(Cause::invalid(field, &value, "must not be '..'")),
        _ if key.starts_with("..") => {
            causes.push(Cause::invalid(field, &value, "must not start with '..'"))
        }
        _ => {}
    }
}

/// What the type of a Secret asks of its data.
fn check_kind(secret: &Value, causes: &mut Vec<Cause>) {
    let data = &secret["data"];
    let mut require = |key: &str| {
        if data.get(key).is_none() {
            causes.push(Cause::required(format!("data[{key}]"), ""));
        }
    };
    match secret["type"].as_str().unwrap_or_default() {
        "kubernetes.io/tls" => {
            require("tls.crt");
            require("tls.key");
        }
        "kubernetes.io/ssh-auth"
            if data["ssh-privatekey"]
                .as_str()
                .unwrap_or_default()
                .is_empty() =>
        {
            causes.push(Cause::required("data[ssh-privatekey]", ""));
        }
        "kubernetes.io/basic-auth" if data.get("username").or(data.get("password")).is_none() => {
            causes.push(Cause::required("data[username]", ""));
            causes.push(Cause::required("data[password]", ""));
        }
        "kubernetes.io/service-account-token" => {
            let field = "kubernetes.io/service-account.name";
            let name = &secret["metadata"]["annotations"][field];
            if name.as_str().unwrap_or_default().is_empty() {
                causes.push(Cause::required(
                    format!("metadata.annotations[{field}]"),
                    "",
                ));
            }
        }
        "kubernetes.io/dockerconfigjson" => check_json(data, ".dockerconfigjson", causes),
        "kubernetes.io/dockercfg" => check_json(data, ".dockercfg", causes),
        _ => {}
    }
}

fn check_json(data: &Value, key: &str, causes: &mut Vec<Cause>) {
    let field = format!("data[{key}]");
    let Some(bytes) = data.get(key).and_then(decoded) else {
        return causes.push(Cause::required(field, ""));
    };
    if let Err(error) = serde_json::from_slice::<Map<String, Value>>(&bytes) {
        let why = if error.is_eof() {
            "unexpected end of JSON input"
        } else {
            "invalid character in JSON input"
        };
        causes.push(Cause::invalid(
            field,
            &"<secret contents redacted>".into(),
            why,
        ));
    }
}

/// Every rule a change of a Secret breaks.
pub(crate) fn check_update(old: &Value, new: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    if old["type"] != new["type"] {
        causes.push(Cause::invalid("type", &new["type"], "field is immutable"));
    }
    if old["immutable"] == true {
        let why = "field is immutable when `immutable` is set";
        if new["immutable"] != true {
            causes.push(Cause::forbidden("immutable", why));
        }
        if old["data"] != new["data"] {
            causes.push(Cause::forbidden("data", why));
        }
    }
    causes
}

fn decoded(value: &Value) -> Option<Vec<u8>> {
    STANDARD.decode(value.as_str()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(causes: &[Cause]) -> Vec<String> {
        causes
            .iter()
            .map(|cause| format!("{}: {}", cause.field, cause.message))
            .collect()
    }

    fn decode_json(mut value: Value) -> Result<Value, String> {
        decode(value.as_object_mut().unwrap()).map(|()| value)
    }

    #[test]
    fn string_data_is_merged_and_not_stored() {
        let secret =
            decode_json(json!({"data": {"a": "eA==", "b": "eA=="}, "stringData": {"b": "y"}}))
                .unwrap();
        assert_eq!(
            secret,
            json!({"type": "Opaque", "data": {"a": "eA==", "b": "eQ=="}})
        );
    }

    #[test]
    fn base64_is_kept_as_go_would_write_it() {
        let secret = decode_json(json!({"data": {"a": "e\nB==", "b": null}})).unwrap();
        assert_eq!(secret["data"], json!({"a": "eA==", "b": ""}));
        assert_eq!(decode_json(json!({"data": {}})).unwrap().get("data"), None);
    }

    #[test]
    fn bad_base64_is_refused_by_its_place() {
        let refusal = decode_json(json!({"data": {"a": "abc%"}})).unwrap_err();
        assert_eq!(refusal, "illegal base64 data at input byte 3");
    }

    #[test]
    fn values_that_are_no_strings_are_refused() {
        let refusal = decode_json(json!({"stringData": {"a": 1}})).unwrap_err();
        assert_eq!(
            refusal,
            "json: cannot unmarshal number into Go struct field Secret.stringData of type string"
        );
    }

    #[test]
    fn keys_have_an_alphabet() {
        let causes = check(&json!({"type": "Opaque", "data": {"a b": "", "ok.a_B-1": ""}}));
        assert_eq!(causes.len(), 1);
        assert!(
            causes[0]
                .message
                .starts_with(r#"Invalid value: "a b": a valid config key must consist of"#)
        );
    }

    #[test]
    fn data_has_a_limit() {
        let value = STANDARD.encode(vec![0; LARGEST + 1]);
        assert_eq!(
            told(&check(&json!({"type": "Opaque", "data": {"a": value}}))),
            ["data: Too long: may not be more than 1048576 bytes"]
        );
    }

    #[test]
    fn types_ask_for_their_keys() {
        let of_type = |kind: &str| {
            told(&check(
                &json!({"type": kind, "data": {".dockercfg": "e30="}}),
            ))
        };
        assert_eq!(
            of_type("kubernetes.io/tls"),
            [
                "data[tls.crt]: Required value",
                "data[tls.key]: Required value"
            ]
        );
        assert_eq!(
            of_type("kubernetes.io/dockerconfigjson"),
            ["data[.dockerconfigjson]: Required value"]
        );
        assert!(of_type("kubernetes.io/dockercfg").is_empty());
    }

    #[test]
    fn what_is_immutable_stays() {
        let old = json!({"type": "Opaque", "immutable": true, "data": {"a": ""}});
        let new = json!({"type": "x", "data": {}});
        assert_eq!(
            told(&check_update(&old, &new)),
            [
                r#"type: Invalid value: "x": field is immutable"#,
                "immutable: Forbidden: field is immutable when `immutable` is set",
                "data: Forbidden: field is immutable when `immutable` is set",
            ]
        );
    }
}
