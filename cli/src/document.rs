//! A text as documents: YAML separated by `---`, or JSON values back to back. Every node keeps its
//! place, and every scalar its own text. Values may be in it, so nothing here can be printed.

mod parts;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::thread;

use granit_parser::{Event, Options, Parser, ScalarStyle, ScanError, Span, StructureStyle, Tag};
use serde::de::IgnoredAny;
use zeroize::Zeroizing;

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

/// Splits a text into its documents; empty ones are counted and left out.
pub(crate) fn read(text: &str) -> Result<(Vec<Document>, Vec<Duplicate>), Error> {
    let mut composer = Composer::default();
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
    if !composer.add_in_parts(rest, start, line, parallel::threads()) {
        composer
            .add(rest, start, line)
            .map_err(|error| error.in_language(language))?;
    }
    Ok((composer.documents, composer.duplicates))
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
        matches!(&self.content, Content::Scalar(scalar) if scalar.is_null())
    }

    pub(crate) fn as_map(&self) -> Option<&Map> {
        match &self.content {
            Content::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The text of a scalar, whatever it means; of anything else none.
    pub(crate) fn text(&self) -> &str {
        match &self.content {
            Content::Scalar(scalar) => &scalar.text,
            _ => "",
        }
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

#[derive(Default)]
struct Composer {
    documents: Vec<Document>,
    duplicates: Vec<Duplicate>,
    seen: usize,
}

/// The events of one text, where it begins, and the anchors of the document at hand.
struct Events<'input> {
    parser: Parser<'input, granit_parser::StrInput<'input>>,
    document: usize,
    start: usize,
    first_line: usize,
    anchors: HashMap<usize, Arc<Node>>,
}

/// Where an event stands.
struct At {
    line: usize,
    place: Range<usize>,
}

impl Composer {
    /// Reads a long text on all cores, and says whether it did: what is wrong in it, or odd, is
    /// left to be read in one piece.
    fn add_in_parts(
        &mut self,
        text: &str,
        start: usize,
        first_line: usize,
        threads: usize,
    ) -> bool {
        let parts = parts::of(text, threads);
        if parts.len() < 2 {
            return false;
        }
        let seen = self.seen;
        let read = |part: &parts::Part| {
            let mut composer = Self {
                seen: seen + part.document,
                ..Self::default()
            };
            let (start, line) = (start + part.place.start, first_line + part.line);
            let added = composer.add(&text[part.place.clone()], start, line);
            added.ok().map(|()| composer)
        };
        let composers: Option<Vec<Self>> = thread::scope(|scope| {
            let read = &read;
            let threads: Vec<_> = parts
                .iter()
                .map(|part| scope.spawn(move || read(part)))
                .collect();
            let joined = threads.into_iter().map(|thread| thread.join().ok()?);
            joined.collect()
        });
        let Some(composers) = composers else {
            return false;
        };
        let ends = composers.iter().map(|composer| composer.seen);
        let begins = parts.iter().skip(1).map(|part| seen + part.document);
        if !ends.zip(begins).all(|(end, begin)| end == begin) {
            return false;
        }
        for composer in composers {
            self.documents.extend(composer.documents);
            self.duplicates.extend(composer.duplicates);
            self.seen = composer.seen;
        }
        true
    }

    fn add(&mut self, text: &str, start: usize, first_line: usize) -> Result<(), Error> {
        let mut options = Options::default();
        options.emit_comments = false;
        options.block_scalar_eof_without_line_feed = true;
        let mut events = Events {
            parser: Parser::new_from_str_with_options(text, options),
            document: 0,
            start,
            first_line,
            anchors: HashMap::new(),
        };
        // What begins no document belongs to the next one.
        events.document = self.seen + 1;
        while let Some((event, at)) = events.next()? {
            match event {
                Event::DocumentStart(..) => {
                    self.seen += 1;
                    events.anchors.clear();
                }
                Event::DocumentEnd => events.document = self.seen + 1,
                Event::StreamStart | Event::StreamEnd => {}
                event => {
                    let (root, _) = self.node(&mut events, event, at)?;
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

    /// A node, and where it stands for whoever holds it. The parser bounds how deep collections nest, and so how deep this calls itself.
    fn node(
        &mut self,
        events: &mut Events<'_>,
        event: Event<'_>,
        At { line, mut place }: At,
    ) -> Result<(Arc<Node>, Origin), Error> {
        let (anchor, content) = match event {
            Event::Alias(id) => {
                let target = events.anchors.get(&id).cloned();
                let target = target.ok_or(Error::Unsupported {
                    document: self.seen,
                    line,
                    what: "an alias inside of what it stands for",
                })?;
                return Ok((target, Origin::Alias(place)));
            }
            Event::Scalar(text, style, anchor, tag) => {
                let text = Zeroizing::new(text.into_owned());
                let is_plain = self.is_read_as_plain(style, tag.as_deref(), line)?;
                (anchor, Content::Scalar(Scalar { text, is_plain }))
            }
            Event::SequenceStart(style, anchor, _) => {
                let (items, end) = self.list(events)?;
                if let Some(end) = end.filter(|_| style == StructureStyle::Flow) {
                    place.end = end;
                } else if let Some(last) = items.last() {
                    place.end = place.end.max(last.place.end);
                }
                (anchor, Content::List(items))
            }
            Event::MappingStart(style, anchor, _) => {
                let is_flow = style == StructureStyle::Flow;
                let (entries, end, last) = self.map(events)?;
                place.end = match end.filter(|_| is_flow) {
                    Some(end) => end,
                    None => place.end.max(last),
                };
                (anchor, Content::Map(Map { entries, is_flow }))
            }
            _ => {
                return Err(Error::Unsupported {
                    document: self.seen,
                    line,
                    what: "not a node",
                });
            }
        };
        let node = Arc::new(Node {
            line,
            place,
            content,
        });
        if anchor != 0 {
            events.anchors.insert(anchor, Arc::clone(&node));
        }
        Ok((node, Origin::Own))
    }

    fn is_read_as_plain(
        &self,
        style: ScalarStyle,
        tag: Option<&Tag>,
        line: usize,
    ) -> Result<bool, Error> {
        match tag {
            None => Ok(style == ScalarStyle::Plain),
            Some(tag)
                if tag.core_suffix() == Some("str")
                    || tag.handle() == "!" && tag.suffix().is_empty() =>
            {
                Ok(false)
            }
            Some(_) => Err(Error::Unsupported {
                document: self.seen,
                line,
                what: "a tag other than `!!str` is not supported",
            }),
        }
    }

    fn list(&mut self, events: &mut Events<'_>) -> Result<(Vec<Arc<Node>>, Option<usize>), Error> {
        let mut items = Vec::new();
        while let Some((event, at)) = events.next()? {
            if event == Event::SequenceEnd {
                return Ok((items, Some(at.place.end)));
            }
            items.push(self.node(events, event, at)?.0);
        }
        Ok((items, None))
    }

    fn map(
        &mut self,
        events: &mut Events<'_>,
    ) -> Result<(Vec<Entry>, Option<usize>, usize), Error> {
        let mut entries = Entries::default();
        let mut merged = Vec::new();
        let mut last = 0;
        let mut end = None;
        while let Some((event, at)) = events.next()? {
            if event == Event::MappingEnd {
                end = Some(at.place.end);
                break;
            }
            let (key, _) = self.node(events, event, at)?;
            let Some((event, at)) = events.next()? else {
                break;
            };
            let (value, origin) = self.node(events, event, at)?;
            last = match &origin {
                Origin::Alias(place) => place.end,
                _ if value.place.is_empty() => key.place.end,
                _ => value.place.end,
            };
            if is_merge(&key) {
                merged.push(value);
                continue;
            }
            let entry = Entry {
                key: Arc::clone(&key),
                value,
                origin,
            };
            if entries.insert(entry) {
                self.duplicates.push(Duplicate {
                    document: self.seen,
                    line: key.line,
                });
            }
        }
        for value in merged {
            entries.merge(&value, self.seen)?;
        }
        Ok((entries.list, end, last))
    }
}

impl<'input> Events<'input> {
    fn next(&mut self) -> Result<Option<(Event<'input>, At)>, Error> {
        let (start, first_line) = (self.start, self.first_line);
        let at = |(event, span): (Event<'input>, Span)| {
            let place = span.byte_range().unwrap_or_default();
            let at = At {
                line: first_line + span.start.line(),
                place: start + place.start..start + place.end,
            };
            (event, at)
        };
        let document = self.document;
        let syntax = |error: ScanError| Error::Syntax {
            document,
            line: first_line + error.marker().line(),
            column: error.marker().col() + 1,
            language: "YAML",
        };
        self.parser
            .next_event()
            .transpose()
            .map(|next| next.map(at))
            .map_err(syntax)
    }
}

/// The entries of a map, and where each key stands among them.
#[derive(Default)]
struct Entries {
    list: Vec<Entry>,
    places: HashMap<String, usize>,
}

impl Entries {
    /// Adds an entry, or replaces one, as Go does; says whether it did replace one.
    fn insert(&mut self, entry: Entry) -> bool {
        let Content::Scalar(key) = &entry.key.content else {
            self.list.push(entry);
            return false;
        };
        if let Some(place) = self.places.get(key.text.as_str()) {
            self.list[*place] = entry;
            return true;
        }
        self.places.insert(key.text.to_string(), self.list.len());
        self.list.push(entry);
        false
    }

    /// Adds what a merge key (`<<`) brings and nobody else has set.
    fn merge(&mut self, source: &Node, document: usize) -> Result<(), Error> {
        match &source.content {
            Content::Map(map) => {
                for Entry { key, value, .. } in &map.entries {
                    if !self.places.contains_key(key.text()) {
                        self.insert(Entry {
                            key: Arc::clone(key),
                            value: Arc::clone(value),
                            origin: Origin::Merged,
                        });
                    }
                }
                Ok(())
            }
            Content::List(sources) => sources
                .iter()
                .try_for_each(|source| self.merge(source, document)),
            Content::Scalar(_) => Err(Error::Unsupported {
                document,
                line: source.line,
                what: "a merge key (`<<`) needs a mapping",
            }),
        }
    }
}

fn is_merge(key: &Node) -> bool {
    matches!(&key.content, Content::Scalar(scalar) if scalar.is_plain && scalar.text.as_str() == "<<")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Number, first line and place of each document, and the lines of keys that are given twice.
    fn outline(composer: &Composer) -> Vec<(usize, usize, Range<usize>)> {
        let documents = composer.documents.iter();
        let documents =
            documents.map(|found| (found.number, found.root.line, found.root.place.clone()));
        let duplicates = composer.duplicates.iter();
        let duplicates = duplicates.map(|twice| (twice.document, twice.line, 0..0));
        documents.chain(duplicates).collect()
    }

    #[test]
    fn is_the_same_in_parts_and_in_one_piece() {
        let document = |index: usize| match index % 7 {
            0 => "---\n# nothing but a comment\n".to_owned(),
            1 => "---\n".to_owned(),
            2 => "--- {a: 1, a: 2}\r\n".to_owned(),
            3 => format!("---\na: |\n  ---\n  {index}\n"),
            _ => format!("---\na: &x {index}\nb: *x\nc: [1,\n  2]\n"),
        };
        let text: String = (0..9000).map(document).collect();
        let (mut one, mut several) = (Composer::default(), Composer::default());
        one.add(&text, 7, 3).unwrap();
        assert!(several.add_in_parts(&text, 7, 3, 4));
        assert!(one.documents.len() > 5000 && one.duplicates.len() > 1000);
        assert_eq!(outline(&one), outline(&several));
        assert_eq!(one.seen, several.seen);
    }

    #[test]
    fn is_read_in_one_piece_where_something_is_wrong() {
        let text = "---\na: 1\n".repeat(9000) + "---\n{a: 'b\n";
        assert!(!Composer::default().add_in_parts(&text, 0, 0, 4));
        let Err(Error::Syntax { document, .. }) = read(&text) else {
            unreachable!("it is read")
        };
        assert_eq!(document, 9001);
    }
}
