//! Validates a custom resource by its structural schema, in the words of the real API server.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use regex::Regex;
use serde_json::Value;

use crate::cause::Cause;

/// Every way in which `object` breaks `schema`.
pub(crate) fn validate(object: &Value, schema: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    check(object, schema, "", &mut causes);
    causes
}

fn check(value: &Value, schema: &Value, path: &str, causes: &mut Vec<Cause>) {
    if value.is_null() && schema["nullable"] == true {
        return;
    }
    if let Some(wanted) = wrong_type(value, schema) {
        let why = format!(
            "{path} in body must be of type {wanted}: {:?}",
            type_name(value)
        );
        causes.push(Cause::wrong_type(path, type_name(value), why));
        return;
    }
    if let Some(supported) = schema["enum"]
        .as_array()
        .filter(|supported| !supported.contains(value))
    {
        causes.push(Cause::not_supported(path, value, supported));
    }
    match value {
        Value::Object(map) => check_object(map, schema, path, causes),
        Value::Array(items) => check_array(items, schema, path, causes),
        Value::String(text) => check_string(value, text, schema, path, causes),
        Value::Number(_) => check_number(value, schema, path, causes),
        Value::Bool(_) | Value::Null => {}
    }
    check_combinations(value, schema, path, causes);
}

/// The type the schema wants, if the value has another.
fn wrong_type<'a>(value: &Value, schema: &'a Value) -> Option<&'a str> {
    if schema["x-kubernetes-int-or-string"] == true {
        return (!value.is_string() && type_name(value) != "integer").then_some("integer,string");
    }
    let wanted = schema["type"].as_str()?;
    let found = type_name(value);
    (found != wanted && !(wanted == "number" && found == "integer")).then_some(wanted)
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number)
            if number.is_f64() && number.as_f64().is_some_and(|float| float.fract() != 0.0) =>
        {
            "number"
        }
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn check_object(
    map: &serde_json::Map<String, Value>,
    schema: &Value,
    path: &str,
    causes: &mut Vec<Cause>,
) {
    for name in schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        if !map.contains_key(name) {
            causes.push(Cause::required(child(path, name), ""));
        }
    }
    if let Some(least) = schema["minProperties"]
        .as_u64()
        .filter(|least| (map.len() as u64) < *least)
    {
        let value = Value::Object(map.clone());
        causes.push(Cause::invalid(
            path,
            &value,
            format!("{path} in body should have at least {least} properties"),
        ));
    }
    if let Some(most) = schema["maxProperties"]
        .as_u64()
        .filter(|most| map.len() as u64 > *most)
    {
        causes.push(Cause::too_many(path, map.len(), most));
    }
    for (key, inner) in map {
        let is_outer_metadata = path.is_empty() && key == "metadata";
        match (
            schema["properties"].get(key),
            &schema["additionalProperties"],
        ) {
            _ if is_outer_metadata => {}
            (Some(known), _) | (None, known @ Value::Object(_)) => {
                check(inner, known, &child(path, key), causes)
            }
            _ => {}
        }
    }
}

fn check_array(items: &[Value], schema: &Value, path: &str, causes: &mut Vec<Cause>) {
    if let Some(least) = schema["minItems"]
        .as_u64()
        .filter(|least| (items.len() as u64) < *least)
    {
        let why = format!("{path} in body should have at least {least} items");
        causes.push(Cause::invalid(path, &items.len().into(), why));
    }
    if let Some(most) = schema["maxItems"]
        .as_u64()
        .filter(|most| items.len() as u64 > *most)
    {
        causes.push(Cause::too_many(path, items.len(), most));
    }
    let is_set = schema["uniqueItems"] == true || schema["x-kubernetes-list-type"] == "set";
    for (index, item) in items.iter().enumerate() {
        if is_set && items[..index].contains(item) {
            let message = format!("Duplicate value: {item}");
            causes.push(Cause {
                field: format!("{path}[{index}]"),
                reason: "FieldValueDuplicate",
                message,
            });
        }
        check(item, &schema["items"], &format!("{path}[{index}]"), causes);
    }
}

fn check_string(value: &Value, text: &str, schema: &Value, path: &str, causes: &mut Vec<Cause>) {
    let length = text.chars().count() as u64;
    if let Some(least) = schema["minLength"].as_u64().filter(|least| length < *least) {
        let why = format!("{path} in body should be at least {least} chars long");
        causes.push(Cause::invalid(path, value, why));
    }
    if let Some(most) = schema["maxLength"].as_u64().filter(|most| length > *most) {
        causes.push(Cause::too_long(
            path,
            format!("may not be more than {most} bytes"),
        ));
        return; // as on the real server, nothing else is looked at
    }
    let pattern = schema["pattern"].as_str().unwrap_or_default();
    if Regex::new(pattern).is_ok_and(|pattern| !pattern.is_match(text)) {
        causes.push(Cause::invalid(
            path,
            value,
            format!("{path} in body should match '{pattern}'"),
        ));
    }
    let format = schema["format"].as_str().unwrap_or_default();
    if !has_format(text, format) {
        let why = format!("{path} in body must be of type {format}: {value}");
        let mut cause = Cause::invalid(path, value, why);
        cause.reason = "FieldValueTypeInvalid";
        causes.push(cause);
    }
}

