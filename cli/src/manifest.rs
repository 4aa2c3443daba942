//! Reads Secrets as Go's client reads them: fields in any case, unknown ones ignored, unquoted
//! scalars as texts where Kubernetes wants texts. Lists are taken apart.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use sealing::{Plaintext, Secret, base64};

use crate::Io;
use crate::document::{self, Content, Document, Node};
use crate::scalar::AsText;

/// A Secret as it was written, and where.
pub(crate) struct Manifest {
    pub(crate) document: usize,
    pub(crate) secret: Secret,
}

/// Why an input holds no Secrets. Errors name places and items, never values.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no secrets found. Ensure the input is valid and UTF-8 encoded")]
    NoSecrets,
    #[error("cannot read the input: {0}")]
    Document(#[from] document::Error),
    #[error("cannot read the input: document {document}, line {line}: not a Secret")]
    NotASecret { document: usize, line: usize },
    #[error("cannot read the input: document {document}, line {line}: a {kind}, not a Secret")]
    Kind {
        document: usize,
        line: usize,
        kind: String,
    },
    #[error("cannot read the input: document {document}, line {line}: `{field}` {what}")]
    Field {
        document: usize,
        line: usize,
        field: String,
        what: FieldError,
    },
}

#[derive(Debug, thiserror::Error)]
pub enum FieldError {
    #[error("must be {0}")]
    Kind(&'static str),
    #[error("is not a text: put it in quotes")]
    Unquoted,
    #[error("has a key that is not a text: put it in quotes")]
    Key,
    #[error("is not base64: {0}")]
    Base64(#[from] base64::Error),
}

impl Error {
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Kind { kind, .. } if kind == "SealedSecret" => {
                Some("it is sealed already".to_owned())
            }
            Self::Document(document::Error::NotUtf8(_)) => {
                Some("save the input as UTF-8".to_owned())
            }
            Self::Field {
                what: FieldError::Base64(_),
                ..
            } => Some("values that are not base64 go under `stringData`".to_owned()),
            _ => None,
        }
    }
}

/// Reads every Secret of the input; what is odd but readable is warned about.
pub(crate) fn read(bytes: &[u8], io: &mut Io) -> Result<Vec<Manifest>, Error> {
    let (documents, duplicates) = document::read(bytes)?;
    for duplicate in duplicates {
        let document::Duplicate { document, line } = duplicate;
        io.warn(&format!(
            "document {document}, line {line}: this key is given twice; the last one counts"
        ));
    }
    let mut manifests = Vec::new();
    for document in &documents {
        let mut reader = Reader {
            document: document.number,
            warnings: Vec::new(),
        };
        let secrets = reader.document(document);
        reader.warnings.iter().for_each(|warning| io.warn(warning));
        manifests.extend(secrets?.into_iter().map(|secret| Manifest {
            document: document.number,
            secret,
        }));
    }
    if manifests.is_empty() {
        Err(Error::NoSecrets)
    } else {
        Ok(manifests)
    }
}

struct Reader {
    document: usize,
    warnings: Vec<String>,
}

type Fields<'a> = &'a [(std::rc::Rc<Node>, std::rc::Rc<Node>)];

impl Reader {
    fn document(&mut self, document: &Document) -> Result<Vec<Secret>, Error> {
        let root = &document.root;
        let Content::Map(fields) = &root.content else {
            return Err(Error::NotASecret {
                document: self.document,
                line: root.line,
            });
        };
        match self.kind(fields)?.as_str() {
            "List" | "SecretList" => self.list(fields),
            "" | "Secret" => Ok(vec![self.secret(fields)?]),
            kind => {
                let (document, line, kind) = (self.document, root.line, kind.to_owned());
                Err(Error::Kind {
                    document,
                    line,
                    kind,
                })
            }
        }
    }

