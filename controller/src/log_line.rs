//! One line of the log: `time=… level=… msg=… key=value` as Go's slog writes it, or the same as a JSON object;
//! within its bound, whatever its parts are.

use std::fmt::{self, Write};

use jiff::Timestamp;
use tracing::Level;
use tracing::field::{Field, Visit};

use crate::excerpt::{Excerpt, LINE, is_obeyed};

/// What is told of an event: its message, and its attributes in their order.
#[derive(Default)]
pub(crate) struct LogLine {
    message: Option<Part>,
    attributes: Vec<(&'static str, Part)>,
}

enum Part {
    Text(Excerpt),
    /// A number or a switch.
    Word(String),
}

impl LogLine {
    pub(crate) fn saying(message: &str) -> Self {
        Self {
            message: Some(Part::text(message)),
            attributes: Vec::new(),
        }
    }

    pub(crate) fn with(mut self, name: &'static str, number: u64) -> Self {
        self.attributes.push((name, Part::Word(number.to_string())));
        self
    }

    /// The whole line. What is too long is cut, the longest part first.
    pub(crate) fn written(self, level: Level, time: Timestamp, json: bool) -> String {
        let head = [
            ("time", Part::text(&format!("{time:.3}"))),
            ("level", Part::text(level.as_str())),
            ("msg", self.message.unwrap_or_else(|| Part::text(""))),
        ];
        let parts: Vec<_> = head.into_iter().chain(self.attributes).collect();
        let most = most(&parts);
        let mut line = String::new();
        for (index, (name, part)) in parts.iter().enumerate() {
            let value = match part {
                Part::Word(word) => word.clone(),
                Part::Text(text) => match text.cut(most, width) {
                    text if !json && is_plain(&text) => text,
                    text => quoted(&text),
                },
            };
            let (separator, name) = match (json, index) {
                (true, 0) => ("{", format!("\"{name}\":")),
                (true, _) => (",", format!("\"{name}\":")),
                (false, 0) => ("", format!("{name}=")),
                (false, _) => (" ", format!("{name}=")),
            };
            line.extend([separator, &name, &value]);
        }
        line + if json { "}\n" } else { "\n" }
    }

    fn note(&mut self, field: &Field, part: Part) {
        match field.name() {
            "message" => self.message = Some(part),
            name => self.attributes.push((name, part)),
        }
    }
}

impl Part {
    fn text(text: &str) -> Self {
        let mut excerpt = Excerpt::within(LINE);
        _ = excerpt.write_str(text);
        Self::Text(excerpt)
    }
}

impl Visit for LogLine {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.note(field, Part::text(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.note(field, Part::Word(value.to_string()));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.note(field, Part::Word(value.to_string()));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.note(field, Part::Word(value.to_string()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut excerpt = Excerpt::within(LINE);
        _ = write!(excerpt, "{value:?}");
        self.note(field, Part::Text(excerpt));
    }
}

/// How wide a text of a line may be, so that all of it fits.
fn most(parts: &[(&str, Part)]) -> usize {
    let mut room = LINE - 2; // braces or a newline
    let mut widths = Vec::new();
    for (name, part) in parts {
        room = room.saturating_sub(name.len() + "\"\":\"\",".len());
        match part {
            Part::Word(word) => room = room.saturating_sub(word.len()),
            Part::Text(text) => widths.push(text.width(width)),
        }
    }
    widths.sort_unstable();
    for (index, width) in widths.iter().enumerate() {
        let share = room / (widths.len() - index);
        if *width > share {
            return share;
        }
        room -= width;
    }
    LINE
}

/// Whether a text reads as one word.
fn is_plain(text: &str) -> bool {
    let is_plain = |c: char| !c.is_whitespace() && !is_obeyed(c) && !matches!(c, '"' | '=');
    !text.is_empty() && text.chars().all(is_plain)
}

/// A text as JSON has it, without what a terminal would obey.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for char in text.chars() {
        match char {
            '"' | '\\' => quoted.extend(['\\', char]),
            '\n' => quoted += "\\n",
            '\r' => quoted += "\\r",
            '\t' => quoted += "\\t",
            char if is_obeyed(char) => quoted += &format!("\\u{:04x}", u32::from(char)),
            char => quoted.push(char),
        }
    }
    quoted + "\""
}

/// How much room a character takes there.
fn width(char: char) -> usize {
    match char {
        '"' | '\\' | '\n' | '\r' | '\t' => 2,
        char if is_obeyed(char) => 6,
        char => char.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn line(message: &str, attributes: &[(&'static str, &str)], json: bool) -> String {
        let mut line = LogLine::saying(message).with("count", 7);
        let texts = attributes
            .iter()
            .map(|(name, text)| (*name, Part::text(text)));
        line.attributes.extend(texts);
        line.written(Level::INFO, Timestamp::UNIX_EPOCH, json)
    }

    #[test]
    fn quotes_what_does_not_read_as_one_word() {
        let text = line(
            "two words",
            &[("plain", "a/b"), ("empty", ""), ("equal", "a=b")],
            false,
        );
        let wanted = "time=1970-01-01T00:00:00.000Z level=INFO msg=\"two words\" count=7 plain=a/b empty=\"\" equal=\"a=b\"\n";
        assert_eq!(text, wanted);
    }

    #[test]
    fn is_one_line_that_no_terminal_obeys() {
        for json in [false, true] {
            let text = line(
                "a\nb",
                &[("x", "\u{1b}[2J\u{9b}\u{202e}\u{7f}\r\t\0\"\\")],
                json,
            );
            assert!(
                !text.trim_end_matches('\n').chars().any(is_obeyed),
                "{text}"
            );
        }
        let text = line("a", &[("x", "\u{1b}\u{9b}\u{202e}\n\"\\\0")], true);
        let read: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read["x"], "\u{1b}\u{9b}\u{202e}\n\"\\\0");
    }

    #[test]
    fn has_its_bound_and_says_how_much_it_left_out() {
        let long = "x".repeat(500_000);
        let escaped = "\u{1}".repeat(500_000);
        for (message, attributes) in [
            (&*long, &[][..]),
            ("short", &[("error", &*long)]),
            ("short", &[("error", &*escaped), ("name", "kept")]),
            (
                &*escaped,
                &[("error", &*long), ("other", &*long), ("name", "kept")],
            ),
        ] {
            for json in [false, true] {
                let text = line(message, attributes, json);
                assert!((LINE - 100..=LINE).contains(&text.len()), "{}", text.len());
                assert!(text.contains(" bytes more)"), "{text}");
                assert_eq!(text.contains("kept"), attributes.len() > 1);
                assert_eq!(text, line(message, attributes, json));
                if json {
                    assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["count"], 7);
                }
            }
        }
    }
}
