//! Puts the parser's events together: scalars, lists and maps to nodes, nodes to documents.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use granit_parser::{Event, Options, Parser, ScalarStyle, ScanError, StructureStyle, Tag};
use sealing::base64;
use zeroize::{Zeroize, Zeroizing};

use super::entries::Entries;
use super::{Content, Document, Duplicate, Entry, Error, Make, Map, Node, Origin, Scalar, parts};
use crate::parallel;

/// What has been read so far.
pub(super) struct Composer<'a, T> {
    make: Make<'a, T>,
    /// Where the whole text ends, whatever is added to it for reading.
    end: usize,
    pub(super) made: Vec<T>,
    pub(super) duplicates: Vec<Duplicate>,
    /// So many documents have begun.
    seen: usize,
}

/// The events of one text, where it begins and ends, and the anchors of the document at hand.
struct Events<'input> {
    parser: Parser<'input, granit_parser::StrInput<'input>>,
    document: usize,
    start: usize,
    end: usize,
    first_line: usize,
    anchors: HashMap<usize, Arc<Node>>,
}

/// Where an event stands.
struct At {
    line: usize,
    place: Range<usize>,
}

impl<'a, T: Send> Composer<'a, T> {
    pub(super) fn new(make: Make<'a, T>, end: usize) -> Self {
        Self {
            make,
            end,
            made: Vec::new(),
            duplicates: Vec::new(),
            seen: 0,
        }
    }

    /// Reads a long text on all cores, and says whether it did: what is wrong in it, or odd, is
    /// left to be read in one piece.
    pub(super) fn add_in_parts(
        &mut self,
        text: &str,
        start: usize,
        first_line: usize,
        cores: usize,
    ) -> bool {
        let parts = parts::of(text, cores);
        if parts.len() < 2 {
            return false;
        }
        let (seen, make, end) = (self.seen, self.make, self.end);
        let begins: Vec<usize> = parts.iter().map(|part| seen + part.document).collect();
        let read = |part: parts::Part| {
            let mut composer = Self::new(make, end);
            composer.seen = seen + part.document;
            let (start, line) = (start + part.place.start, first_line + part.line);
            let added = composer.add(&text[part.place], start, line);
            added.ok().map(|()| composer)
        };
        let composers = parallel::map(parts, read, |_| {});
        let Some(composers) = composers.into_iter().collect::<Option<Vec<_>>>() else {
            return false;
        };
        let ends = composers.iter().map(|composer| composer.seen);
        if !ends.zip(&begins[1..]).all(|(end, begin)| end == *begin) {
            return false;
        }
        for composer in composers {
            self.made.extend(composer.made);
            self.duplicates.extend(composer.duplicates);
            self.seen = composer.seen;
        }
        true
    }

    pub(super) fn add(&mut self, text: &str, start: usize, first_line: usize) -> Result<(), Error> {
        let mut options = Options::default();
        options.emit_comments = false;
        options.block_scalar_eof_without_line_feed = true;
        let mut events = Events {
            parser: Parser::new_from_str_with_options(text, options),
            document: 0,
            start,
            end: self.end,
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
                    if !root.is_blank() {
                        self.made.push((self.make)(Document {
                            number: self.seen,
                            root,
                        }));
                    }
                }
            }
        }
        Ok(())
    }

    /// A node, and where it stands for whoever holds it. The parser bounds how deep collections
    /// nest, and so how deep this calls itself.
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
                let scalar = self.scalar(text, style, tag.as_deref(), line)?;
                (anchor, Content::Scalar(scalar))
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

    /// A scalar as its tag says; a value in base64 is decoded, as Go's reader does.
    fn scalar(
        &self,
        text: Zeroizing<String>,
        style: ScalarStyle,
        tag: Option<&Tag>,
        line: usize,
    ) -> Result<Scalar, Error> {
        let fail = |what| Error::Unsupported {
            document: self.seen,
            line,
            what,
        };
        let is_plain = match tag {
            None => style == ScalarStyle::Plain,
            Some(tag) if is_of_text(tag) => false,
            Some(tag) if is_of_binary(tag) => {
                let bytes = base64::decode(&text)
                    .map_err(|_| fail("a value tagged `!!binary` is not base64"))?;
                let text = String::from_utf8(bytes).map_err(|error| {
                    error.into_bytes().zeroize();
                    fail("a value tagged `!!binary` is no text: write it as base64 under `data`, without the tag")
                })?;
                let text = Zeroizing::new(text);
                return Ok(Scalar {
                    text,
                    is_plain: false,
                });
            }
            Some(_) => {
                return Err(fail(
                    "a tag other than `!!str` and `!!binary` is not supported",
                ));
            }
        };
        Ok(Scalar { text, is_plain })
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
        let Some(next) = self.parser.next_event() else {
            return Ok(None);
        };
        let (event, span) = next.map_err(|error| self.syntax(&error))?;
        let place = span.byte_range().unwrap_or_default();
        let at = At {
            line: self.first_line + span.start.line(),
            place: (self.start + place.start).min(self.end)..(self.start + place.end).min(self.end),
        };
        Ok(Some((event, at)))
    }

    fn syntax(&self, error: &ScanError) -> Error {
        Error::Syntax {
            document: self.document,
            line: self.first_line + error.marker().line(),
            column: error.marker().col() + 1,
            language: "YAML",
        }
    }
}

fn is_of_text(tag: &Tag) -> bool {
    tag.core_suffix() == Some("str") || tag.original() == "!"
}

/// Only as it is usually written: Go's reader overlooks what `%TAG` says.
fn is_of_binary(tag: &Tag) -> bool {
    let is_written = ["!!binary", "!<tag:yaml.org,2002:binary>"].contains(&tag.original().as_str());
    is_written && tag.suffix_in_namespace("tag:yaml.org,2002:").as_deref() == Some("binary")
}

fn is_merge(key: &Node) -> bool {
    key.scalar()
        .is_some_and(|scalar| scalar.is_plain && *scalar.text == "<<")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document;

    /// Number, first line and place of each document, and the lines of keys that are given twice.
    fn outline(composer: &Composer<'_, Document>) -> Vec<(usize, usize, Range<usize>)> {
        let documents = composer.made.iter();
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
        let same = |document| document;
        let (mut one, mut several) = (
            Composer::new(&same, usize::MAX),
            Composer::new(&same, usize::MAX),
        );
        one.add(&text, 7, 3).unwrap();
        assert!(several.add_in_parts(&text, 7, 3, 4));
        assert!(one.made.len() > 5000 && one.duplicates.len() > 1000);
        assert_eq!(outline(&one), outline(&several));
        assert_eq!(one.seen, several.seen);
    }

    #[test]
    fn is_read_in_one_piece_where_something_is_wrong() {
        let text = "---\na: 1\n".repeat(9000) + "---\n{a: 'b\n";
        assert!(!Composer::new(&|_| (), text.len()).add_in_parts(&text, 0, 0, 4));
        let Err(Error::Syntax { document, .. }) = document::read(&text) else {
            unreachable!("it is read")
        };
        assert_eq!(document, 9001);
    }
}
