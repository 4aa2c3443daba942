//! One value by one verb.

use crate::budget::Budget;
use crate::buffer::Buffer;
use crate::context::TEXT;
use crate::error::Fault;
use crate::fmt::{can_backquote, hex_digits, quote};
use crate::semver::Version;
use crate::text::{Text, runes};
use crate::value::Value;

/// Prints values one after the other; the flags are those of the verb at hand.
pub(super) struct Printer<'a> {
    pub(super) budget: &'a mut Budget,
    buffer: Buffer,
    pub(super) flags: Flags,
    /// Already telling that a verb does not fit: no more of that inside.
    erring: bool,
}

/// What stands between a percent sign and its verb.
#[derive(Clone, Default)]
pub(super) struct Flags {
    pub(super) width: Option<usize>,
    pub(super) precision: Option<usize>,
    pub(super) minus: bool,
    pub(super) plus: bool,
    pub(super) sharp: bool,
    pub(super) space: bool,
    pub(super) zero: bool,
    /// `%#v`
    pub(super) go_syntax: bool,
}

type Printed = Result<(), Fault>;

impl<'a> Printer<'a> {
    pub(super) fn new(budget: &'a mut Budget) -> Self {
        Self {
            budget,
            buffer: Buffer::new(),
            flags: Flags::default(),
            erring: false,
        }
    }

