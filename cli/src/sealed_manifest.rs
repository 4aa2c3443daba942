//! Reads SealedSecrets and keeps where each of them stands, so that it can be changed in place.

use std::sync::Arc;

use sealing::SealedSecret;
use serde_json::{Map as Object, Value, json};
use zeroize::Zeroizing;

use crate::Io;
use crate::document::{self, Content, Node};
use crate::fields::{self, Reader, Wrong};
use crate::manifest::{self, Cause};
use crate::text::Text;

const KIND: &str = "SealedSecret";
pub(crate) const API_VERSION: &str = "bitnami.com/v1alpha1";

/// A text and the SealedSecrets in it.
pub(crate) struct Sealed {
    pub(crate) text: Text,
    pub(crate) objects: Vec<SealedManifest>,
    /// Whether anything else is in it, and would be lost in a print.
    pub(crate) has_others: bool,
    /// Whether its first document is JSON, or YAML in braces.
    pub(crate) is_json: bool,
}

/// A SealedSecret as it was written, and where.
pub(crate) struct SealedManifest {
    pub(crate) document: usize,
    pub(crate) node: Arc<Node>,
    /// Everything in it, with `kind` and `apiVersion`.
    pub(crate) value: Value,
    pub(crate) object: SealedSecret,
}

/// An input that does not hold SealedSecrets.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the input: {0}")]
pub struct Error(pub(crate) Cause);

impl SealedManifest {
    /// `namespace/name`, for messages.
    pub(crate) fn name(&self) -> String {
        let metadata = &self.object.metadata;
        let name = metadata.name.as_deref().unwrap_or_default();
        match &metadata.namespace {
            Some(namespace) => format!("{namespace}/{name}"),
            None => name.to_owned(),
        }
    }
}

/// What to do with documents of another kind.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Others {
    Refuse,
    Keep,
}

/// Reads every SealedSecret of a text; there may be none.
pub(crate) fn read(
    bytes: Zeroizing<Vec<u8>>,
    others: Others,
    io: &mut Io,
) -> Result<Sealed, Cause> {
    let text = Text::read(bytes)?;
    let (documents, duplicates) = document::read(&text.text)?;
    manifest::warn_of_duplicates(&duplicates, io);
    let mut objects = Vec::new();
    let mut has_others = false;
    for document in &documents {
        let mut reader = Reader::new(document.number, text.text.len());
        if others == Others::Keep && is_another(&mut reader, &document.root) {
            has_others = true;
            continue;
        }
        let read = sealed_secrets(&mut reader, &document.root);
        reader.warnings.iter().for_each(|warning| io.warn(warning));
        objects.extend(read?);
    }
    let is_json = documents
        .first()
        .is_some_and(|first| first.root.as_map().is_some_and(|map| map.is_flow));
    Ok(Sealed {
        text,
        objects,
        has_others,
        is_json,
    })
}

/// Whether a document is an object that says to be of another kind.
fn is_another(reader: &mut Reader, root: &Node) -> bool {
    root.as_map().is_some_and(|fields| {
        manifest::kind(reader, fields)
            .is_ok_and(|kind| !["", KIND, "List", "SealedSecretList"].contains(&kind.as_str()))
    })
}

fn sealed_secrets(reader: &mut Reader, root: &Arc<Node>) -> Result<Vec<SealedManifest>, Cause> {
    let found = manifest::objects(reader, root, KIND)?;
    let items = match root.as_map().and_then(|map| map.get("items")) {
        Some(Node {
            content: Content::List(items),
            ..
        }) => items.as_slice(),
        _ => &[],
    };
    let mut sealed = Vec::new();
    for (index, (node, _)) in found.into_iter().enumerate() {
        let node = if std::ptr::eq(node, &**root) {
            root
        } else {
            &items[index]
        };
        sealed.push(sealed_secret(reader, node)?);
    }
    Ok(sealed)
}

fn sealed_secret(reader: &mut Reader, node: &Arc<Node>) -> Result<SealedManifest, Cause> {
    let mut value = object(reader, node, "", Names::Fields)?;
    check_api_version(reader, node)?;
    check_items(reader, node)?;
    if let Value::Object(fields) = &mut value {
        fields.insert("kind".to_owned(), KIND.into());
        fields.insert("apiVersion".to_owned(), API_VERSION.into());
        // Go's decoder takes an object without them, and so do we.
        let spec = fields.entry("spec").or_insert_with(|| json!({}));
        if let Value::Object(spec) = spec {
            spec.entry("encryptedData").or_insert_with(|| json!({}));
        }
    }
    let document = reader.document;
    let object =
        SealedSecret::from_value(&value).map_err(|cause| Cause::Object { document, cause })?;
    Ok(SealedManifest {
        document,
        node: Arc::clone(node),
        value,
        object,
    })
}

