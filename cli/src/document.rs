//! A text as documents: YAML separated by `---`, or JSON values back to back. Every node keeps its
//! place, and every scalar its own text. Values may be in it, so nothing here can be printed.

use std::collections::HashMap;
use std::rc::Rc;

use granit_parser::{Event, Options, Parser, ScalarStyle, ScanError, Span, Tag};
use serde::de::IgnoredAny;
use zeroize::Zeroizing;

use crate::scalar::Meaning;

/// One document that is not empty; numbers and places count from one.
pub(crate) struct Document {
    pub(crate) number: usize,
    pub(crate) root: Rc<Node>,
}

pub(crate) struct Node {
    pub(crate) line: usize,
    pub(crate) content: Content,
}

pub(crate) enum Content {
    Scalar(Scalar),
    List(Vec<Rc<Node>>),
    /// Later entries of the same key have replaced earlier ones.
    Map(Vec<(Rc<Node>, Rc<Node>)>),
}

pub(crate) struct Scalar {
    pub(crate) text: Zeroizing<String>,
    pub(crate) is_plain: bool,
}

/// Why a text is no sequence of documents. The parser's own words may quote a value, so none of
/// them are kept.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("byte {0} is not UTF-8")]
    NotUtf8(usize),
    #[error("line {line}, column {column}: not valid {language}")]
    Syntax {
        line: usize,
        column: usize,
        language: &'static str,
    },
    #[error("line {line}: {what}")]
    Unsupported { line: usize, what: &'static str },
}

/// A key that is given twice.
pub(crate) struct Duplicate {
    pub(crate) document: usize,
    pub(crate) line: usize,
}

/// Splits a text into its documents; empty ones are counted and left out.
pub(crate) fn read(bytes: &[u8]) -> Result<(Vec<Document>, Vec<Duplicate>), Error> {
    let text = std::str::from_utf8(bytes).map_err(|error| Error::NotUtf8(error.valid_up_to()))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut composer = Composer::default();
    let (mut rest, mut line) = (text, 0);
    while rest.trim_start().starts_with('{') {
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<IgnoredAny>();
        let Some(Ok(_)) = values.next() else {
            break; // what is not quite JSON may still be YAML
        };
        let (value, behind) = rest.split_at(values.byte_offset());
        composer
            .add(value, line)
            .map_err(|error| error.in_language("JSON"))?;
        line += value.matches('\n').count();
        rest = behind;
    }
    let language = if rest.trim_start().starts_with('{') {
        "JSON"
    } else {
        "YAML"
    };
    composer
        .add(rest, line)
        .map_err(|error| error.in_language(language))?;
    Ok((composer.documents, composer.duplicates))
}

