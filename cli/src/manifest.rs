//! Reads Secrets as Go's client reads them: fields in any case, unknown ones ignored. Lists are
//! taken apart.

use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use sealing::{Plaintext, Secret};
use zeroize::Zeroizing;

use crate::Io;
use crate::document::{self, Content, Document, Map, Node};
use crate::fields::{self, Reader, Wrong};
use crate::sealed_manifest::API_VERSION;
use crate::text::{self, Text};

/// A Secret as it was written, and where.
pub(crate) struct Manifest {
    pub(crate) document: usize,
    /// In a box, since manifests are passed on and a Secret is large.
    pub(crate) secret: Box<Secret>,
}

/// Why an input holds no Secrets.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no secrets found. Ensure the input is valid and UTF-8 encoded")]
    NoSecrets,
    #[error("cannot read the input: {0}")]
    Input(#[from] Cause),
}

/// Why a text does not hold the objects it should. Errors name places and fields, never values.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    #[error(transparent)]
    Text(#[from] text::Error),
    #[error(transparent)]
    Document(#[from] document::Error),
    #[error("document {document}, line {line}: not a {wanted}")]
    NotOne {
        document: usize,
        line: usize,
        wanted: &'static str,
    },
    #[error("document {document}, line {line}: a {kind}, not a {wanted}")]
    Kind {
        document: usize,
        line: usize,
        kind: String,
        wanted: &'static str,
    },
    #[error(
        "document {document}, line {line}: a SealedSecret of `{version}`, not of `{API_VERSION}`"
    )]
    ApiVersion {
        document: usize,
        line: usize,
        version: String,
    },
    #[error(transparent)]
    Field(#[from] fields::Error),
    #[error("document {document}: {cause}")]
    Object {
        document: usize,
        cause: sealing::Malformed,
    },
}

impl Error {
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::NoSecrets => None,
            Self::Input(cause) => cause.hint(),
        }
    }
}

impl Cause {
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Kind { kind, wanted, .. } if kind == "SealedSecret" && *wanted == "Secret" => {
                Some("it is sealed already".to_owned())
            }
            Self::Kind { kind, wanted, .. } if kind == "Secret" && *wanted == "SealedSecret" => {
                Some("seal it first, with `kubeseal`".to_owned())
            }
            Self::Text(_) => Some("save the input as UTF-8".to_owned()),
            Self::Field(error) if matches!(error.what, Wrong::Base64(_)) => {
                Some("values that are not base64 go under `stringData`".to_owned())
            }
            _ => None,
        }
    }
}

/// Reads every Secret of the input; what is odd but readable is warned about.
pub(crate) fn read(bytes: Zeroizing<Vec<u8>>, io: &mut Io) -> Result<Vec<Manifest>, Error> {
    let manifests = read_all(bytes, Lists::SayTheirKind, io)?;
    if manifests.is_empty() {
        Err(Error::NoSecrets)
    } else {
        Ok(manifests)
    }
}

/// Reads key Secrets from a backup, where a list may be nothing but `items`.
pub(crate) fn read_keys(bytes: Zeroizing<Vec<u8>>, io: &mut Io) -> Result<Vec<Manifest>, Cause> {
    read_all(bytes, Lists::MayBeBare, io)
}

/// What counts as a list.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lists {
    SayTheirKind,
    MayBeBare,
}

fn read_all(bytes: Zeroizing<Vec<u8>>, lists: Lists, io: &mut Io) -> Result<Vec<Manifest>, Cause> {
    let text = Text::read(bytes)?.text;
    let read = |document: Document| {
        let mut reader = Reader::new(document.number, text.len());
        let manifests = manifests(&mut reader, &document.root, lists);
        (manifests, reader.warnings)
    };
    let (documents, duplicates) = document::read_as(&text, &read)?;
    warn_of_duplicates(&duplicates, io);
    let mut all = Vec::with_capacity(documents.len());
    for (manifests, warnings) in documents {
        warnings.iter().for_each(|warning| io.warn(warning));
        all.extend(manifests?);
    }
    Ok(all)
}

pub(crate) fn warn_of_duplicates(duplicates: &[document::Duplicate], io: &mut Io) {
    for document::Duplicate { document, line } in duplicates {
        io.warn(&format!(
            "document {document}, line {line}: this key is given twice; the last one counts"
        ));
    }
}

fn manifests(reader: &mut Reader, root: &Node, lists: Lists) -> Result<Vec<Manifest>, Cause> {
    let bare = root
        .as_map()
        .filter(|fields| lists == Lists::MayBeBare && field(fields, "kind").is_none());
    let objects = match bare {
        Some(fields) if field(fields, "items").is_some() => items(reader, fields, "Secret")?,
        _ => objects(reader, root, "Secret")?,
    };
    let manifest = |(_, fields)| {
        Ok(Manifest {
            document: reader.document,
            secret: Box::new(secret(reader, fields)?),
        })
    };
    objects.into_iter().map(manifest).collect()
}

