//! Changes a manifest in place: only the bytes of what changes are written anew. Comments, anchors,
//! quotes, the order of keys and line endings stay as they are.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::{Map as Object, Value};

use crate::document::{Content, Entry, Map, Node, Origin};
use crate::natural_order::{in_natural_order, is_before};
use crate::{go_json, go_yaml};

/// What becomes of the entries of a mapping.
#[derive(Default)]
pub(crate) struct Changes(pub(crate) BTreeMap<String, Change>);

/// What becomes of one entry.
pub(crate) enum Change {
    /// It has this value.
    Set(Value),
    /// It is an alias of the entry with this name, and has the value that this one gets.
    SameAs(String),
    /// It is a mapping, with these changes.
    Within(Changes),
    Remove,
}

/// A change that cannot be made without changing something else, at this line.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("line {0} cannot be changed in place")]
pub struct Conflict(pub(crate) usize);

/// A text and what is to be replaced in it.
pub(crate) struct Splice<'a> {
    text: &'a str,
    line_end: &'static str,
    edits: Vec<(Range<usize>, String)>,
}

impl Changes {
    /// The changes to the mapping that is found along this path.
    pub(crate) fn within(&mut self, path: &[&str]) -> &mut Self {
        let Some((first, rest)) = path.split_first() else {
            return self;
        };
        let change = self
            .0
            .entry((*first).to_owned())
            .or_insert_with(|| Change::Within(Self::default()));
        if !matches!(change, Change::Within(_)) {
            *change = Change::Within(Self::default());
        }
        match change {
            Change::Within(changes) => changes.within(rest),
            Change::Set(_) | Change::SameAs(_) | Change::Remove => {
                unreachable!("it was made one above")
            }
        }
    }

    pub(crate) fn set(&mut self, key: &str, value: impl Into<Value>) {
        self.0.insert(key.to_owned(), Change::Set(value.into()));
    }

    pub(crate) fn same_as(&mut self, key: &str, other: &str) {
        self.0
            .insert(key.to_owned(), Change::SameAs(other.to_owned()));
    }

    pub(crate) fn remove(&mut self, key: &str) {
        self.0.insert(key.to_owned(), Change::Remove);
    }

    /// The same in a value instead of a text.
    pub(crate) fn apply(&self, value: &mut Value) {
        if !value.is_object() {
            *value = Value::Object(Object::new());
        }
        let Value::Object(object) = value else {
            return;
        };
        for (key, change) in &self.0 {
            match change {
                Change::Set(value) => {
                    object.insert(key.clone(), value.clone());
                }
                Change::SameAs(_) => {}
                Change::Within(changes) if changes.0.is_empty() => {}
                Change::Within(changes) => {
                    changes.apply(object.entry(key.clone()).or_insert(Value::Null));
                }
                Change::Remove => {
                    object.remove(key);
                }
            }
        }
        for (key, change) in &self.0 {
            if let Change::SameAs(other) = change
                && let Some(value) = object.get(other).cloned()
            {
                object.insert(key.clone(), value);
            }
        }
    }

    fn as_value(&self) -> Value {
        let mut value = Value::Null;
        self.apply(&mut value);
        value
    }
}

