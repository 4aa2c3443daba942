//! Label and field selectors: which objects a list or watch wants.

use serde_json::Value;

use crate::resource::Resource;
use crate::status::Status;

#[derive(Debug, Default)]
pub(crate) struct Selector {
    labels: Vec<(String, Requirement)>,
    fields: Vec<Field>,
}

#[derive(Debug, PartialEq)]
enum Requirement {
    Exists,
    Absent,
    In(Vec<String>),
    NotIn(Vec<String>),
    Above(i64),
    Below(i64),
}

#[derive(Debug)]
struct Field {
    pointer: String,
    value: String,
    equal: bool,
}

impl Selector {
    pub(crate) fn parse(
        resource: &Resource,
        labels: Option<&str>,
        fields: Option<&str>,
    ) -> Result<Self, Status> {
        let labels = label_terms(labels.unwrap_or_default())
            .into_iter()
            .map(requirement);
        let fields = fields
            .unwrap_or_default()
            .split(',')
            .map(str::trim)
            .filter(|term| !term.is_empty());
        Ok(Self {
            labels: labels.collect::<Result<_, _>>()?,
            fields: fields
                .map(|term| field(resource, term))
                .collect::<Result<_, _>>()?,
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    pub(crate) fn matches(&self, object: &Value) -> bool {
        self.labels
            .iter()
            .all(|(key, wanted)| wanted.accepts(object["metadata"]["labels"][key].as_str()))
            && self.fields.iter().all(|field| field.matches(object))
    }
}

impl Requirement {
    fn accepts(&self, label: Option<&str>) -> bool {
        let number = || label.and_then(|label| label.parse::<i64>().ok());
        match self {
            Self::Exists => label.is_some(),
            Self::Absent => label.is_none(),
            Self::In(values) => {
                label.is_some_and(|label| values.iter().any(|value| value == label))
            }
            Self::NotIn(values) => {
                label.is_none_or(|label| values.iter().all(|value| value != label))
            }
            Self::Above(bound) => number().is_some_and(|number| number > *bound),
            Self::Below(bound) => number().is_some_and(|number| number < *bound),
        }
    }
}

impl Field {
    fn matches(&self, object: &Value) -> bool {
        let found = object
            .pointer(&self.pointer)
            .and_then(Value::as_str)
            .unwrap_or_default();
        (found == self.value) == self.equal
    }
}

/// The terms of a label selector: a comma within parentheses belongs to its term.
fn label_terms(text: &str) -> Vec<&str> {
    let mut depth = 0;
    let terms = text.split(|letter| {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        letter == ',' && depth == 0
    });
    terms
        .map(str::trim)
        .filter(|term| !term.is_empty())
        .collect()
}

fn requirement(term: &str) -> Result<(String, Requirement), Status> {
    let unparsable = || Status::bad_request(format!("unable to parse requirement: {term:?}"));
    let pair = |key: &str, wanted: Requirement| {
        let key = key.trim();
        if key.is_empty() || key.contains(char::is_whitespace) {
            Err(unparsable())
        } else {
            Ok((key.to_owned(), wanted))
        }
    };
    let one = |value: &str| vec![value.trim().to_owned()];
    if let Some(key) = term.strip_prefix('!') {
        return pair(key, Requirement::Absent);
    }
    if let Some((head, values)) = term.split_once('(') {
        let values = values.strip_suffix(')').ok_or_else(unparsable)?;
        let values = values
            .split(',')
            .map(|value| value.trim().to_owned())
            .collect();
        let (key, word) = head
            .trim()
            .rsplit_once(char::is_whitespace)
            .ok_or_else(unparsable)?;
        return match word {
            "in" => pair(key, Requirement::In(values)),
            "notin" => pair(key, Requirement::NotIn(values)),
            _ => Err(unparsable()),
        };
    }
    if let Some((key, value)) = term.split_once("!=") {
        return pair(key, Requirement::NotIn(one(value)));
    }
    if let Some((key, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
        return pair(key, Requirement::In(one(value)));
    }
    if let Some((key, bound)) = term.split_once('>') {
        return pair(
            key,
            Requirement::Above(bound.trim().parse().map_err(|_| unparsable())?),
        );
    }
    if let Some((key, bound)) = term.split_once('<') {
        return pair(
            key,
            Requirement::Below(bound.trim().parse().map_err(|_| unparsable())?),
        );
    }
    pair(term, Requirement::Exists)
}

fn field(resource: &Resource, term: &str) -> Result<Field, Status> {
    let (path, value, equal) = if let Some((path, value)) = term.split_once("!=") {
        (path, value, false)
    } else if let Some((path, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
        (path, value, true)
    } else {
        return Err(Status::bad_request(format!(
            "invalid selector: {term:?}; can't understand {term:?}"
        )));
    };
    if !is_selectable(resource, path) {
        return Err(Status::bad_request(format!(
            "field label not supported: {path}"
        )));
    }
    let pointer = match (path, resource.is_core("events")) {
        ("source", true) => "/source/component".to_owned(),
        _ => format!("/{}", path.replace('.', "/")),
    };
    Ok(Field {
        pointer,
        value: value.to_owned(),
        equal,
    })
}

fn is_selectable(resource: &Resource, path: &str) -> bool {
    const EVENT: &[&str] = &[
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
    ];
    match path {
        "metadata.name" => true,
        "metadata.namespace" => resource.namespaced,
        "type" if resource.is_core("secrets") => true,
        "status.phase" => resource.is_core("namespaces"),
        _ => resource.is_core("events") && EVENT.contains(&path),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::Registry;

    fn selects(labels: &str, object: &Value) -> bool {
        let secrets = Registry::new().find("", "v1", "secrets").unwrap();
        Selector::parse(&secrets, Some(labels), None)
            .unwrap()
            .matches(object)
    }

    #[test]
    fn understands_every_operator() {
        let object = json!({"metadata": {"labels": {"app": "db", "size": "5"}}});
        for yes in [
            "app",
            "!gone",
            "app=db",
            "app==db",
            "app!=web",
            "app in (db, web)",
            "app notin (x),size>4",
            "size<6",
            "gone!=x",
        ] {
            assert!(selects(yes, &object), "{yes}");
        }
        for no in [
            "gone",
            "!app",
            "app=web",
            "app!=db",
            "app in (web)",
            "app notin (db)",
            "size>5",
            "app=db,gone",
        ] {
            assert!(!selects(no, &object), "{no}");
        }
    }

    #[test]
    fn refuses_fields_the_kind_does_not_offer() {
        let secrets = Registry::new().find("", "v1", "secrets").unwrap();
        let refusal = Selector::parse(&secrets, None, Some("spec.x=1")).unwrap_err();
        assert_eq!(refusal.message, "field label not supported: spec.x");
    }

    #[test]
    fn selects_by_field() {
        let secrets = Registry::new().find("", "v1", "secrets").unwrap();
        let selector =
            Selector::parse(&secrets, None, Some("metadata.name=a,type!=Opaque")).unwrap();
        assert!(selector.matches(&json!({"metadata": {"name": "a"}, "type": "kubernetes.io/tls"})));
        assert!(!selector.matches(&json!({"metadata": {"name": "a"}, "type": "Opaque"})));
    }
}
