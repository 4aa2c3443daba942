//! JSONPath as printer columns use it: fields, indices, and filters on equality.

use serde_json::Value;

/// The first value a path like `.status.conditions[?(@.type=="Ready")].status` leads to.
pub(crate) fn find<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    let mut rest = path.trim_start_matches('$');
    let mut found = value;
    while !rest.is_empty() {
        (found, rest) = step(found, rest)?;
    }
    Some(found)
}

fn step<'a, 'p>(value: &'a Value, path: &'p str) -> Option<(&'a Value, &'p str)> {
    if let Some(path) = path.strip_prefix('.') {
        if path.is_empty() {
            return Some((value, path));
        }
        let (name, rest) = field(path);
        return Some((value.get(name)?, rest));
    }
    let (inside, rest) = path.strip_prefix('[')?.split_once(']')?;
    let found = match inside
        .strip_prefix("?(")
        .and_then(|filter| filter.strip_suffix(')'))
    {
        Some(filter) => value.as_array()?.iter().find(|item| holds(item, filter))?,
        None => match inside.trim_matches(|letter| letter == '\'' || letter == '"') {
            "*" => value.as_array()?.first()?,
            text => match text.parse::<usize>() {
                Ok(index) => value.get(index)?,
                Err(_) => value.get(text)?,
            },
        },
    };
    Some((found, rest))
}

/// A field name, in which `\.` is a dot, and what follows it.
fn field(path: &str) -> (String, &str) {
    let mut name = String::new();
    let mut letters = path.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => name.extend(letters.next().map(|(_, escaped)| escaped)),
            '.' | '[' => return (name, &path[at..]),
            _ => name.push(letter),
        }
    }
    (name, "")
}

fn holds(item: &Value, filter: &str) -> bool {
    let Some((path, wanted)) = filter.split_once("==") else {
        return false;
    };
    let found = find(item, path.trim().trim_start_matches('@'));
    let wanted = wanted
        .trim()
        .trim_matches(|letter| letter == '\'' || letter == '"');
    match found {
        Some(Value::String(text)) => text == wanted,
        Some(other) => serde_json::from_str(wanted).is_ok_and(|wanted: Value| wanted == *other),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn finds_fields_indices_and_filtered_items() {
        let object = json!({
            "metadata": {"annotations": {"a.b/c": "x"}},
            "status": {"conditions": [{"type": "Synced", "status": "False"}, {"type": "Ready", "status": "True"}]},
        });
        assert_eq!(
            find(&object, ".status.conditions[0].status"),
            Some(&json!("False"))
        );
        assert_eq!(
            find(&object, r#".status.conditions[?(@.type=="Ready")].status"#),
            Some(&json!("True"))
        );
        assert_eq!(
            find(&object, r".metadata.annotations.a\.b/c"),
            Some(&json!("x"))
        );
        assert_eq!(
            find(&object, ".metadata.annotations['a.b/c']"),
            Some(&json!("x"))
        );
        assert_eq!(find(&object, ".status.conditions[5].status"), None);
    }
}
