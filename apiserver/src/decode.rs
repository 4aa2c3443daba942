//! From the bytes of a request to an object of the resource it was sent to: types are checked, what is
//! unknown is pruned and named.

use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::cause::Cause;
use crate::request::Request;
use crate::resource::Resource;
use crate::status::Status;
use crate::{config_map, metadata, protobuf, prune, rules, secret};

/// An object, and the fields it had that nobody knows.
pub(crate) struct Decoded {
    pub(crate) object: Value,
    pub(crate) unknown: Vec<String>,
}

/// What becomes of unknown fields, beyond being pruned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Validation {
    Strict,
    Warn,
    Ignore,
}

impl Validation {
    pub(crate) fn asked(request: &Request) -> Result<Self, Status> {
        match request.query.get("fieldValidation") {
            Some("Strict") => Ok(Self::Strict),
            Some("Warn") | None => Ok(Self::Warn),
            Some("Ignore") => Ok(Self::Ignore),
            Some(other) => {
                let known = ["", "Ignore", "Strict", "Warn"].map(Value::from);
                let cause = Cause::not_supported("fieldValidation", &other.into(), &known);
                Err(Status::invalid_options(options(&request.method), &[cause]))
            }
        }
    }
}

/// What the parameters of a write are options of.
pub(crate) fn options(method: &Method) -> &'static str {
    match *method {
        Method::POST => "CreateOptions",
        Method::PUT => "UpdateOptions",
        Method::DELETE => "DeleteOptions",
        _ => "PatchOptions",
    }
}

const ACCEPTED: &[&str] = &[
    "application/json",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
];

pub(crate) fn body(request: &Request) -> Result<Value, Status> {
    match request.content_type() {
        "" | "application/json" => json(&request.body),
        "application/yaml" => {
            let text = std::str::from_utf8(&request.body).map_err(unreadable)?;
            serde_saphyr::from_str(text).map_err(unreadable)
        }
        "application/vnd.kubernetes.protobuf" => {
            protobuf::object(&request.body).ok_or_else(|| Status::unsupported_media_type(ACCEPTED))
        }
        _ => Err(Status::unsupported_media_type(ACCEPTED)),
    }
}

/// Objects stand in one another this deep at most. A real API server takes more; here each costs stack.
const DEPTH: usize = 500;

fn json(text: &[u8]) -> Result<Value, Status> {
    if depth(text) > DEPTH {
        return Err(Status::bad_request("json: exceeded max depth"));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    deserializer.disable_recursion_limit();
    let value = Value::deserialize(&mut deserializer).map_err(unreadable)?;
    deserializer.end().map_err(unreadable)?;
    Ok(value)
}

/// How deep a JSON text goes.
fn depth(text: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut is_string, mut is_escaped) = (false, false);
    for byte in text {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_string => is_escaped = true,
            b'"' => is_string = !is_string,
            b'{' | b'[' if !is_string => depth += 1,
            b'}' | b']' if !is_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// The error of a parser may quote what it read, so only its place is told.
fn unreadable(_: impl std::error::Error) -> Status {
    Status::bad_request(
        "couldn't get version/kind; json parse error: the body is not a JSON object",
    )
}

pub(crate) fn object(resource: &Resource, value: Value) -> Result<Decoded, Status> {
    let Value::Object(mut object) = value else {
        let why = format!(
            "json: cannot unmarshal {} into Go value of type v1.{}",
            metadata::go_name(&value),
            resource.kind
        );
        return Err(cannot_handle(resource, &why));
    };
    check_type(resource, &mut object)?;
    let mut unknown = metadata::decode(&mut object, resource.custom.is_some())
        .map_err(|why| cannot_handle(resource, &why))?;
    if !resource.fields.is_empty() {
        object.retain(|key, _| {
            let known = resource.fields.contains(&key.as_str());
            if !known {
                unknown.push(key.clone());
            }
            known
        });
    }
    if resource.is_core("configmaps") {
        config_map::decode(&mut object).map_err(|why| cannot_handle(resource, &why))?;
    }
    if resource.is_core("secrets") {
        secret::decode(&mut object).map_err(|why| cannot_handle(resource, &why))?;
    }
    let mut object = Value::Object(object);
    if let Some(custom) = &resource.custom {
        unknown.extend(prune::prune(&mut object, &custom.schema));
        prune::drop_nulls(&mut object, &custom.schema);
        prune::set_defaults(&mut object, &custom.schema);
    }
    rules::set_defaults(resource, &mut object);
    Ok(Decoded { object, unknown })
}

pub(crate) fn unknown_fields(unknown: &[String]) -> Vec<String> {
    unknown
        .iter()
        .map(|field| format!("unknown field {field:?}"))
        .collect()
}

pub(crate) fn cannot_handle(resource: &Resource, why: &str) -> Status {
    let (kind, version) = (&resource.kind, &resource.version);
    Status::bad_request(format!(
        "{kind} in version {version:?} cannot be handled as a {kind}: {why}"
    ))
}

fn check_type(resource: &Resource, object: &mut Map<String, Value>) -> Result<(), Status> {
    for (key, what, expected) in [
        ("apiVersion", "API version", resource.api_version()),
        ("kind", "kind", resource.kind.clone()),
    ] {
        match object.get(key).and_then(Value::as_str) {
            Some(found) if found == expected => {}
            // the real server quotes the whole object here
            Some("") | None if resource.custom.is_some() => {
                let message = format!(
                    "the object provided is unrecognized (must be of type {}): its {key} is missing",
                    resource.kind
                );
                return Err(Status::bad_request(message));
            }
            Some("") | None => {
                object.insert(key.to_owned(), expected.into());
            }
            Some(kind) if key == "kind" && resource.custom.is_some() => {
                let name = object.get("metadata").and_then(|it| it["name"].as_str());
                return Err(Status::other_kind(resource, kind, name.unwrap_or_default()));
            }
            Some(kind)
                if key == "kind"
                    && object.get("apiVersion") == Some(&resource.version.clone().into()) =>
            {
                let (here, version) = (&resource.kind, &resource.version);
                let message = format!(
                    "{kind} in version {version:?} cannot be handled as a {here}: converting (v1.{kind}) to \
                     (core.{here}): unknown conversion"
                );
                return Err(Status::bad_request(message));
            }
            Some(found) => {
                let message = format!(
                    "the {what} in the data ({found}) does not match the expected {what} ({expected})"
                );
                return Err(Status::bad_request(message));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_objects_that_are_nested_deeply_but_not_for_ever() {
        let nested = |depth| format!("{}1{}", r#"{"{\"[":"#.repeat(depth), "}".repeat(depth));
        let read = |depth| json(nested(depth).as_bytes());
        assert!(read(DEPTH).is_ok());
        assert!(read(DEPTH + 1).is_err());
        assert!(read(1_000_000).is_err());
    }
}