    fn kind(&mut self, fields: Fields<'_>) -> Result<String, Error> {
        let Some(value) = field(fields, "kind") else {
            return Ok(String::new());
        };
        // A wrong kind is printed, so it must look like one; anything else may be a value.
        let kind = self.text(value, "kind")?;
        let looks_like_one =
            kind.len() <= 63 && kind.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if looks_like_one {
            Ok(kind)
        } else {
            Err(self.fail(value, "kind", FieldError::Kind("`Secret`")))
        }
    }

    fn list(&mut self, fields: Fields<'_>) -> Result<Vec<Secret>, Error> {
        let Some(items) = field(fields, "items").filter(|items| !items.is_null()) else {
            return Ok(Vec::new());
        };
        let Content::List(items) = &items.content else {
            return Err(self.fail(items, "items", FieldError::Kind("a list")));
        };
        let mut secrets = Vec::new();
        for item in items {
            let Content::Map(fields) = &item.content else {
                return Err(Error::NotASecret {
                    document: self.document,
                    line: item.line,
                });
            };
            let kind = self.kind(fields)?;
            if !matches!(kind.as_str(), "" | "Secret") {
                return Err(Error::Kind {
                    document: self.document,
                    line: item.line,
                    kind,
                });
            }
            secrets.push(self.secret(fields)?);
        }
        Ok(secrets)
    }

    fn secret(&mut self, fields: Fields<'_>) -> Result<Secret, Error> {
        let mut secret = Secret {
            metadata: ObjectMeta::default(),
            type_: None,
            immutable: None,
            data: BTreeMap::new(),
        };
        let mut string_data = BTreeMap::new();
        for (key, value) in fields {
            match name_of(key).to_ascii_lowercase().as_str() {
                "metadata" => secret.metadata = self.metadata(value)?,
                "type" => {
                    secret.type_ = Some(self.text(value, "type")?).filter(|type_| !type_.is_empty())
                }
                "immutable" => secret.immutable = self.boolean(value, "immutable")?,
                "data" => secret.data.extend(self.map(value, "data", Self::bytes)?),
                "stringdata" => {
                    let plain = |reader: &mut Self, value: &Node, field: &str| {
                        reader
                            .text(value, field)
                            .map(|text| Plaintext::new(text.into_bytes()))
                    };
                    string_data.extend(self.map(value, "stringData", plain)?);
                }
                _ => {}
            }
        }
        secret.data.extend(string_data);
        Ok(secret)
    }

    fn metadata(&mut self, node: &Node) -> Result<ObjectMeta, Error> {
        let mut metadata = ObjectMeta::default();
        if node.is_null() {
            return Ok(metadata);
        }
        let Content::Map(fields) = &node.content else {
            return Err(self.fail(node, "metadata", FieldError::Kind("a mapping")));
        };
        let present = |text: String| Some(text).filter(|text| !text.is_empty());
        for (key, value) in fields {
            match name_of(key).to_ascii_lowercase().as_str() {
                "name" => metadata.name = present(self.text(value, "metadata.name")?),
                "namespace" => {
                    metadata.namespace = present(self.text(value, "metadata.namespace")?)
                }
                "labels" => metadata.labels = self.texts(value, "metadata.labels")?,
                "annotations" => {
                    metadata.annotations = self.texts(value, "metadata.annotations")?
                }
                "finalizers" => metadata.finalizers = self.finalizers(value)?,
                _ => {} // only a cluster writes the others, and sealing leaves them out
            }
        }
        Ok(metadata)
    }

    fn texts(
        &mut self,
        node: &Node,
        field: &str,
    ) -> Result<Option<BTreeMap<String, String>>, Error> {
        let texts = self.map(node, field, Self::text)?;
        Ok(Some(texts).filter(|texts| !texts.is_empty()))
    }

    fn finalizers(&mut self, node: &Node) -> Result<Option<Vec<String>>, Error> {
        const FIELD: &str = "metadata.finalizers";
        match &node.content {
            Content::List(items) => {
                let items = items
                    .iter()
                    .map(|item| self.text(item, FIELD))
                    .collect::<Result<Vec<_>, _>>()?;
                Ok(Some(items).filter(|items| !items.is_empty()))
            }
            _ if node.is_null() => Ok(None),
            _ => Err(self.fail(node, FIELD, FieldError::Kind("a list"))),
        }
    }

