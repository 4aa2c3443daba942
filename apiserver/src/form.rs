//! The form an answer takes: whole objects, only their metadata, or a table, as `Accept` asks.

use std::borrow::Cow;
use std::sync::Arc;

use http::header;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Value, json};

use crate::request::Request;
use crate::resource::Resource;
use crate::status::Status;
use crate::table;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Form {
    Whole,
    Metadata,
    Table(RowObject),
}

/// What a row of a table carries beside its cells.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum RowObject {
    Nothing,
    Metadata,
    Whole,
}

impl Form {
    /// The first form in `Accept` that the server knows.
    pub(crate) fn asked(request: &Request) -> Result<Self, Status> {
        let accept = request.headers.get_all(header::ACCEPT);
        let mut ranges = accept
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .peekable();
        if ranges.peek().is_none() {
            return Ok(Self::Whole);
        }
        ranges
            .find_map(|range| Self::of_range(range, request))
            .ok_or_else(Status::not_acceptable)
    }

    fn of_range(range: &str, request: &Request) -> Option<Self> {
        let mut parts = range.split(';').map(str::trim);
        if !matches!(parts.next()?, "application/json" | "application/*" | "*/*") {
            return None;
        }
        match parts.find_map(|part| part.strip_prefix("as=")) {
            None => Some(Self::Whole),
            Some("PartialObjectMetadata" | "PartialObjectMetadataList") => Some(Self::Metadata),
            Some("Table") => Some(Self::Table(match request.query.get("includeObject") {
                Some("None") => RowObject::Nothing,
                Some("Object") => RowObject::Whole,
                _ => RowObject::Metadata,
            })),
            Some(_) => None,
        }
    }

    pub(crate) fn object<'a>(self, resource: &Resource, object: &'a Value) -> Cow<'a, Value> {
        match self {
            Self::Whole => in_version(resource, object),
            Self::Metadata => Cow::Owned(metadata_of(object)),
            Self::Table(carried) => {
                let metadata = json!({"resourceVersion": object["metadata"]["resourceVersion"]});
                Cow::Owned(table::of(resource, &[object], carried, metadata))
            }
        }
    }

    /// A list of objects, ready to be serialized.
    pub(crate) fn list(
        self,
        resource: &Resource,
        items: &[Arc<Value>],
        metadata: Value,
    ) -> impl Serialize {
        match self {
            Self::Whole => List::Whole {
                metadata: if resource.custom.is_some() {
                    with_continue(metadata)
                } else {
                    metadata
                },
                api_version: resource.api_version(),
                kind: resource.list_kind.clone(),
                // the real server names the type of an item only where it has no Go type of its own
                bare: resource.custom.is_none(),
                items: items.to_vec(),
            },
            Self::Metadata => List::Ready(json!({
                "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadataList", "metadata": metadata,
                "items": items.iter().map(|item| metadata_of(item)).collect::<Vec<_>>(),
            })),
            Self::Table(carried) => {
                let items: Vec<&Value> = items.iter().map(Arc::as_ref).collect();
                List::Ready(table::of(resource, &items, carried, metadata))
            }
        }
    }

    /// An object that only says how far the watch has come.
    pub(crate) fn bookmark(self, resource: &Resource, metadata: Value) -> Value {
        match self {
            Self::Whole => {
                json!({"apiVersion": resource.api_version(), "kind": resource.kind, "metadata": metadata})
            }
            Self::Metadata => {
                json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": metadata})
            }
            Self::Table(_) => table::of(resource, &[], RowObject::Nothing, metadata),
        }
    }
}

/// Go writes this in lists of custom resources, whether there is more or not.
fn with_continue(mut metadata: Value) -> Value {
    if metadata.get("continue").is_none() {
        metadata["continue"] = "".into();
    }
    metadata
}

pub(crate) fn metadata_of(object: &Value) -> Value {
    json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": object["metadata"]})
}

/// The object in the version it is read in; versions differ in nothing else.
fn in_version<'a>(resource: &Resource, object: &'a Value) -> Cow<'a, Value> {
    let version = resource.api_version();
    if object["apiVersion"] == version.as_str() {
        return Cow::Borrowed(object);
    }
    let mut object = object.clone();
    object["apiVersion"] = version.into();
    Cow::Owned(object)
}

enum List {
    Whole {
        api_version: String,
        kind: String,
        metadata: Value,
        bare: bool,
        items: Vec<Arc<Value>>,
    },
    Ready(Value),
}

impl Serialize for List {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (api_version, kind, metadata, bare, items) = match self {
            Self::Ready(value) => return value.serialize(serializer),
            Self::Whole {
                api_version,
                kind,
                metadata,
                bare,
                items,
            } => (api_version, kind, metadata, *bare, items),
        };
        let items: Vec<Item> = items
            .iter()
            .map(|object| Item {
                object,
                api_version,
                bare,
            })
            .collect();
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("apiVersion", api_version)?;
        map.serialize_entry("kind", kind)?;
        map.serialize_entry("metadata", metadata)?;
        map.serialize_entry("items", &items)?;
        map.end()
    }
}

/// An object in the version it is listed in, or `bare` of apiVersion and kind.
struct Item<'a> {
    object: &'a Value,
    api_version: &'a str,
    bare: bool,
}

impl Serialize for Item<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (key, value) in self.object.as_object().into_iter().flatten() {
            match key.as_str() {
                "apiVersion" | "kind" if self.bare => {}
                "apiVersion" => map.serialize_entry(key, self.api_version)?,
                _ => map.serialize_entry(key, value)?,
            }
        }
        map.end()
    }
}
