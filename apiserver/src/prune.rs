//! What a structural schema makes of an object before it is validated: unknown fields go, nulls that are
//! neither allowed nor defaulted go, defaults come.

use serde_json::Value;

/// Removes the fields the schema does not know and names them, as `spec.foo` or `spec.list[0].foo`.
/// The object's own apiVersion, kind and metadata are not the schema's business.
pub(crate) fn prune(object: &mut Value, schema: &Value) -> Vec<String> {
    let mut pruned = Vec::new();
    fields(object, schema, "", true, &mut pruned);
    pruned.sort();
    pruned
}

fn fields(
    value: &mut Value,
    schema: &Value,
    path: &str,
    is_resource: bool,
    pruned: &mut Vec<String>,
) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                let embedded = is_true(&schema["items"], "x-kubernetes-embedded-resource");
                fields(
                    item,
                    &schema["items"],
                    &format!("{path}[{index}]"),
                    embedded,
                    pruned,
                );
            }
        }
        Value::Object(map) => {
            let keeps_all = is_true(schema, "x-kubernetes-preserve-unknown-fields");
            map.retain(|key, inner| {
                if is_resource && matches!(key.as_str(), "apiVersion" | "kind" | "metadata") {
                    return true;
                }
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                let Some(known) = field_schema(schema, key) else {
                    if !keeps_all {
                        pruned.push(path);
                    }
                    return keeps_all;
                };
                fields(
                    inner,
                    known,
                    &path,
                    is_true(known, "x-kubernetes-embedded-resource"),
                    pruned,
                );
                true
            });
        }
        _ => {}
    }
}

/// The schema of a field, declared by name or for all names; `additionalProperties: true` allows anything.
fn field_schema<'a>(schema: &'a Value, key: &str) -> Option<&'a Value> {
    const ANYTHING: &Value = &Value::Null;
    if let Some(property) = schema["properties"].get(key) {
        return Some(property);
    }
    match &schema["additionalProperties"] {
        Value::Bool(true) => Some(ANYTHING),
        Value::Object(_) => Some(&schema["additionalProperties"]),
        _ => None,
    }
}

/// Removes nulls of declared fields that are neither nullable nor defaulted. Nulls among
/// `additionalProperties` stay, for validation to refuse.
pub(crate) fn drop_nulls(value: &mut Value, schema: &Value) {
    match value {
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| drop_nulls(item, &schema["items"])),
        Value::Object(map) => map.retain(|key, inner| {
            let declared = schema["properties"].get(key);
            if let Some(known) = declared.or(schema.get("additionalProperties")) {
                drop_nulls(inner, known);
            }
            let stays =
                |known: &Value| is_true(known, "nullable") || known.get("default").is_some();
            !inner.is_null() || declared.is_none_or(stays)
        }),
        _ => {}
    }
}

/// Fills in what is missing, or null though it may not be.
pub(crate) fn set_defaults(value: &mut Value, schema: &Value) {
    match value {
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| set_defaults(item, &schema["items"])),
        Value::Object(map) => {
            for (key, property) in schema["properties"].as_object().into_iter().flatten() {
                let refused_null =
                    map.get(key).is_some_and(Value::is_null) && !is_true(property, "nullable");
                if let Some(default) = property
                    .get("default")
                    .filter(|_| refused_null || !map.contains_key(key))
                {
                    map.insert(key.clone(), default.clone());
                }
            }
            for (key, inner) in map.iter_mut() {
                if let Some(known) = field_schema(schema, key) {
                    set_defaults(inner, known);
                }
            }
        }
        _ => {}
    }
}

fn is_true(schema: &Value, key: &str) -> bool {
    schema[key] == true
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Value {
        json!({"type": "object", "properties": {
            "spec": {"type": "object", "properties": {
                "size": {"type": "integer", "default": 3},
                "name": {"type": "string"},
                "note": {"type": "string", "nullable": true},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true,
                         "properties": {"strict": {"type": "object", "properties": {"a": {"type": "string"}}}}},
                "map": {"type": "object", "additionalProperties": {"type": "string"}},
                "list": {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "string"}}}},
            }},
        }})
    }

    #[test]
    fn unknown_fields_go_and_are_named() {
        let mut object = json!({"metadata": {"x": 1}, "kind": "K", "spec": {"foo": 1, "list": [{"a": "", "b": 1}]}});
        assert_eq!(
            prune(&mut object, &schema()),
            ["spec.foo", "spec.list[0].b"]
        );
        assert_eq!(
            object,
            json!({"metadata": {"x": 1}, "kind": "K", "spec": {"list": [{"a": ""}]}})
        );
    }

    #[test]
    fn preserved_fields_stay_but_declared_ones_beneath_are_pruned() {
        let mut object = json!({"spec": {"free": {"x": {"y": 1}, "strict": {"a": "", "b": 1}}, "map": {"k": "v"}}});
        assert_eq!(prune(&mut object, &schema()), ["spec.free.strict.b"]);
        assert_eq!(object["spec"]["free"]["x"]["y"], 1);
        assert_eq!(object["spec"]["map"]["k"], "v");
    }

    #[test]
    fn nulls_are_kept_defaulted_or_dropped() {
        let mut object =
            json!({"spec": {"size": null, "name": null, "note": null, "map": {"k": null}}});
        drop_nulls(&mut object, &schema());
        set_defaults(&mut object, &schema());
        assert_eq!(
            object,
            json!({"spec": {"size": 3, "note": null, "map": {"k": null}}})
        );
    }
}
