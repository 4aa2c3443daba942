//! Label and field selectors: which objects a list or watch wants.

use serde_json::Value;

use crate::label_selector::{self, Requirement};
use crate::resource::Resource;
use crate::status::Status;

#[derive(Debug, Default)]
pub(crate) struct Selector {
    labels: Vec<(String, Requirement)>,
    fields: Vec<Field>,
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
        let fields = fields
            .unwrap_or_default()
            .split(',')
            .map(str::trim)
            .filter(|term| !term.is_empty());
        Ok(Self {
            labels: label_selector::parse(labels.unwrap_or_default())?,
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

impl Field {
    fn matches(&self, object: &Value) -> bool {
        let found = object
            .pointer(&self.pointer)
            .and_then(Value::as_str)
            .unwrap_or_default();
        (found == self.value) == self.equal
    }
}

fn field(resource: &Resource, term: &str) -> Result<Field, Status> {
    let (path, value, equal) = if let Some((path, value)) = term.split_once("!=") {
        (path, value, false)
    } else if let Some((path, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
        (path, value, true)
    } else {
        return Err(Status::bad_request(format!(
            "invalid selector: '{term}'; can't understand '{term}'"
        )));
    };
    if !is_selectable(resource, path) {
        return Err(Status::bad_request(not_selectable(resource, path)));
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

/// Kinds that offer fields of their own say it in their own words.
fn not_selectable(resource: &Resource, path: &str) -> String {
    let has_own = ["secrets", "events", "namespaces", "services"]
        .iter()
        .any(|plural| resource.is_core(plural));
    if has_own || resource.custom.is_some() {
        return format!("field label not supported: {path}");
    }
    format!(
        "{path:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
    )
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