/// The objects of a document: itself, or the items of a list.
pub(crate) fn objects<'a>(
    reader: &mut Reader,
    root: &'a Node,
    wanted: &'static str,
) -> Result<Vec<(&'a Node, &'a Map)>, Cause> {
    let fields = as_object(reader, root, wanted)?;
    let kind = kind(reader, fields)?;
    if kind != "List" && kind.strip_suffix("List") != Some(wanted) {
        check_kind(reader, root, kind, wanted)?;
        return Ok(vec![(root, fields)]);
    }
    items(reader, fields, wanted)
}

fn items<'a>(
    reader: &mut Reader,
    fields: &'a Map,
    wanted: &'static str,
) -> Result<Vec<(&'a Node, &'a Map)>, Cause> {
    let Some(items) = field(fields, "items").filter(|items| !items.is_null()) else {
        return Ok(Vec::new());
    };
    let Content::List(items) = &items.content else {
        return Err(reader.fail(items, "items", Wrong::Kind("a list")).into());
    };
    let mut objects = Vec::new();
    for item in items {
        let fields = as_object(reader, item, wanted)?;
        let kind = self::kind(reader, fields)?;
        check_kind(reader, item, kind, wanted)?;
        objects.push((&**item, fields));
    }
    Ok(objects)
}

fn as_object<'a>(reader: &Reader, node: &'a Node, wanted: &'static str) -> Result<&'a Map, Cause> {
    node.as_map().ok_or(Cause::NotOne {
        document: reader.document,
        line: node.line,
        wanted,
    })
}

fn check_kind(
    reader: &Reader,
    node: &Node,
    kind: String,
    wanted: &'static str,
) -> Result<(), Cause> {
    if kind.is_empty() || kind == wanted {
        return Ok(());
    }
    Err(Cause::Kind {
        document: reader.document,
        line: node.line,
        kind,
        wanted,
    })
}

/// The kind of an object; empty where it says none.
pub(crate) fn kind(reader: &mut Reader, fields: &Map) -> Result<String, fields::Error> {
    let Some(value) = field(fields, "kind") else {
        return Ok(String::new());
    };
    // A wrong kind is printed, so it must look like one; anything else may be a value.
    let kind = reader.text(value, "kind")?;
    let looks_like_one = kind.len() <= 63 && kind.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if looks_like_one {
        Ok(kind)
    } else {
        Err(reader.fail(value, "kind", Wrong::Kind("the kind of an object")))
    }
}

fn secret(reader: &mut Reader, fields: &Map) -> Result<Secret, fields::Error> {
    let mut secret = Secret {
        metadata: ObjectMeta::default(),
        type_: None,
        immutable: None,
        data: BTreeMap::new(),
    };
    let mut string_data = BTreeMap::new();
    for entry in &fields.entries {
        let value = &*entry.value;
        match entry.key.text().to_ascii_lowercase().as_str() {
            "metadata" => secret.metadata = metadata(reader, value)?,
            "type" => secret.type_ = present(reader, value, "type")?,
            "immutable" => secret.immutable = reader.boolean(value, "immutable")?,
            "data" => secret
                .data
                .extend(reader.map(value, "data", |reader, value, field| {
                    reader.bytes(value, field)
                })?),
            "stringdata" => {
                let plain = |reader: &mut Reader, value: &Node, field: fmt::Arguments<'_>| {
                    reader
                        .text(value, field)
                        .map(|text| Plaintext::new(text.into_bytes()))
                };
                string_data.extend(reader.map(value, "stringData", plain)?);
            }
            _ => {}
        }
    }
    secret.data.extend(string_data);
    Ok(secret)
}

fn metadata(reader: &mut Reader, node: &Node) -> Result<ObjectMeta, fields::Error> {
    let mut metadata = ObjectMeta::default();
    if node.is_null() {
        return Ok(metadata);
    }
    for entry in &reader.as_map(node, "metadata")?.entries {
        let value = &*entry.value;
        match entry.key.text().to_ascii_lowercase().as_str() {
            "name" => metadata.name = present(reader, value, "metadata.name")?,
            "namespace" => metadata.namespace = present(reader, value, "metadata.namespace")?,
            "labels" => metadata.labels = reader.texts(value, "metadata.labels")?,
            "annotations" => metadata.annotations = reader.texts(value, "metadata.annotations")?,
            "finalizers" => {
                metadata.finalizers = reader.list_of_texts(value, "metadata.finalizers")?;
            }
            _ => {} // only a cluster writes the others, and sealing leaves them out
        }
    }
    Ok(metadata)
}

/// A text, if there is any.
fn present(reader: &mut Reader, node: &Node, field: &str) -> Result<Option<String>, fields::Error> {
    if node.is_null() {
        return Ok(None);
    }
    Ok(Some(reader.text(node, field)?).filter(|text| !text.is_empty()))
}

/// A field, its name in any case; the last one counts.
fn field<'a>(fields: &'a Map, name: &str) -> Option<&'a Node> {
    fields
        .entries
        .iter()
        .rfind(|entry| entry.key.text().eq_ignore_ascii_case(name))
        .map(|entry| &*entry.value)
}