/// An object that says no version is of ours; one of another is nothing that we could read.
fn check_api_version(reader: &Reader, node: &Node) -> Result<(), Cause> {
    let Some(version) = reader
        .as_map(node, "the document")?
        .get("apiVersion")
        .filter(|version| !version.is_null())
    else {
        return Ok(());
    };
    match &version.content {
        Content::Scalar(scalar) if ["", API_VERSION].contains(&scalar.text.as_str()) => Ok(()),
        Content::Scalar(scalar) => Err(Cause::ApiVersion {
            document: reader.document,
            line: version.line,
            version: fields::shown(&scalar.text).to_owned(),
        }),
        _ => Err(reader
            .fail(version, "apiVersion", Wrong::Kind("a text"))
            .into()),
    }
}

/// The sealed values must be texts: read leniently, a broken file would count as an empty one.
fn check_items(reader: &Reader, node: &Node) -> Result<(), fields::Error> {
    const FIELD: &str = "spec.encryptedData";
    let fields = reader.as_map(node, "the document")?;
    let Some(spec) = fields.get("spec").filter(|spec| !spec.is_null()) else {
        return Ok(());
    };
    let Some(items) = reader.as_map(spec, "spec")?.get("encryptedData") else {
        return Ok(());
    };
    if items.is_null() {
        return Ok(());
    }
    for entry in &reader.as_map(items, FIELD)?.entries {
        let is_text = matches!(&entry.value.content, Content::Scalar(scalar) if !scalar.is_null());
        if !is_text {
            let field = format!("{FIELD}.{}", fields::shown(entry.key.text()));
            return Err(reader.fail(&entry.value, &field, Wrong::Kind("a text")));
        }
    }
    Ok(())
}

/// What a node costs of what aliases may repeat: about what it takes in memory.
const NODE: usize = 64;

/// Who chose the keys of a mapping.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    /// Kubernetes.
    Fields,
    /// Whoever wrote the object.
    Free,
}

/// A node as JSON: texts where Kubernetes wants texts, everything else as YAML reads it.
fn object(
    reader: &mut Reader,
    node: &Node,
    field: &str,
    names: Names,
) -> Result<Value, fields::Error> {
    match &node.content {
        Content::Map(map) => {
            let mut object = Object::new();
            for entry in &map.entries {
                let key = reader.key(&entry.key, if field.is_empty() { "it" } else { field })?;
                let path = match field {
                    "" => key.clone(),
                    field => format!("{field}.{}", fields::shown(&key)),
                };
                reader.charge(node, &path, NODE + key.len())?;
                let value = value(reader, &entry.value, &path, &key, names)?;
                object.insert(key, value);
            }
            Ok(Value::Object(object))
        }
        _ => Err(reader.fail(node, field, Wrong::Kind("a mapping"))),
    }
}

fn value(
    reader: &mut Reader,
    node: &Node,
    field: &str,
    key: &str,
    names: Names,
) -> Result<Value, fields::Error> {
    const MAPS_OF_TEXTS: [&str; 4] = ["labels", "annotations", "encryptedData", "data"];
    const BOOLEANS: [&str; 3] = ["immutable", "controller", "blockOwnerDeletion"];
    const NUMBERS: [&str; 3] = [
        "generation",
        "observedGeneration",
        "deletionGracePeriodSeconds",
    ];
    let is_field = names == Names::Fields;
    match &node.content {
        Content::Map(_) => {
            let names = if is_field && !MAPS_OF_TEXTS.contains(&key) {
                Names::Fields
            } else {
                Names::Free
            };
            object(reader, node, field, names)
        }
        Content::List(items) => items
            .iter()
            .map(|item| {
                reader.charge(item, field, NODE)?;
                value(reader, item, field, "", names)
            })
            .collect(),
        Content::Scalar(scalar) if scalar.is_null() => Ok(Value::Null),
        Content::Scalar(scalar) if is_field && NUMBERS.contains(&key) => scalar
            .as_integer()
            .map(Value::from)
            .ok_or_else(|| reader.fail(node, field, Wrong::Kind("a number"))),
        Content::Scalar(_) if is_field && BOOLEANS.contains(&key) => {
            Ok(reader.boolean(node, field)?.into())
        }
        Content::Scalar(_) => Ok(reader.text(node, field)?.into()),
    }
}
