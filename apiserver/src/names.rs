//! The rules for names, labels, annotations, finalizers and owner references.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::cause::Cause;
use crate::owners;
use crate::resource::Resource;

static LABEL: LazyLock<Regex> = LazyLock::new(|| fixed(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"));
static SUBDOMAIN: LazyLock<Regex> =
    LazyLock::new(|| fixed(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"));
static QUALIFIED: LazyLock<Regex> =
    LazyLock::new(|| fixed(r"^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$"));
static LABEL_VALUE: LazyLock<Regex> =
    LazyLock::new(|| fixed(r"^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$"));

const SUBDOMAIN_RULE: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' \
    or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL_RULE: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and \
    must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const QUALIFIED_RULE: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and \
    end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
    '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE_RULE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' \
    or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex \
    used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const ANNOTATIONS_LIMIT: usize = 256 * 1024;

fn fixed(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the patterns above are valid")
}

/// Every rule the metadata of an object breaks.
pub(crate) fn check(resource: &Resource, object: &Value) -> Vec<Cause> {
    let metadata = &object["metadata"];
    let mut causes = Vec::new();
    check_name(resource, &metadata["name"], &mut causes);
    for (key, value) in metadata["labels"].as_object().into_iter().flatten() {
        check_qualified("metadata.labels", key, &mut causes);
        let text = value.as_str().unwrap_or_default();
        if text.len() > 63 {
            causes.push(Cause::invalid(
                "metadata.labels",
                value,
                "must be no more than 63 characters",
            ));
        }
        if !LABEL_VALUE.is_match(text) {
            causes.push(Cause::invalid("metadata.labels", value, LABEL_VALUE_RULE));
        }
    }
    let mut size = 0;
    for (key, value) in metadata["annotations"].as_object().into_iter().flatten() {
        check_qualified("metadata.annotations", &key.to_lowercase(), &mut causes);
        size += key.len() + value.as_str().unwrap_or_default().len();
    }
    if size > ANNOTATIONS_LIMIT {
        causes.push(Cause::too_long(
            "metadata.annotations",
            format!("may not be more than {ANNOTATIONS_LIMIT} bytes"),
        ));
    }
    check_finalizers(resource, &metadata["finalizers"], &mut causes);
    check_owners(&metadata["ownerReferences"], &mut causes);
    causes
}

fn check_name(resource: &Resource, name: &Value, causes: &mut Vec<Cause>) {
    let Some(text) = name.as_str().filter(|name| !name.is_empty()) else {
        causes.push(Cause::required(
            "metadata.name",
            "name or generateName is required",
        ));
        return;
    };
    let (pattern, rule, longest): (&Regex, _, _) = match resource.plural.as_str() {
        // RBAC names are path segments: anything but a slash
        _ if resource.group == "rbac.authorization.k8s.io" => return,
        "namespaces" | "services" => (&LABEL, LABEL_RULE, 63),
        _ => (&SUBDOMAIN, SUBDOMAIN_RULE, 253),
    };
    if text.len() > longest {
        causes.push(Cause::invalid(
            "metadata.name",
            name,
            format!("must be no more than {longest} characters"),
        ));
    }
    if !pattern.is_match(text) {
        causes.push(Cause::invalid("metadata.name", name, rule));
    }
}

/// `name` or `prefix/name`.
fn check_qualified(field: &str, key: &str, causes: &mut Vec<Cause>) {
    let (prefix, name) = key
        .split_once('/')
        .map_or((None, key), |(prefix, name)| (Some(prefix), name));
    let value = Value::from(key);
    if prefix.is_some_and(|prefix| !SUBDOMAIN.is_match(prefix)) {
        causes.push(Cause::invalid(
            field,
            &value,
            format!("prefix part {SUBDOMAIN_RULE}"),
        ));
    }
    if name.len() > 63 {
        causes.push(Cause::invalid(
            field,
            &value,
            "name part must be no more than 63 characters",
        ));
    }
    if !QUALIFIED.is_match(name) {
        causes.push(Cause::invalid(field, &value, QUALIFIED_RULE));
    }
}

/// The rule that the key of a label breaks, if it breaks one.
pub(crate) fn broken_key(key: &str) -> Option<String> {
    let mut causes = Vec::new();
    check_qualified("", key, &mut causes);
    let rule = |cause: Cause| cause.message.splitn(3, ": ").nth(2).map(ToOwned::to_owned);
    causes.into_iter().next().and_then(rule)
}

/// The rule that the value of a label breaks, if it breaks one.
pub(crate) fn broken_value(value: &str) -> Option<String> {
    if value.len() > 63 {
        return Some("must be no more than 63 bytes".to_owned());
    }
    (!LABEL_VALUE.is_match(value)).then(|| LABEL_VALUE_RULE.to_owned())
}

fn check_finalizers(resource: &Resource, finalizers: &Value, causes: &mut Vec<Cause>) {
    let is_builtin = resource.custom.is_none() && !resource.is_crd();
    let standard = ["kubernetes", owners::ORPHAN, owners::FOREGROUND];
    for (index, finalizer) in finalizers.as_array().into_iter().flatten().enumerate() {
        let text = finalizer.as_str().unwrap_or_default();
        check_qualified("metadata.finalizers", text, causes);
        if is_builtin && !text.contains('/') && !standard.contains(&text) {
            let field = format!("metadata.finalizers[{index}]");
            let why = "name is neither a standard finalizer name nor is it fully qualified";
            causes.push(Cause::invalid(field, finalizer, why));
        }
    }
}

fn check_owners(owners: &Value, causes: &mut Vec<Cause>) {
    let field = "metadata.ownerReferences";
    let mut controllers = Vec::new();
    for (index, owner) in owners.as_array().into_iter().flatten().enumerate() {
        let place = |key: &str| format!("{field}[{index}].{key}");
        if owner["apiVersion"] == "" {
            let why = "version must not be empty";
            causes.push(Cause::invalid(
                place("apiVersion"),
                &owner["apiVersion"],
                why,
            ));
        }
        for key in ["kind", "name", "uid"] {
            if owner[key] == "" {
                causes.push(Cause::required(place(key), "must not be empty"));
            }
        }
        if owner["controller"] == true {
            controllers.push(format!("{}/{}", text(&owner["kind"]), text(&owner["name"])));
        }
    }
    if let [first, second, ..] = controllers.as_slice() {
        let why = format!(
            "Only one reference can have Controller set to true. Found \"true\" in references for {first} and {second}"
        );
        causes.push(Cause::invalid_as(field, &in_go_order(owners), why));
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Owner references as Go writes them: in the order of its fields.
fn in_go_order(owners: &Value) -> String {
    let written = owners.as_array().into_iter().flatten().map(|owner| {
        let fields = [
            "apiVersion",
            "kind",
            "name",
            "uid",
            "controller",
            "blockOwnerDeletion",
        ];
        let fields = fields
            .into_iter()
            .filter(|field| owner.get(*field).is_some());
        let fields: Vec<String> = fields
            .map(|field| format!("\"{field}\":{}", owner[field]))
            .collect();
        format!("{{{}}}", fields.join(","))
    });
    format!("[{}]", written.collect::<Vec<_>>().join(","))
}
