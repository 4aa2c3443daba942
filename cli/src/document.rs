//! A text as documents: YAML separated by `---`, or JSON values back to back. Every node keeps its
//! place, and every scalar its own text. Values may be in it, so nothing here can be printed.

mod composer;
mod entries;
mod parts;

use std::ops::Range;
use std::sync::Arc;

use serde::de::IgnoredAny;
use zeroize::Zeroizing;

use crate::document::composer::Composer;
use crate::parallel;
use crate::scalar::Meaning;

/// One document that is not empty; numbers and lines count from one.
pub(crate) struct Document {
    pub(crate) number: usize,
    pub(crate) root: Arc<Node>,
}

pub(crate) struct Node {
    pub(crate) line: usize,
    /// Its bytes in the text; those of a block collection end with its last scalar.
    pub(crate) place: Range<usize>,
    pub(crate) content: Content,
}

pub(crate) enum Content {
    Scalar(Scalar),
    List(Vec<Arc<Node>>),
    Map(Map),
}

pub(crate) struct Map {
    /// Later entries of the same key have replaced earlier ones.
    pub(crate) entries: Vec<Entry>,
    /// In braces, as JSON has it.
    pub(crate) is_flow: bool,
}

pub(crate) struct Entry {
    pub(crate) key: Arc<Node>,
    pub(crate) value: Arc<Node>,
    pub(crate) origin: Origin,
}

/// Where the value of an entry stands.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Behind its key.
    Own,
    /// Elsewhere; behind the key is an alias, at this place.
    Alias(Range<usize>),
    /// A merge key (`<<`) brought the entry in.
    Merged,
}

pub(crate) struct Scalar {
    pub(crate) text: Zeroizing<String>,
    pub(crate) is_plain: bool,
}

/// Why a text is no sequence of documents. The parser's own words may quote a value, so none of
/// them are kept.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("document {document}, line {line}, column {column}: not valid {language}")]
    Syntax {
        document: usize,
        line: usize,
        column: usize,
        language: &'static str,
    },
    #[error("document {document}, line {line}: {what}")]
    Unsupported {
        document: usize,
        line: usize,
        what: &'static str,
    },
}

/// A key that is given twice.
pub(crate) struct Duplicate {
    pub(crate) document: usize,
    pub(crate) line: usize,
}

/// Makes something of a document.
type Make<'a, T> = &'a (dyn Fn(Document) -> T + Sync);

/// Splits a text into its documents; those that hold nothing are counted and left out.
pub(crate) fn read(text: &str) -> Result<(Vec<Document>, Vec<Duplicate>), Error> {
    read_as(text, &|document| document)
}

/// Splits in the same way, and keeps what `make` makes of each document, on the thread that read it.
pub(crate) fn read_as<T: Send>(
    text: &str,
    make: Make<'_, T>,
) -> Result<(Vec<T>, Vec<Duplicate>), Error> {
    let mut composer = Composer::new(make, text.len());
    let (mut start, mut line) = (0, 0);
    while text[start..].trim_start().starts_with('{') {
        let rest = &text[start..];
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<IgnoredAny>();
        let Some(Ok(_)) = values.next() else {
            break; // what is not quite JSON may still be YAML
        };
        let value = &rest[..values.byte_offset()];
        composer
            .add(value, start, line)
            .map_err(|error| error.in_language("JSON"))?;
        line += value.matches('\n').count();
        start += value.len();
    }
    let rest = &text[start..];
    let language = if rest.trim_start().starts_with('{') {
        "JSON"
    } else {
        "YAML"
    };
    // Go's reader ends every line, also the last one: a block scalar there gets its line break.
    let ended = (!rest.ends_with('\n')).then(|| Zeroizing::new([rest, "\n"].concat()));
    let rest = ended.as_ref().map_or(rest, |ended| ended.as_str());
    if !composer.add_in_parts(rest, start, line, parallel::cores()) {
        composer
            .add(rest, start, line)
            .map_err(|error| error.in_language(language))?;
    }
    Ok((composer.made, composer.duplicates))
}

impl Error {
    fn in_language(self, language: &'static str) -> Self {
        match self {
            Self::Syntax {
                document,
                line,
                column,
                ..
            } => Self::Syntax {
                document,
                line,
                column,
                language,
            },
            other => other,
        }
    }
}

impl Node {
    pub(crate) fn is_null(&self) -> bool {
        self.scalar().is_some_and(Scalar::is_null)
    }

    /// Nothing, or fields of which none says anything: Go's client takes that for no object at all.
    fn is_blank(&self) -> bool {
        let Content::Map(root) = &self.content else {
            return self.is_null();
        };
        let says_nothing = |entry: &Entry| match &entry.value.content {
            Content::Scalar(scalar) => scalar.is_null() || scalar.text.is_empty(),
            Content::List(_) => false,
            // Aliases could make this an endless piece of work.
            Content::Map(map) => {
                entry.origin == Origin::Own && map.entries.iter().all(|entry| entry.value.is_null())
            }
        };
        root.entries.iter().all(says_nothing)
    }

    pub(crate) fn as_map(&self) -> Option<&Map> {
        match &self.content {
            Content::Map(map) => Some(map),
            _ => None,
        }
    }

    fn scalar(&self) -> Option<&Scalar> {
        match &self.content {
            Content::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// The text of a scalar, whatever it means; of anything else none.
    pub(crate) fn text(&self) -> &str {
        self.scalar().map_or("", |scalar| &scalar.text)
    }
}

impl Map {
    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key.text() == key)
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &*entry.value)
    }
}

impl Scalar {
    pub(crate) fn is_null(&self) -> bool {
        self.meaning() == Meaning::Null
    }

    pub(crate) fn is_text(&self) -> bool {
        matches!(self.meaning(), Meaning::Text | Meaning::Timestamp)
    }

    pub(crate) fn as_boolean(&self) -> Option<bool> {
        match self.meaning() {
            Meaning::Boolean(value) => Some(value),
            _ => None,
        }
    }

    pub(crate) fn as_integer(&self) -> Option<i64> {
        match self.meaning() {
            Meaning::Integer(value) => value.try_into().ok(),
            _ => None,
        }
    }

    fn meaning(&self) -> Meaning {
        if self.is_plain {
            Meaning::of(&self.text)
        } else {
            Meaning::Text
        }
    }
}