/// Formats that are known are checked; the others are remarks.
fn has_format(text: &str, format: &str) -> bool {
    match format {
        "byte" => STANDARD.decode(text).is_ok(),
        "date-time" => text.parse::<jiff::Timestamp>().is_ok(),
        "date" => text.parse::<jiff::civil::Date>().is_ok(),
        "ipv4" => text.parse::<std::net::Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<std::net::Ipv6Addr>().is_ok(),
        _ => true,
    }
}

fn check_number(value: &Value, schema: &Value, path: &str, causes: &mut Vec<Cause>) {
    let number = value.as_f64().unwrap_or_default();
    let mut refuse = |rule: String| {
        causes.push(Cause::invalid(
            path,
            value,
            format!("{path} in body should be {rule}"),
        ))
    };
    if let Some(least) = schema["minimum"].as_f64() {
        let exclusive = schema["exclusiveMinimum"] == true;
        if number < least || (exclusive && number <= least) {
            refuse(format!(
                "greater than {}{least}",
                if exclusive { "" } else { "or equal to " }
            ));
        }
    }
    if let Some(most) = schema["maximum"].as_f64() {
        let exclusive = schema["exclusiveMaximum"] == true;
        if number > most || (exclusive && number >= most) {
            refuse(format!(
                "less than {}{most}",
                if exclusive { "" } else { "or equal to " }
            ));
        }
    }
    if let Some(factor) = schema["multipleOf"]
        .as_f64()
        .filter(|factor| number % factor != 0.0)
    {
        refuse(format!("a multiple of {factor}"));
    }
}

fn check_combinations(value: &Value, schema: &Value, path: &str, causes: &mut Vec<Cause>) {
    let passes = |schema: &Value| {
        let mut found = Vec::new();
        check(value, schema, path, &mut found);
        found.is_empty()
    };
    let passing = |key: &str| {
        schema[key]
            .as_array()
            .map(|schemas| schemas.iter().filter(|schema| passes(schema)).count())
    };
    let shown = if value.is_object() || value.is_array() {
        &Value::String(String::new())
    } else {
        value
    };
    let mut refuse =
        |why: &str| causes.push(Cause::invalid(path, shown, format!("{path:?} {why}")));
    if passing("anyOf") == Some(0) {
        refuse("must validate at least one schema (anyOf)");
    }
    if passing("oneOf").is_some_and(|count| count != 1) {
        refuse("must validate one and only one schema (oneOf)");
    }
    if schema["not"].is_object() && passes(&schema["not"]) {
        refuse("must not validate the schema (not)");
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        check(value, part, path, causes);
    }
}

fn child(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(value: Value, schema: Value) -> Vec<String> {
        let object = json!({"spec": {"x": value}});
        let schema =
            json!({"properties": {"spec": {"type": "object", "properties": {"x": schema}}}});
        validate(&object, &schema)
            .into_iter()
            .map(|cause| format!("{}: {}", cause.field, cause.message))
            .collect()
    }

    #[test]
    fn names_the_type_it_wants_and_the_one_it_found() {
        assert_eq!(
            told(json!("a"), json!({"type": "object"})),
            [r#"spec.x: Invalid value: "string": spec.x in body must be of type object: "string""#]
        );
        assert_eq!(
            told(
                json!({"a": null}),
                json!({"type": "object", "additionalProperties": {"type": "string"}})
            ),
            [r#"spec.x.a: Invalid value: "null": spec.x.a in body must be of type string: "null""#]
        );
    }

    #[test]
    fn names_what_is_missing() {
        assert_eq!(
            told(json!([{}]), json!({"items": {"required": ["type"]}})),
            ["spec.x[0].type: Required value"]
        );
    }

    #[test]
    fn names_the_values_it_supports() {
        assert_eq!(
            told(json!("c"), json!({"type": "string", "enum": ["a", "b"]})),
            [r#"spec.x: Unsupported value: "c": supported values: "a", "b""#]
        );
    }

    #[test]
    fn checks_patterns_bounds_and_formats() {
        assert_eq!(
            told(json!("c"), json!({"type": "string", "pattern": "^a$"})),
            [r#"spec.x: Invalid value: "c": spec.x in body should match '^a$'"#]
        );
        assert_eq!(
            told(json!(0), json!({"type": "integer", "minimum": 1})),
            ["spec.x: Invalid value: 0: spec.x in body should be greater than or equal to 1"]
        );
        assert_eq!(
            told(json!("%"), json!({"type": "string", "format": "byte"})),
            [r#"spec.x: Invalid value: "%": spec.x in body must be of type byte: "%""#]
        );
        assert!(
            told(
                json!("2026-01-02T03:04:05Z"),
                json!({"type": "string", "format": "date-time"})
            )
            .is_empty()
        );
        assert!(told(json!(2), json!({"type": "number"})).is_empty());
        assert!(told(json!(null), json!({"type": "string", "nullable": true})).is_empty());
    }
}
