//! Reads the fields of an object as Go's client reads them: unquoted scalars as texts where
//! Kubernetes wants texts. Errors name places and fields, never values.

use std::collections::BTreeMap;
use std::fmt;

use sealing::{Plaintext, base64};

use crate::document::{Content, Map, Node};
use crate::scalar::AsText;

/// A field that is not what it must be.
#[derive(Debug, thiserror::Error)]
#[error("document {document}, line {line}: `{field}` {what}")]
pub struct Error {
    document: usize,
    line: usize,
    field: String,
    pub(crate) what: Wrong,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Wrong {
    #[error("must be {0}")]
    Kind(&'static str),
    #[error("is not a text: put it in quotes")]
    Unquoted,
    #[error("has a key that is not a text: put it in quotes")]
    Key,
    #[error("is not base64: {0}")]
    Base64(#[from] base64::Error),
    #[error("is too much: aliases repeat it again and again")]
    Repeated,
}

/// What an error calls a field; it is only put together when there is one.
pub(crate) trait Field: fmt::Display + Copy {}

impl<T: fmt::Display + Copy> Field for T {}

/// Aliases may not make more of a text than this, and not more than eight times the text itself.
const ALWAYS_ALLOWED: usize = 64 << 20;

/// Reads the nodes of one document, and collects what is odd but readable.
pub(crate) struct Reader {
    pub(crate) document: usize,
    pub(crate) warnings: Vec<String>,
    allowance: usize,
}

impl Reader {
    pub(crate) fn new(document: usize, length_of_input: usize) -> Self {
        Self {
            document,
            warnings: Vec::new(),
            allowance: ALWAYS_ALLOWED.saturating_add(length_of_input.saturating_mul(8)),
        }
    }

    pub(crate) fn texts(
        &mut self,
        node: &Node,
        field: impl Field,
    ) -> Result<Option<BTreeMap<String, String>>, Error> {
        let texts = self.map(node, field, |reader, value, field| {
            reader.text(value, field)
        })?;
        Ok(Some(texts).filter(|texts| !texts.is_empty()))
    }

    pub(crate) fn list_of_texts(
        &mut self,
        node: &Node,
        field: impl Field,
    ) -> Result<Option<Vec<String>>, Error> {
        match &node.content {
            Content::List(items) => {
                let items = items
                    .iter()
                    .map(|item| self.text(item, field))
                    .collect::<Result<Vec<_>, _>>()?;
                Ok(Some(items).filter(|items| !items.is_empty()))
            }
            _ if node.is_null() => Ok(None),
            _ => Err(self.fail(node, field, Wrong::Kind("a list"))),
        }
    }

    pub(crate) fn map<T>(
        &mut self,
        node: &Node,
        field: impl Field,
        read: impl Fn(&mut Self, &Node, fmt::Arguments<'_>) -> Result<T, Error>,
    ) -> Result<BTreeMap<String, T>, Error> {
        if node.is_null() {
            return Ok(BTreeMap::new());
        }
        let entries = &self.as_map(node, field)?.entries;
        let mut map = BTreeMap::new();
        for entry in entries {
            let name = self.key(&entry.key, field)?;
            let value = read(self, &entry.value, format_args!("{field}.{}", shown(&name)))?;
            map.insert(name, value);
        }
        Ok(map)
    }

    pub(crate) fn as_map<'a>(&self, node: &'a Node, field: impl Field) -> Result<&'a Map, Error> {
        node.as_map()
            .ok_or_else(|| self.fail(node, field, Wrong::Kind("a mapping")))
    }

    pub(crate) fn key(&mut self, node: &Node, field: impl Field) -> Result<String, Error> {
        match &node.content {
            Content::Scalar(_) if !node.is_null() => {
                self.text(node, format_args!("a key of {field}"))
            }
            _ => Err(self.fail(node, field, Wrong::Key)),
        }
    }

    /// A text; a number or boolean without quotes becomes one, as Go makes it.
    pub(crate) fn text(&mut self, node: &Node, field: impl Field) -> Result<String, Error> {
        let Content::Scalar(scalar) = &node.content else {
            return Err(self.fail(node, field, Wrong::Kind("a text")));
        };
        self.charge(node, field, scalar.text.len())?;
        if !scalar.is_plain {
            return Ok(scalar.text.to_string());
        }
        match AsText::of(&scalar.text) {
            AsText::Same => Ok(scalar.text.to_string()),
            AsText::Lost => Err(self.fail(node, field, Wrong::Unquoted)),
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

    pub(crate) fn bytes(&mut self, node: &Node, field: impl Field) -> Result<Plaintext, Error> {
        if node.is_null() {
            return Ok(Plaintext::new(Vec::new()));
        }
        let Content::Scalar(scalar) = &node.content else {
            return Err(self.fail(node, field, Wrong::Kind("a text in base64")));
        };
        if !scalar.is_text() {
            return Err(self.fail(node, field, Wrong::Unquoted));
        }
        self.charge(node, field, scalar.text.len())?;
        let bytes = base64::decode(&scalar.text);
        bytes
            .map(Plaintext::new)
            .map_err(|error| self.fail(node, field, error.into()))
    }

    pub(crate) fn boolean(
        &mut self,
        node: &Node,
        field: impl Field,
    ) -> Result<Option<bool>, Error> {
        match &node.content {
            Content::Scalar(scalar) if scalar.is_null() => Ok(None),
            Content::Scalar(scalar) if scalar.as_boolean().is_some() => Ok(scalar.as_boolean()),
            _ => Err(self.fail(node, field, Wrong::Kind("true or false"))),
        }
    }

    pub(crate) fn charge(
        &mut self,
        node: &Node,
        field: impl Field,
        cost: usize,
    ) -> Result<(), Error> {
        match self.allowance.checked_sub(cost + 1) {
            Some(rest) => self.allowance = rest,
            None => return Err(self.fail(node, field, Wrong::Repeated)),
        }
        Ok(())
    }

    pub(crate) fn fail(&self, node: &Node, field: impl Field, what: Wrong) -> Error {
        Error {
            document: self.document,
            line: node.line,
            field: field.to_string(),
            what,
        }
    }
}

/// A name as errors show it. A text of another shape may be a value that slipped out of its place.
pub(crate) fn shown(name: &str) -> &str {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/".contains(&byte);
    if name.len() <= 253 && name.bytes().all(is_letter) {
        name
    } else {
        "…"
    }
}
