//! The rules of ConfigMaps.

use serde_json::{Map, Value};

use crate::cause::Cause;
use crate::metadata::go_name;
use crate::secret::check_key;

/// Checks that the data is text.
pub(crate) fn decode(object: &mut Map<String, Value>) -> Result<(), String> {
    object.retain(|_, value| !value.is_null());
    let Some(Value::Object(data)) = object.get_mut("data") else {
        return Ok(());
    };
    for value in data.values_mut().filter(|value| value.is_null()) {
        *value = "".into();
    }
    match data.values().find(|value| !value.is_string()) {
        None => Ok(()),
        Some(value) => Err(format!(
            "json: cannot unmarshal {} into Go struct field ConfigMap.data of type string",
            go_name(value)
        )),
    }
}

/// Every rule a ConfigMap breaks by itself.
pub(crate) fn check(map: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let binary = &map["binaryData"];
    for (key, _) in map["data"].as_object().into_iter().flatten() {
        check_key(key, &mut causes);
        if binary.get(key).is_some() {
            let why = "duplicate of key present in binaryData";
            causes.push(Cause::invalid(
                format!("data[{key}]"),
                &key.as_str().into(),
                why,
            ));
        }
    }
    causes
}