    pub(super) fn finish(self) -> Result<Text, Fault> {
        self.budget.allocate(TEXT)?;
        Ok(self.buffer.into())
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Printed {
        self.buffer.write(self.budget, bytes)
    }

    /// Prints an argument of its own.
    pub(super) fn argument(&mut self, value: &Value, verb: char) -> Printed {
        match (value, verb) {
            (Value::Missing | Value::Nil, 'T' | 'v') => self.pad(b"<nil>"),
            (Value::Missing | Value::Nil, _) => self.bad_verb(value, verb),
            (value, 'T') => self.string(value.type_name().as_bytes(), 's', value),
            (value, verb) => self.value(value, verb, 0),
        }
    }

    fn value(&mut self, value: &Value, verb: char, depth: usize) -> Printed {
        self.budget.check_depth(depth)?;
        self.budget.spend(match value {
            // Found out from a calendar, or a text of its own.
            Value::Time(_) => 40,
            Value::Version(version) => 10 + version.original.len() as u64 / 16,
            _ => 1,
        })?;
        if let Some(text) = self.stringer(value, verb) {
            return self.string(&text, verb, value);
        }
        match value {
            Value::Missing | Value::Nil if self.flags.go_syntax => self.write(b"interface {}(nil)"),
            Value::Missing | Value::Nil => self.write(b"<nil>"),
            Value::Bool(value) if matches!(verb, 't' | 'v') => {
                self.pad(if *value { b"true" } else { b"false" })
            }
            Value::Float(number) => self.float(*number, verb, value),
            Value::Complex(real, imaginary) => self.complex(*real, *imaginary, verb, value),
            Value::String(text) => self.string(text, verb, value),
            Value::List(list) => {
                let type_name = value.type_name();
                if self.flags.go_syntax && list.is_nil() {
                    return self.write(format!("{type_name}(nil)").as_bytes());
                }
                let elements = list.elements();
                let elements = elements.iter().flat_map(|elements| elements.iter());
                self.sequence(type_name, ("[", "]"), elements, |printer, element| {
                    printer.value(element, verb, depth + 1)
                })
            }
            Value::Map(map) => {
                if self.flags.go_syntax && map.is_nil() {
                    return self.write(b"map[string]interface {}(nil)");
                }
                let entries = map.borrow();
                let entries = entries.iter().flat_map(|entries| entries.iter());
                let brackets = ("map[", "]");
                self.sequence(value.type_name(), brackets, entries, |p, (key, element)| {
                    p.entry(&Value::String(key.clone()), element, verb, depth)
                })
            }
            Value::Strings(map) => {
                let (name, brackets) = (value.type_name(), ("map[", "]"));
                self.sequence(name, brackets, map.iter(), |p, (key, element)| {
                    let (key, element) = (Value::String(key.clone()), element.clone());
                    p.entry(&key, &Value::String(element), verb, depth)
                })
            }
            Value::Version(version) => self.version(version, verb, depth),
            // Go shows the inside of a time, addresses included; nobody can want that.
            Value::Time(time) => self.write(&time.to_text()),
            value => match value.integer() {
                Some(number) => self.integer_by_verb(number, verb, value),
                None => self.bad_verb(value, verb),
            },
        }
    }

    /// A version by a verb that takes no text: field by field.
    fn version(&mut self, version: &Version, verb: char, depth: usize) -> Printed {
        self.budget.allocate(8 * version.original.len())?;
        let text = |text: &str| Value::String(text.into());
        if self.flags.go_syntax {
            return self.write(version.go_syntax().as_bytes());
        }
        let fields = [
            Value::Uint64(version.major),
            Value::Uint64(version.minor),
            Value::Uint64(version.patch),
            text(&version.prerelease),
            text(&version.metadata),
            text(&version.original),
        ];
        self.sequence("", ("&{", "}"), &fields, |printer, field| {
            printer.value(field, verb, depth + 1)
        })
    }

    fn sequence<T>(
        &mut self,
        type_name: &str,
        (open, close): (&str, &str),
        elements: impl IntoIterator<Item = T>,
        mut print: impl FnMut(&mut Self, T) -> Printed,
    ) -> Printed {
        let is_go_syntax = self.flags.go_syntax;
        if is_go_syntax {
            self.write(format!("{type_name}{{").as_bytes())?;
        } else {
            self.write(open.as_bytes())?;
        }
        for (i, element) in elements.into_iter().enumerate() {
            if i > 0 {
                self.write(if is_go_syntax { b", " } else { b" " })?;
            }
            print(self, element)?;
        }
        self.write(if is_go_syntax { b"}" } else { close.as_bytes() })
    }

    fn entry(&mut self, key: &Value, element: &Value, verb: char, depth: usize) -> Printed {
        self.value(key, verb, depth + 1)?;
        self.write(b":")?;
        self.value(element, verb, depth + 1)
    }

    /// The text of a type that has one of its own, for the verbs that take a text.
    fn stringer(&self, value: &Value, verb: char) -> Option<Text> {
        if self.flags.go_syntax || self.erring || !matches!(verb, 'v' | 's' | 'x' | 'X' | 'q') {
            return None;
        }
        crate::methods::string(value)
    }

    /// Says that a verb does not fit a value.
    pub(super) fn bad_verb(&mut self, value: &Value, verb: char) -> Printed {
        self.erring = true;
        self.write(b"%!")?;
        self.write(verb.encode_utf8(&mut [0; 4]).as_bytes())?;
        self.write(b"(")?;
        if value.is_nil() {
            self.write(b"<nil>")?;
        } else {
            self.write(value.type_name().as_bytes())?;
            self.write(b"=")?;
            self.value(value, 'v', 0)?;
        }
        self.erring = false;
        self.write(b")")
    }

    /// Fills up to the width, which counts characters.
    pub(super) fn pad(&mut self, text: &[u8]) -> Printed {
        let width = self.flags.width.unwrap_or(0);
        let missing = match width {
            0 => 0,
            width => width.saturating_sub(runes(text).count()),
        };
        if self.flags.minus {
            self.write(text)?;
            self.padding(missing)
        } else {
            self.padding(missing)?;
            self.write(text)
        }
    }

    pub(super) fn padding(&mut self, count: usize) -> Printed {
        let is_zero = self.flags.zero && !self.flags.minus;
        let byte = if is_zero { b'0' } else { b' ' };
        self.buffer.fill(self.budget, byte, count)
    }

    pub(super) fn pad_with_spaces(&mut self, text: &[u8]) -> Printed {
        let zero = std::mem::take(&mut self.flags.zero);
        let printed = self.pad(text);
        self.flags.zero = zero;
        printed
    }

    fn string(&mut self, text: &[u8], verb: char, value: &Value) -> Printed {
        match verb {
            'v' if self.flags.go_syntax => self.quoted(text),
            'v' | 's' => {
                let text = self.truncated(text);
                self.pad(text)
            }
            'x' => self.hexadecimal(text, false),
            'X' => self.hexadecimal(text, true),
            'q' => self.quoted(text),
            _ => self.bad_verb(value, verb),
        }
    }

    /// The precision is the greatest number of characters.
    fn truncated<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        match self.flags.precision {
            Some(precision) => {
                let end = runes(text).take(precision).map(|(_, width)| width).sum();
                &text[..end]
            }
            None => text,
        }
    }

    fn quoted(&mut self, text: &[u8]) -> Printed {
        let text = self.truncated(text);
        if self.flags.sharp && can_backquote(text) {
            let mut backquoted = Buffer::new();
            for part in [b"`", text, b"`"] {
                backquoted.write(self.budget, part)?;
            }
            return self.pad(backquoted.as_bytes());
        }
        let quoted = quote(self.budget, text, '"', self.flags.plus)?;
        self.pad(quoted.as_bytes())
    }

    fn hexadecimal(&mut self, text: &[u8], is_upper: bool) -> Printed {
        let length = self.flags.precision.unwrap_or(usize::MAX).min(text.len());
        let (prefix, space) = (self.flags.sharp, self.flags.space);
        let mut hex = Buffer::new();
        for (i, byte) in text[..length].iter().enumerate() {
            if space && i > 0 {
                hex.push(self.budget, ' ')?;
            }
            if prefix && (i == 0 || space) {
                hex.write(self.budget, if is_upper { b"0X" } else { b"0x" })?;
            }
            let digits = hex_digits(*byte);
            let upper = digits.map(|digit| digit.to_ascii_uppercase());
            hex.write(self.budget, if is_upper { &upper } else { &digits })?;
        }
        self.pad(hex.as_bytes())
    }
}
