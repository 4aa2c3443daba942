//! Values → JSON.

use crate::budget::Budget;
use crate::buffer::Buffer;
use crate::error::Fault;
use crate::text::{is_broken, runes};
use crate::value::Value;

/// How JSON is written.
#[derive(Clone, Copy, Default)]
pub(crate) struct Style {
    /// Whether `<`, `>` and `&` are escaped.
    pub(crate) escapes_html: bool,
    /// Whether entries stand on lines of their own.
    pub(crate) is_pretty: bool,
}

/// A value as JSON.
pub(crate) fn encode(budget: &mut Budget, value: &Value, style: Style) -> Result<Buffer, Fault> {
    let mut encoder = Encoder {
        budget,
        buffer: Buffer::new(),
        style,
    };
    encoder.value(value, 0)?;
    Ok(encoder.buffer)
}

struct Encoder<'a> {
    budget: &'a mut Budget,
    buffer: Buffer,
    style: Style,
}

impl Encoder<'_> {
    fn value(&mut self, value: &Value, depth: usize) -> Result<(), Fault> {
        self.budget.check_depth(depth)?;
        self.budget.spend(1)?;
        match value {
            Value::Missing | Value::Nil => self.write(b"null"),
            Value::Bool(true) => self.write(b"true"),
            Value::Bool(false) => self.write(b"false"),
            Value::Float(number) => self.write(float(*number)?.as_bytes()),
            Value::Complex(..) => Err(Fault::Failed),
            Value::String(text) => self.string(text),
            Value::List(list) if list.is_nil() => self.write(b"null"),
            Value::List(list) => {
                let elements = list.elements();
                let elements = elements.iter().flat_map(|elements| elements.iter());
                self.sequence((b"[", b"]"), elements, depth, |encoder, element| {
                    encoder.value(element, depth + 1)
                })
            }
            Value::Map(map) if map.is_nil() => self.write(b"null"),
            Value::Map(map) => {
                let entries = map.borrow();
                let entries = entries.iter().flat_map(|entries| entries.iter());
                self.sequence((b"{", b"}"), entries, depth, |encoder, (key, element)| {
                    encoder.key(key)?;
                    encoder.value(element, depth + 1)
                })
            }
            Value::Strings(map) => {
                self.sequence((b"{", b"}"), map.iter(), depth, |encoder, (key, text)| {
                    encoder.key(key)?;
                    encoder.string(text)
                })
            }
            Value::Time(time) => {
                let civil = time.civil();
                let is_whole_minutes = civil.offset % 60 == 0 && civil.offset.abs() < 86_400;
                if !(0..=9999).contains(&civil.year) || !is_whole_minutes {
                    return Err(Fault::Failed);
                }
                self.string(&time.format(b"2006-01-02T15:04:05.999999999Z07:00"))
            }
            Value::Version(version) => self.string(version.to_text().as_bytes()),
            Value::Int(_) | Value::Int64(_) | Value::Uint8(_) | Value::Uint64(_) => {
                self.integer(value)
            }
            Value::Duration(_) | Value::Month(_) | Value::Weekday(_) => self.integer(value),
        }
    }

    fn integer(&mut self, value: &Value) -> Result<(), Fault> {
        let number = value.integer().unwrap_or_default();
        self.write(number.to_string().as_bytes())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.buffer.write(self.budget, bytes)
    }

    fn sequence<T>(
        &mut self,
        (open, close): (&[u8], &[u8]),
        elements: impl IntoIterator<Item = T>,
        depth: usize,
        mut encode: impl FnMut(&mut Self, T) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.write(open)?;
        let mut is_empty = true;
        for element in elements {
            if !std::mem::take(&mut is_empty) {
                self.write(b",")?;
            }
            self.new_line(depth + 1)?;
            encode(self, element)?;
        }
        if !is_empty {
            self.new_line(depth)?;
        }
        self.write(close)
    }

    fn new_line(&mut self, depth: usize) -> Result<(), Fault> {
        if !self.style.is_pretty {
            return Ok(());
        }
        self.write(b"\n")?;
        self.buffer.fill(self.budget, b' ', 2 * depth)
    }

    fn key(&mut self, key: &[u8]) -> Result<(), Fault> {
        self.string(key)?;
        let colon: &[u8] = if self.style.is_pretty { b": " } else { b":" };
        self.write(colon)
    }

    fn string(&mut self, text: &[u8]) -> Result<(), Fault> {
        self.budget.spend_at_once(1 + text.len() as u64 / 8)?;
        self.write(b"\"")?;
        let (mut written, mut offset) = (0, 0);
        for (c, width) in runes(text) {
            let escaped = match c {
                '"' => "\\\"".into(),
                '\\' => "\\\\".into(),
                '\u{8}' => "\\b".into(),
                '\u{c}' => "\\f".into(),
                '\n' => "\\n".into(),
                '\r' => "\\r".into(),
                '\t' => "\\t".into(),
                '<' | '>' | '&' if self.style.escapes_html => unicode_escape(c),
                '\0'..' ' | '\u{2028}' | '\u{2029}' => unicode_escape(c),
                _ if is_broken((c, width)) => unicode_escape(c),
                _ => String::new(),
            };
            if !escaped.is_empty() {
                self.write(&text[written..offset])?;
                self.write(escaped.as_bytes())?;
                written = offset + width;
            }
            offset += width;
        }
        self.write(&text[written..])?;
        self.write(b"\"")
    }
}

fn unicode_escape(c: char) -> String {
    format!("\\u{:04x}", u32::from(c))
}

/// As JavaScript writes numbers; what is not a number cannot be written.
fn float(number: f64) -> Result<String, Fault> {
    if !number.is_finite() {
        return Err(Fault::Failed);
    }
    let magnitude = number.abs();
    if magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude) {
        let text = format!("{number:e}");
        return Ok(match text.split_once('e') {
            Some((mantissa, exponent)) if !exponent.starts_with('-') => {
                format!("{mantissa}e+{exponent}")
            }
            _ => text,
        });
    }
    Ok(format!("{number}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_numbers_as_javascript_does() {
        assert_eq!(float(1e21).as_deref(), Ok("1e+21"));
        assert_eq!(float(1e-7).as_deref(), Ok("1e-7"));
        assert_eq!(float(0.1).as_deref(), Ok("0.1"));
        assert_eq!(float(-0.0).as_deref(), Ok("-0"));
    }
}
