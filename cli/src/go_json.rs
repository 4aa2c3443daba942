//! JSON byte for byte as Go's encoder indents it for Kubernetes.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter, PrettyFormatter};

/// Writes a value with two spaces of indent and without a line break at its end.
pub(crate) fn print(value: &impl Serialize) -> Result<String, serde_json::Error> {
    let mut bytes = Vec::new();
    let formatter = GoFormatter(PrettyFormatter::new());
    value.serialize(&mut serde_json::Serializer::with_formatter(
        &mut bytes, formatter,
    ))?;
    String::from_utf8(bytes).map_err(serde::ser::Error::custom)
}

/// Writes a text in quotes.
pub(crate) fn text(text: &str) -> String {
    print(&text).unwrap_or_default()
}

/// Escapes what could end a script or a line in HTML, as `encoding/json` does.
struct GoFormatter<'a>(PrettyFormatter<'a>);

impl Formatter for GoFormatter<'_> {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        text: &str,
    ) -> io::Result<()> {
        let mut rest = text;
        while let Some(at) = rest.find(['<', '>', '&', '\u{2028}', '\u{2029}']) {
            writer.write_all(&rest.as_bytes()[..at])?;
            let mut behind = rest[at..].chars();
            let escaped = behind.next().map_or(0, u32::from);
            write!(writer, "\\u{escaped:04x}")?;
            rest = behind.as_str();
        }
        writer.write_all(rest.as_bytes())
    }

    fn write_char_escape<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        self.0.write_char_escape(writer, escape)
    }

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_as_go_does() {
        let value = serde_json::json!({"a<b>&c": "\u{2028}\n\t\u{1}\u{8}ä🍐\u{7f}\\\""});
        let expected =
            "{\n  \"a\\u003cb\\u003e\\u0026c\": \"\\u2028\\n\\t\\u0001\\bä🍐\u{7f}\\\\\\\"\"\n}";
        assert_eq!(print(&value).unwrap(), expected);
    }

    #[test]
    fn prints_empty_collections_on_one_line() {
        let value = serde_json::json!({"a": {}, "b": [], "c": ["x", "y"]});
        let expected = "{\n  \"a\": {},\n  \"b\": [],\n  \"c\": [\n    \"x\",\n    \"y\"\n  ]\n}";
        assert_eq!(print(&value).unwrap(), expected);
    }
}
