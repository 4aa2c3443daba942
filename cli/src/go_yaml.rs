//! YAML byte for byte as Go's encoder (yaml.v2, a port of libyaml's emitter) prints Kubernetes
//! objects. Where its output would not read back as the same text, ours quotes instead.

use std::borrow::Cow;

use crate::natural_order::in_natural_order;
use crate::scalar::Meaning;
use crate::tree::Tree;

const INDENT: usize = 2;
const BEST_WIDTH: usize = 80;
const LONGEST_SIMPLE_KEY: usize = 128;

/// Writes a document of its own.
pub(crate) fn print(object: &Tree<'_>) -> String {
    let mut text = String::with_capacity(1 << 10);
    text.push_str("---");
    let mut printer = Printer { text };
    match object {
        Tree::Map(fields) if !fields.is_empty() => {
            printer.text.push('\n');
            printer.map(fields, 0);
        }
        other => printer.value(other, 0),
    }
    printer.text
}

/// Writes an entry of a block mapping with this indent.
pub(crate) fn print_entry(key: &str, value: &Tree<'_>, indent: usize) -> String {
    let mut printer = Printer::default();
    printer.spaces(indent);
    printer.entry(key, value, indent);
    printer.text
}

/// Writes what stands behind the colon of a key with this indent.
pub(crate) fn print_value(value: &Tree<'_>, indent: usize) -> String {
    let mut printer = Printer::default();
    printer.value(value, indent);
    printer.text
}

#[derive(Default)]
struct Printer {
    text: String,
}

impl Printer {
    /// Keys are put in natural order.
    fn map(&mut self, map: &[(&str, Tree<'_>)], indent: usize) {
        let entries = in_natural_order(map, |(key, _)| key);
        for (index, (key, value)) in entries.into_iter().enumerate() {
            if index > 0 || !self.is_behind_dash() {
                self.spaces(indent);
            }
            self.entry(key, value, indent);
        }
    }

    fn entry(&mut self, key: &str, value: &Tree<'_>, indent: usize) {
        if key.len() <= LONGEST_SIMPLE_KEY && !key.contains('\n') {
            let key = Scalar {
                text: key,
                indent,
                may_fold: false,
            }
            .print("");
            self.text.push_str(&key);
        } else {
            self.text.push_str("? ");
            self.scalar(key, indent);
            self.end_line();
            self.spaces(indent);
        }
        self.text.push(':');
        self.value(value, indent);
    }

    fn value(&mut self, value: &Tree<'_>, indent: usize) {
        match value {
            Tree::Map(map) if !map.is_empty() => {
                self.text.push('\n');
                self.map(map, indent + INDENT);
            }
            Tree::List(list) if !list.is_empty() => {
                self.text.push('\n');
                for item in list {
                    self.spaces(indent);
                    self.text.push('-');
                    match item {
                        Tree::Map(map) if !map.is_empty() => {
                            self.text.push(' ');
                            self.map(map, indent + INDENT);
                        }
                        item => self.value(item, indent),
                    }
                }
            }
            Tree::Map(_) => self.text.push_str(" {}\n"),
            Tree::List(_) => self.text.push_str(" []\n"),
            Tree::Text(text) => {
                self.text.push(' ');
                self.scalar(text, indent);
                self.end_line();
            }
            Tree::Unquoted(value) => self.text.push_str(&format!(" {value}\n")),
        }
    }

    fn scalar(&mut self, text: &str, indent: usize) {
        let scalar = Scalar {
            text,
            indent: indent + INDENT,
            may_fold: true,
        }
        .print(&self.text);
        self.text.push_str(&scalar);
    }

    fn is_behind_dash(&self) -> bool {
        self.text.ends_with("- ") && last_line(&self.text).trim_start() == "- "
    }

    fn spaces(&mut self, count: usize) {
        self.text.extend(std::iter::repeat_n(' ', count));
    }

    fn end_line(&mut self) {
        if !self.text.ends_with('\n') {
            self.text.push('\n');
        }
    }
}

/// A text to print, the indent of its further lines, and whether there may be any.
struct Scalar<'a> {
    text: &'a str,
    indent: usize,
    may_fold: bool,
}

impl<'a> Scalar<'a> {
    /// Prints the text in the style that Go's encoder chooses, behind what is printed already.
    fn print(&self, before: &str) -> Cow<'a, str> {
        if is_word(self.text) {
            return Cow::Borrowed(self.text);
        }
        let allowed = Allowed::of(self.text);
        if self.text.contains('\n') && self.may_fold {
            return Cow::Owned(if allowed.block {
                self.literal()
            } else {
                self.double_quoted(before)
            });
        }
        // As a key, `<<` would merge; Go's encoder overlooks that.
        let means_itself = Meaning::of(self.text) == Meaning::Text
            && !is_base_60(self.text)
            && (self.may_fold || self.text != "<<");
        Cow::Owned(if !means_itself {
            self.double_quoted(before)
        } else if allowed.plain {
            self.folded(self.text, "", before)
        } else if allowed.single_quoted && (self.may_fold || !self.text.contains(is_break)) {
            self.folded(&self.text.replace('\'', "''"), "'", before)
        } else {
            self.double_quoted(before)
        })
    }