impl<'a> Splice<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let line_end = match text.find('\n') {
            Some(at) if text[..at].ends_with('\r') => "\r\n",
            _ => "\n",
        };
        Self {
            text,
            line_end,
            edits: Vec::new(),
        }
    }

    /// Notes the changes to one object.
    pub(crate) fn change(&mut self, node: &Node, changes: &Changes) -> Result<(), Conflict> {
        let map = node.as_map().ok_or(Conflict(node.line))?;
        let mut new = Object::new();
        let mut removed = Vec::new();
        for (key, change) in &changes.0 {
            let entry = map
                .entry(key)
                .filter(|entry| entry.origin != Origin::Merged);
            match (entry, change) {
                (None, Change::Set(value)) => {
                    new.insert(key.clone(), value.clone());
                }
                (_, Change::SameAs(_)) => {}
                (_, Change::Within(changes)) if changes.0.is_empty() => {}
                (None, Change::Within(changes)) => {
                    if map.entry(key).is_some() {
                        return Err(Conflict(node.line)); // its other entries would be lost
                    }
                    new.insert(key.clone(), changes.as_value());
                }
                (None, Change::Remove) => {
                    if map.entry(key).is_some() {
                        return Err(Conflict(node.line));
                    }
                }
                (Some(entry), Change::Set(value)) => self.set(map, entry, value)?,
                (Some(entry), Change::Within(changes)) => {
                    if is_empty(&entry.value) {
                        self.set(map, entry, &changes.as_value())?;
                    } else if entry.origin == Origin::Own {
                        self.change(&entry.value, changes)?;
                    } else {
                        return Err(Conflict(entry.key.line));
                    }
                }
                (Some(entry), Change::Remove) => {
                    let is_it = |other: &Entry| std::ptr::eq(other, entry);
                    removed.extend(map.entries.iter().position(is_it));
                }
            }
        }
        self.remove(map, removed)?;
        self.insert(map, new)
    }

    /// The text with everything changed.
    pub(crate) fn finish(mut self) -> String {
        self.edits.sort_by_key(|(place, _)| place.start);
        let mut text = String::with_capacity(self.text.len());
        let mut done = 0;
        for (place, replacement) in self.edits {
            if place.start >= done {
                text.push_str(&self.text[done..place.start]);
                text.push_str(&replacement);
                done = place.end;
            }
        }
        text + &self.text[done..]
    }

    fn set(&mut self, map: &Map, entry: &Entry, value: &Value) -> Result<(), Conflict> {
        let place = match &entry.origin {
            Origin::Alias(place) => place.clone(),
            Origin::Merged => return Err(Conflict(entry.key.line)),
            Origin::Own => entry.value.place.clone(),
        };
        let is_scalar = matches!(entry.value.content, Content::Scalar(_));
        let is_replaced = is_scalar && !place.is_empty() && !self.ends_with_a_break(entry);
        if let (true, Value::String(text)) = (is_replaced, value) {
            // A block scalar ends with the line break behind it, which stays.
            let old = &self.text[place.clone()];
            let kept = old.trim_end_matches(['\n', '\r', ' ']).len();
            let place = place.start..place.start + kept;
            let indent = self.column(entry.key.place.start);
            let new = self.scalar(text, &self.text[place.clone()], map.is_flow, indent);
            self.edits.push((place, new));
            return Ok(());
        }
        // Everything behind the colon is written anew.
        let colon = self.text[entry.key.place.end..]
            .find(':')
            .ok_or(Conflict(entry.key.line))?;
        let start = entry.key.place.end + colon + 1;
        let end = place.end.max(start);
        let kept = self.text[start..end].trim_end_matches(['\n', '\r']).len();
        let new = if map.is_flow {
            format!(" {}", self.flow_value(value, entry.key.place.start))
        } else {
            let indent = self.column(entry.key.place.start);
            let printed = go_yaml::print_value(&value.into(), indent);
            self.with_line_ends(printed.trim_end_matches('\n'))
        };
        self.edits.push((start..start + kept, new));
        Ok(())
    }

    /// Whether a block scalar keeps the line breaks behind it as a part of its text.
    fn ends_with_a_break(&self, entry: &Entry) -> bool {
        let between = self.text.get(entry.key.place.end..entry.value.place.start);
        let header = between.and_then(|between| between.split_once(':'));
        header.is_some_and(|(_, header)| {
            let header = header.lines().next().unwrap_or_default();
            header.contains(['|', '>']) && !header.contains('-')
        })
    }

    /// A text in the quotes of the one it replaces, where they can hold it.
    fn scalar(&self, text: &str, old: &str, is_flow: bool, indent: usize) -> String {
        let is_simple = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
        let needs_no_quotes = text.chars().all(is_simple) && text.len() > 100;
        if needs_no_quotes {
            return match old.chars().next() {
                Some(quote @ ('"' | '\'')) => format!("{quote}{text}{quote}"),
                _ => text.to_owned(),
            };
        }
        if is_flow {
            return go_json::text(text);
        }
        let printed = go_yaml::print_value(&text.into(), indent);
        self.with_line_ends(printed.trim_start_matches(' ').trim_end_matches('\n'))
    }

    fn insert(&mut self, map: &Map, new: Object<String, Value>) -> Result<(), Conflict> {
        if new.is_empty() {
            return Ok(());
        }
        let own: Vec<&Entry> = map
            .entries
            .iter()
            .filter(|entry| entry.origin != Origin::Merged)
            .collect();
        let Some(first) = own.first() else {
            return Err(Conflict(0));
        };
        let keys: Vec<&str> = own.iter().map(|entry| entry.key.text()).collect();
        let is_sorted = keys.is_sorted_by(|a, b| !is_before(b, a));
        for key in in_natural_order(new.keys(), |key| key) {
            let value = &new[key];
            let before = own
                .iter()
                .take_while(|entry| !is_sorted || is_before(entry.key.text(), key));
            match before.last() {
                Some(entry) if map.is_flow => self.insert_in_flow(entry, key, value),
                Some(entry) => self.insert_line(entry, key, value),
                None if map.is_flow => self.insert_first_in_flow(first, key, value),
                None => self.insert_first_line(first, key, value),
            }
        }
        Ok(())
    }

    fn insert_line(&mut self, behind: &Entry, key: &str, value: &Value) {
        let printed = self.entry(key, value, self.column(behind.key.place.start));
        let end = self.end_of_line(end_of(behind));
        let new = if self.text[..end].ends_with('\n') {
            printed
        } else {
            // The last line of a text without a line break at its end.
            let printed = printed.trim_end_matches(['\r', '\n']);
            format!("{}{printed}", self.line_end)
        };
        self.edits.push((end..end, new));
    }

    fn insert_first_line(&mut self, first: &Entry, key: &str, value: &Value) {
        let start = self.start_of_line(first.key.place.start);
        let is_alone = self.text[start..first.key.place.start]
            .trim_matches(' ')
            .is_empty();
        let above = self.text[..start].lines().next_back().unwrap_or_default();
        if is_alone && !above.trim_start().starts_with('#') {
            let printed = self.entry(key, value, first.key.place.start - start);
            self.edits.push((start..start, printed));
        } else {
            self.insert_line(first, key, value);
        }
    }

    fn insert_in_flow(&mut self, behind: &Entry, key: &str, value: &Value) {
        let end = end_of(behind);
        let entry = self.flow_entry(key, value, behind.key.place.start);
        let separator = self.flow_separator(behind.key.place.start);
        self.edits.push((end..end, format!(",{separator}{entry}")));
    }

    fn insert_first_in_flow(&mut self, first: &Entry, key: &str, value: &Value) {
        let start = first.key.place.start;
        let entry = self.flow_entry(key, value, start);
        let separator = self.flow_separator(start);
        self.edits
            .push((start..start, format!("{entry},{separator}")));
    }

    fn remove(&mut self, map: &Map, mut removed: Vec<usize>) -> Result<(), Conflict> {
        removed.sort_unstable();
        let mut rest = removed.as_slice();
        while let Some(&from) = rest.first() {
            let entry = &map.entries[from];
            if !map.is_flow {
                let start = self.start_of_line(entry.key.place.start);
                let is_alone = self.text[start..entry.key.place.start]
                    .trim_matches(' ')
                    .is_empty();
                if !is_alone {
                    return Err(Conflict(entry.key.line));
                }
                let end = self.end_of_line(end_of(entry));
                self.edits.push((start..end, String::new()));
                rest = &rest[1..];
                continue;
            }
            let run = rest.iter().zip(from..).take_while(|(a, b)| **a == *b);
            let count = run.count();
            let place = match (map.entries.get(from + count), from.checked_sub(1)) {
                (Some(next), _) => entry.key.place.start..next.key.place.start,
                (None, Some(before)) => {
                    end_of(&map.entries[before])..end_of(&map.entries[from + count - 1])
                }
                (None, None) => entry.key.place.start..end_of(&map.entries[from + count - 1]),
            };
            self.edits.push((place, String::new()));
            rest = &rest[count..];
        }
        Ok(())
    }

    /// `key: value`, a line or more, at this indent.
    fn entry(&self, key: &str, value: &Value, indent: usize) -> String {
        self.with_line_ends(&go_yaml::print_entry(key, &value.into(), indent))
    }

    fn flow_entry(&self, key: &str, value: &Value, beside: usize) -> String {
        format!("{}: {}", go_json::text(key), self.flow_value(value, beside))
    }

    /// JSON, over several lines where what is beside it has a line of its own.
    fn flow_value(&self, value: &Value, beside: usize) -> String {
        match self.own_indent(beside) {
            Some(indent) => {
                let lines = go_json::print(value).unwrap_or_default();
                lines.replace('\n', &format!("{}{indent}", self.line_end))
            }
            None => value.to_string(),
        }
    }

    fn flow_separator(&self, beside: usize) -> String {
        match self.own_indent(beside) {
            Some(indent) => format!("{}{indent}", self.line_end),
            None => " ".to_owned(),
        }
    }

    /// What stands before a place on its line, if that is nothing but an indent.
    fn own_indent(&self, place: usize) -> Option<&'a str> {
        let indent = &self.text[self.start_of_line(place)..place];
        let is_blank = indent.trim_matches([' ', '\t']).is_empty();
        (is_blank && self.start_of_line(place) > 0).then_some(indent)
    }

    fn with_line_ends(&self, printed: &str) -> String {
        if self.line_end == "\n" {
            printed.to_owned()
        } else {
            printed.replace('\n', self.line_end)
        }
    }

    fn column(&self, place: usize) -> usize {
        self.text[self.start_of_line(place)..place].chars().count()
    }

    fn start_of_line(&self, place: usize) -> usize {
        self.text[..place].rfind('\n').map_or(0, |at| at + 1)
    }

    /// The beginning of the line behind a place, or the end of the text.
    fn end_of_line(&self, place: usize) -> usize {
        if self.text[..place].ends_with('\n') {
            return place;
        }
        self.text[place..]
            .find('\n')
            .map_or(self.text.len(), |at| place + at + 1)
    }
}

fn end_of(entry: &Entry) -> usize {
    match &entry.origin {
        Origin::Alias(place) => place.end,
        _ if entry.value.place.is_empty() => entry.key.place.end + 1,
        _ => entry.value.place.end,
    }
}

/// A mapping without entries, or nothing at all.
fn is_empty(node: &Node) -> bool {
    node.is_null() || node.as_map().is_some_and(|map| map.entries.is_empty())
}
