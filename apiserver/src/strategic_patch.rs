//! Strategic merge patch, as far as kubectl sends it for the kinds built in: maps merge, lists replace
//! each other, except the few lists whose items have a key or that are sets.

use serde_json::{Map, Value, json};

/// How a list merges: by a key of its items, or as a set.
enum Merge {
    By(&'static str),
    Set,
    Replace,
}

fn merge_of(path: &[&str]) -> Merge {
    match path {
        ["metadata", "ownerReferences"] => Merge::By("uid"),
        ["metadata", "finalizers"] | ["spec", "finalizers"] => Merge::Set,
        ["spec", "ports"] => Merge::By("port"),
        ["status", "conditions"] => Merge::By("type"),
        ["secrets" | "imagePullSecrets"]
        | [
            "spec",
            "template",
            "spec",
            "imagePullSecrets" | "containers" | "initContainers" | "volumes",
        ] => Merge::By("name"),
        [.., "containers" | "initContainers", "env"] => Merge::By("name"),
        [.., "containers" | "initContainers", "ports"] => Merge::By("containerPort"),
        [.., "containers" | "initContainers", "volumeMounts"] => Merge::By("mountPath"),
        _ => Merge::Replace,
    }
}

pub(crate) fn apply(object: &mut Value, patch: Value) {
    merge(object, patch, &mut Vec::new());
}

fn merge(target: &mut Value, patch: Value, path: &mut Vec<&str>) {
    let Value::Object(mut patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() || patch.get("$patch") == Some(&json!("replace")) {
        *target = json!({});
    }
    let Value::Object(target) = target else {
        return;
    };
    if patch.remove("$patch") == Some(json!("delete")) {
        target.clear();
        return;
    }
    if let Some(Value::Array(kept)) = patch.remove("$retainKeys") {
        target.retain(|key, _| kept.iter().any(|kept| kept == key));
    }
    for (key, value) in patch {
        if key.starts_with("$setElementOrder/") {
            continue;
        }
        if let Some(list) = key.strip_prefix("$deleteFromPrimitiveList/") {
            if let (Some(Value::Array(items)), Value::Array(gone)) = (target.get_mut(list), value) {
                items.retain(|item| !gone.contains(item));
            }
            continue;
        }
        merge_field(target, &key, value, path);
    }
}

fn merge_field(target: &mut Map<String, Value>, key: &str, value: Value, path: &[&str]) {
    let mut path: Vec<&str> = path.to_vec();
    path.push(key);
    match value {
        Value::Null => {
            target.remove(key);
        }
        Value::Object(ref patch) if patch.get("$patch") == Some(&json!("delete")) => {
            target.remove(key);
        }
        Value::Object(_) => merge(
            target.entry(key).or_insert_with(|| json!({})),
            value,
            &mut path,
        ),
        Value::Array(items) => {
            let list = target.entry(key).or_insert_with(|| json!([]));
            if !list.is_array() {
                *list = json!([]);
            }
            let Value::Array(list) = list else { return };
            merge_list(list, items, &mut path);
        }
        scalar => {
            target.insert(key.to_owned(), scalar);
        }
    }
}

fn merge_list(list: &mut Vec<Value>, items: Vec<Value>, path: &mut Vec<&str>) {
    match merge_of(path) {
        Merge::Replace => *list = items,
        Merge::Set => {
            // as on the real server, what the patch names comes first
            let rest = std::mem::replace(list, items);
            for item in rest {
                if !list.contains(&item) {
                    list.push(item);
                }
            }
        }
        Merge::By(_)
            if items
                .iter()
                .any(|item| item == &json!({"$patch": "replace"})) =>
        {
            *list = items
                .into_iter()
                .filter(|item| item.get("$patch").is_none())
                .collect();
        }
        Merge::By(key) => {
            for item in items {
                merge_item(list, key, item, path);
            }
        }
    }
}

fn merge_item(list: &mut Vec<Value>, key: &str, item: Value, path: &mut Vec<&str>) {
    if item["$patch"] == "delete" {
        list.retain(|present| present[key] != item[key]);
        return;
    }
    match list.iter_mut().find(|present| present[key] == item[key]) {
        Some(present) => merge(present, item, path),
        None => {
            let mut added = json!({});
            merge(&mut added, item, path);
            list.push(added);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patched(mut object: Value, patch: Value) -> Value {
        apply(&mut object, patch);
        object
    }

    #[test]
    fn maps_merge_and_nulls_delete() {
        assert_eq!(
            patched(
                json!({"data": {"a": "1", "b": "2"}, "type": "x"}),
                json!({"data": {"a": null, "c": "3"}})
            ),
            json!({"data": {"b": "2", "c": "3"}, "type": "x"})
        );
    }

    #[test]
    fn owners_merge_by_uid() {
        let object =
            json!({"metadata": {"ownerReferences": [{"uid": "1", "name": "a"}, {"uid": "2"}]}});
        let patch = json!({"metadata": {
            "$setElementOrder/ownerReferences": [{"uid": "1"}, {"uid": "3"}],
            "ownerReferences": [{"uid": "1", "name": "b"}, {"uid": "3"}, {"$patch": "delete", "uid": "2"}],
        }});
        assert_eq!(
            patched(object, patch),
            json!({"metadata": {"ownerReferences": [{"uid": "1", "name": "b"}, {"uid": "3"}]}})
        );
    }

    #[test]
    fn finalizers_are_a_set() {
        let object = json!({"metadata": {"finalizers": ["a", "b"]}});
        let patch = json!({"metadata": {"finalizers": ["b", "c"], "$deleteFromPrimitiveList/finalizers": ["a"]}});
        let finalizers = patched(object, patch)["metadata"]["finalizers"].clone();
        let mut finalizers: Vec<_> = finalizers
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .collect();
        finalizers.sort_unstable();
        assert_eq!(finalizers, ["b", "c"]);
    }

    #[test]
    fn other_lists_replace_each_other() {
        assert_eq!(
            patched(json!({"rules": [1, 2]}), json!({"rules": [3]})),
            json!({"rules": [3]})
        );
    }

    #[test]
    fn directives_replace_delete_and_retain() {
        let object = json!({"data": {"a": 1, "b": 2}, "spec": {"x": 1, "y": 2}});
        assert_eq!(
            patched(
                object.clone(),
                json!({"data": {"$patch": "replace", "c": 3}})
            )["data"],
            json!({"c": 3})
        );
        assert_eq!(
            patched(object.clone(), json!({"data": {"$patch": "delete"}})).get("data"),
            None
        );
        assert_eq!(
            patched(object, json!({"spec": {"$retainKeys": ["x"], "x": 5}}))["spec"],
            json!({"x": 5})
        );
    }
}