    /// Plain or in single quotes; a long text is broken at single spaces.
    fn folded(&self, text: &str, quote: &str, before: &str) -> String {
        let mut line = Line::new(self, quote, before);
        let mut behind_space = false;
        for (at, letter) in text.char_indices() {
            let is_inner = quote.is_empty() || at > 0 && at + 1 < text.len();
            let next_is_space = text[at + letter.len_utf8()..].starts_with(' ');
            if letter == ' ' && !behind_space && is_inner && !next_is_space && line.is_full() {
                line.wrap();
            } else {
                line.push(letter);
            }
            behind_space = letter == ' ';
        }
        line.finish(quote)
    }

    fn double_quoted(&self, before: &str) -> String {
        let mut line = Line::new(self, "\"", before);
        let mut behind_space = false;
        for (at, letter) in self.text.char_indices() {
            let is_inner = at > 0 && at + 1 < self.text.len();
            if letter == ' ' && !behind_space && is_inner && line.is_full() {
                line.wrap();
                if self.text[at + 1..].starts_with(' ') {
                    line.push('\\');
                }
            } else if letter == ' '
                || is_printable(letter) && !is_break(letter) && !matches!(letter, '"' | '\\')
            {
                line.push(letter);
            } else {
                escape(letter).chars().for_each(|letter| line.push(letter));
            }
            behind_space = letter == ' ';
        }
        line.finish("\"")
    }

    fn literal(&self) -> String {
        let mut printed = String::from("|");
        if self.text.starts_with([' ', '\n']) {
            printed.push_str(&INDENT.to_string());
        }
        let body = self.text.strip_suffix('\n');
        match body {
            None => printed.push('-'),
            Some("") => printed.push('+'),
            Some(body) if body.ends_with('\n') => printed.push('+'),
            Some(_) => {}
        }
        for line in body.unwrap_or(self.text).split('\n') {
            printed.push('\n');
            if !line.is_empty() {
                printed.extend(std::iter::repeat_n(' ', self.indent));
                printed.push_str(line);
            }
        }
        if body.is_some() {
            printed.push('\n');
        }
        printed
    }
}

/// Most texts are such: nothing in them begins anything else, they mean themselves, and there is
/// nowhere to break them.
fn is_word(text: &str) -> bool {
    let is_inner =
        |byte: u8| matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'-'..=b'9' | b'+' | b'=' | b'_');
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        // Without an early end, so that many bytes are compared at once: sealed values are long.
        && text.bytes().fold(true, |all, byte| all & is_inner(byte))
        && Meaning::of(text) == Meaning::Text
}

/// A text being printed, and the column it has come to.
struct Line {
    printed: String,
    column: usize,
    indent: usize,
    may_fold: bool,
}