impl Error {
    fn in_language(self, language: &'static str) -> Self {
        match self {
            Self::Syntax { line, column, .. } => Self::Syntax {
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
        matches!(&self.content, Content::Scalar(scalar) if scalar.is_null())
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

    fn meaning(&self) -> Meaning {
        if self.is_plain {
            Meaning::of(&self.text)
        } else {
            Meaning::Text
        }
    }
}

#[derive(Default)]
struct Composer {
    documents: Vec<Document>,
    duplicates: Vec<Duplicate>,
    seen: usize,
}

/// The events of one text, and the anchors of the document at hand.
struct Events<'input> {
    parser: Parser<'input, granit_parser::StrInput<'input>>,
    first_line: usize,
    anchors: HashMap<usize, Rc<Node>>,
}

impl Composer {
    fn add(&mut self, text: &str, first_line: usize) -> Result<(), Error> {
        let mut options = Options::default();
        options.emit_comments = false;
        options.block_scalar_eof_without_line_feed = true;
        let parser = Parser::new_from_str_with_options(text, options);
        let mut events = Events {
            parser,
            first_line,
            anchors: HashMap::new(),
        };
        while let Some((event, line)) = events.next()? {
            match event {
                Event::DocumentStart(..) => {
                    self.seen += 1;
                    events.anchors.clear();
                }
                Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
                event => {
                    let root = self.node(&mut events, event, line)?;
                    if !root.is_null() {
                        self.documents.push(Document {
                            number: self.seen,
                            root,
                        });
                    }
                }
            }
        }
        Ok(())
    }

    /// The parser bounds how deep collections nest, and so how deep this calls itself.
    fn node(
        &mut self,
        events: &mut Events<'_>,
        event: Event<'_>,
        line: usize,
    ) -> Result<Rc<Node>, Error> {
        let (anchor, content) = match event {
            Event::Alias(id) => {
                let target = events.anchors.get(&id).cloned();
                return target.ok_or(Error::Unsupported {
                    line,
                    what: "an alias inside of what it stands for",
                });
            }
            Event::Scalar(text, style, anchor, tag) => {
                let text = Zeroizing::new(text.into_owned());
                let is_plain = is_read_as_plain(style, tag.as_deref(), line)?;
                (anchor, Content::Scalar(Scalar { text, is_plain }))
            }
            Event::SequenceStart(_, anchor, _) => (anchor, self.list(events)?),
            Event::MappingStart(_, anchor, _) => (anchor, self.map(events)?),
            _ => {
                return Err(Error::Unsupported {
                    line,
                    what: "not a node",
                });
            }
        };
        let node = Rc::new(Node { line, content });
        if anchor != 0 {
            events.anchors.insert(anchor, Rc::clone(&node));
        }
        Ok(node)
    }

    fn list(&mut self, events: &mut Events<'_>) -> Result<Content, Error> {
        let mut items = Vec::new();
        while let Some((event, line)) = events.next()? {
            if event == Event::SequenceEnd {
                break;
            }
            items.push(self.node(events, event, line)?);
        }
        Ok(Content::List(items))
    }

    fn map(&mut self, events: &mut Events<'_>) -> Result<Content, Error> {
        let mut entries = Entries::default();
        let mut merged = Vec::new();
        while let Some((event, line)) = events.next()? {
            if event == Event::MappingEnd {
                break;
            }
            let key = self.node(events, event, line)?;
            let Some((event, line)) = events.next()? else {
                break;
            };
            let value = self.node(events, event, line)?;
            if is_merge(&key) {
                merged.push(value);
            } else if entries.insert(Rc::clone(&key), value) {
                self.duplicates.push(Duplicate {
                    document: self.seen,
                    line: key.line,
                });
            }
        }
        for value in merged {
            entries.merge(&value)?;
        }
        Ok(Content::Map(entries.list))
    }
}

impl<'input> Events<'input> {
    fn next(&mut self) -> Result<Option<(Event<'input>, usize)>, Error> {
        let place =
            |(event, span): (Event<'input>, Span)| (event, self.first_line + span.start.line());
        let syntax = |error: ScanError| Error::Syntax {
            line: self.first_line + error.marker().line(),
            column: error.marker().col() + 1,
            language: "YAML",
        };
        self.parser
            .next_event()
            .transpose()
            .map(|next| next.map(place))
            .map_err(syntax)
    }
}

/// The entries of a map, and where each key stands among them.
#[derive(Default)]
struct Entries {
    list: Vec<(Rc<Node>, Rc<Node>)>,
    places: HashMap<String, usize>,
}

impl Entries {
    /// Adds an entry, or replaces one, as Go does; says whether it did replace one.
    fn insert(&mut self, key: Rc<Node>, value: Rc<Node>) -> bool {
        let Content::Scalar(scalar) = &key.content else {
            self.list.push((key, value));
            return false;
        };
        if let Some(place) = self.places.get(scalar.text.as_str()) {
            self.list[*place] = (key, value);
            return true;
        }
        self.places.insert(scalar.text.to_string(), self.list.len());
        self.list.push((key, value));
        false
    }

    /// Adds what a merge key (`<<`) brings and nobody else has set.
    fn merge(&mut self, source: &Node) -> Result<(), Error> {
        match &source.content {
            Content::Map(entries) => {
                for (key, value) in entries {
                    let is_set = matches!(&key.content, Content::Scalar(s) if self.places.contains_key(s.text.as_str()));
                    if !is_set {
                        self.insert(Rc::clone(key), Rc::clone(value));
                    }
                }
                Ok(())
            }
            Content::List(sources) => sources.iter().try_for_each(|source| self.merge(source)),
            Content::Scalar(_) => Err(Error::Unsupported {
                line: source.line,
                what: "a merge key (`<<`) needs a mapping",
            }),
        }
    }
}

fn is_merge(key: &Node) -> bool {
    matches!(&key.content, Content::Scalar(scalar) if scalar.is_plain && scalar.text.as_str() == "<<")
}

fn is_read_as_plain(style: ScalarStyle, tag: Option<&Tag>, line: usize) -> Result<bool, Error> {
    match tag {
        None => Ok(style == ScalarStyle::Plain),
        Some(tag)
            if tag.core_suffix() == Some("str")
                || tag.handle() == "!" && tag.suffix().is_empty() =>
        {
            Ok(false)
        }
        Some(_) => Err(Error::Unsupported {
            line,
            what: "a tag other than `!!str` is not supported",
        }),
    }
}