    fn map<T>(
        &mut self,
        node: &Node,
        field: &str,
        read: impl Fn(&mut Self, &Node, &str) -> Result<T, Error>,
    ) -> Result<BTreeMap<String, T>, Error> {
        if node.is_null() {
            return Ok(BTreeMap::new());
        }
        let Content::Map(entries) = &node.content else {
            return Err(self.fail(node, field, FieldError::Kind("a mapping")));
        };
        let mut map = BTreeMap::new();
        for (key, value) in entries {
            let name = self.key(key, field)?;
            let value = read(self, value, &format!("{field}.{}", shown(&name)))?;
            map.insert(name, value);
        }
        Ok(map)
    }

    fn key(&mut self, node: &Node, field: &str) -> Result<String, Error> {
        match &node.content {
            Content::Scalar(_) if !node.is_null() => self.text(node, &format!("a key of {field}")),
            _ => Err(self.fail(node, field, FieldError::Key)),
        }
    }

    /// A text; a number or boolean without quotes becomes one, as Go makes it.
    fn text(&mut self, node: &Node, field: &str) -> Result<String, Error> {
        let Content::Scalar(scalar) = &node.content else {
            return Err(self.fail(node, field, FieldError::Kind("a text")));
        };
        if !scalar.is_plain {
            return Ok(scalar.text.to_string());
        }
        match AsText::of(&scalar.text) {
            AsText::Same => Ok(scalar.text.to_string()),
            AsText::Lost => Err(self.fail(node, field, FieldError::Unquoted)),
            AsText::Changed(text) => {
                let (document, line) = (self.document, node.line);
                self.warnings.push(format!(
                    "document {document}, line {line}: `{field}` is not in quotes, so YAML reads another text \
                     than what is written; put it in quotes to keep it"
                ));
                Ok(text)
            }
        }
    }

    fn bytes(&mut self, node: &Node, field: &str) -> Result<Plaintext, Error> {
        if node.is_null() {
            return Ok(Plaintext::new(Vec::new()));
        }
        let Content::Scalar(scalar) = &node.content else {
            return Err(self.fail(node, field, FieldError::Kind("a text in base64")));
        };
        if !scalar.is_text() {
            return Err(self.fail(node, field, FieldError::Unquoted));
        }
        let bytes = base64::decode(&scalar.text);
        bytes
            .map(Plaintext::new)
            .map_err(|error| self.fail(node, field, error.into()))
    }

    fn boolean(&mut self, node: &Node, field: &str) -> Result<Option<bool>, Error> {
        match &node.content {
            Content::Scalar(scalar) if scalar.is_null() => Ok(None),
            Content::Scalar(scalar) if scalar.as_boolean().is_some() => Ok(scalar.as_boolean()),
            _ => Err(self.fail(node, field, FieldError::Kind("true or false"))),
        }
    }

    fn fail(&self, node: &Node, field: &str, what: FieldError) -> Error {
        Error::Field {
            document: self.document,
            line: node.line,
            field: field.to_owned(),
            what,
        }
    }
}

fn field<'a>(fields: Fields<'a>, name: &str) -> Option<&'a Node> {
    fields
        .iter()
        .rfind(|(key, _)| name_of(key).eq_ignore_ascii_case(name))
        .map(|(_, value)| &**value)
}

/// A name as errors show it. A text of another shape may be a value that slipped out of its place.
fn shown(name: &str) -> &str {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/".contains(&byte);
    if name.len() <= 253 && name.bytes().all(is_letter) {
        name
    } else {
        "…"
    }
}

fn name_of(key: &Node) -> &str {
    match &key.content {
        Content::Scalar(scalar) => &scalar.text,
        _ => "",
    }
}