impl Line {
    fn new(scalar: &Scalar<'_>, quote: &str, before: &str) -> Self {
        let Scalar {
            indent, may_fold, ..
        } = *scalar;
        Self {
            printed: quote.to_owned(),
            column: last_line(before).chars().count() + quote.len(),
            indent,
            may_fold,
        }
    }

    fn push(&mut self, letter: char) {
        self.printed.push(letter);
        self.column += 1;
    }

    fn is_full(&self) -> bool {
        self.may_fold && self.column > BEST_WIDTH
    }

    fn wrap(&mut self) {
        self.printed.push('\n');
        self.printed.extend(std::iter::repeat_n(' ', self.indent));
        self.column = self.indent;
    }

    fn finish(mut self, quote: &str) -> String {
        self.printed.push_str(quote);
        self.printed
    }
}

fn last_line(text: &str) -> &str {
    text.rsplit('\n').next().unwrap_or_default()
}

/// The styles in which a text would read back as itself, as libyaml's `analyze_scalar` finds them.
struct Allowed {
    plain: bool,
    single_quoted: bool,
    block: bool,
}

impl Allowed {
    fn of(text: &str) -> Self {
        // A line separator is a break in YAML 1.1 and a letter in 1.2; alone it is the same in both.
        let has_other_break =
            text.chars().any(|c| is_break(c) && c != '\n') && text.chars().count() > 1;
        let is_special = has_other_break || text.chars().any(|letter| !is_printable(letter));
        let has_space_before_break = text.contains(" \n");
        let has_break_before_space = text.contains("\n ");
        let has_outer_blank = text.starts_with(|c| c == ' ' || is_break(c))
            || text.ends_with(|c| c == ' ' || is_break(c));
        let safe = !is_special && !has_space_before_break;
        Self {
            plain: safe && !has_outer_blank && !text.chars().any(is_break) && !has_indicator(text),
            single_quoted: safe && !has_break_before_space && !text.contains('\n'),
            block: safe && !text.ends_with(' '),
        }
    }
}

/// Whether a text holds what begins something else in a block mapping.
fn has_indicator(text: &str) -> bool {
    let ends_word = |rest: &str| rest.is_empty() || rest.starts_with([' ', '\t', '\n']);
    let begins_otherwise = match text.chars().next() {
        Some(
            '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%'
            | '@' | '`',
        ) => true,
        Some('?' | ':' | '-') => ends_word(&text[1..]),
        _ => text.is_empty(),
    };
    begins_otherwise
        || text.starts_with("---")
        || text.starts_with("...")
        || text.contains(" #")
        || text
            .match_indices(':')
            .any(|(at, _)| ends_word(&text[at + 1..]))
}

/// YAML 1.1 reads `1:30` as ninety: `[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?`
fn is_base_60(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let whole = text.split_once('.').map_or(text, |(whole, fraction)| {
        if fraction.bytes().all(|b| b.is_ascii_digit() || b == b'_') {
            whole
        } else {
            ""
        }
    });
    let mut parts = whole.split(':');
    let first = parts.next().unwrap_or_default();
    let is_part =
        |part: &str| matches!(part.as_bytes(), [b'0'..=b'9'] | [b'0'..=b'5', b'0'..=b'9']);
    first.starts_with(|c: char| c.is_ascii_digit())
        && first.bytes().all(|b| b.is_ascii_digit() || b == b'_')
        && whole.contains(':')
        && parts.all(is_part)
}

fn is_printable(letter: char) -> bool {
    matches!(letter, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
}

fn is_break(letter: char) -> bool {
    matches!(letter, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn escape(letter: char) -> String {
    let short = match letter {
        '\0' => '0',
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\u{b}' => 'v',
        '\u{c}' => 'f',
        '\r' => 'r',
        '\u{1b}' => 'e',
        '"' => '"',
        '\\' => '\\',
        '\u{85}' => 'N',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        _ => {
            return match u32::from(letter) {
                code @ ..=0xff => format!("\\x{code:02X}"),
                code @ ..=0xffff => format!("\\u{code:04X}"),
                code => format!("\\U{code:08X}"),
            };
        }
    };
    format!("\\{short}")
}

#[cfg(test)]
mod tests;
