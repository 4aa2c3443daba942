//! Format strings: `%[2]*.3f` and its like.

use crate::error::Fault;
use crate::fmt::printer::{Flags, Printer};
use crate::text::decode;
use crate::value::Value;

/// Widths and precisions beyond are not numbers to Go.
const GREATEST: i64 = 1_000_000;

/// Prints a format with its arguments.
pub(super) fn run(printer: &mut Printer, format: &[u8], values: &[Value]) -> Result<(), Fault> {
    let mut cursor = Cursor {
        format,
        position: 0,
        argument: 0,
        values,
        was_reordered: false,
        is_good: true,
        after_index: false,
        has_close: true,
    };
    while cursor.position < format.len() {
        let rest = &format[cursor.position..];
        let text = memchr::memchr(b'%', rest).unwrap_or(rest.len());
        printer.write(&rest[..text])?;
        cursor.position += text;
        if cursor.position < format.len() {
            cursor.position += 1;
            cursor.directive(printer)?;
        }
    }
    if !cursor.was_reordered && cursor.argument < values.len() {
        printer.flags = Flags::default();
        printer.write(b"%!(EXTRA ")?;
        for (i, value) in values[cursor.argument..].iter().enumerate() {
            if i > 0 {
                printer.write(b", ")?;
            }
            if value.is_nil() {
                printer.write(b"<nil>")?;
            } else {
                printer.write(value.type_name().as_bytes())?;
                printer.write(b"=")?;
                printer.argument(value, 'v')?;
            }
        }
        printer.write(b")")?;
    }
    Ok(())
}

struct Cursor<'a> {
    format: &'a [u8],
    position: usize,
    argument: usize,
    values: &'a [Value],
    was_reordered: bool,
    /// Whether the indexes of this directive made sense.
    is_good: bool,
    after_index: bool,
    /// Whether a closing bracket may still come.
    has_close: bool,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<u8> {
        self.format.get(self.position).copied()
    }

    /// One directive, after its percent sign.
    fn directive(&mut self, printer: &mut Printer) -> Result<(), Fault> {
        printer.budget.spend(1)?;
        self.is_good = true;
        let mut flags = self.flags();
        self.index();
        if self.peek() == Some(b'*') {
            self.position += 1;
            let width = self.number_from_argument();
            if width.is_none() {
                printer.write(b"%!(BADWIDTH)")?;
            }
            if let Some(width) = width {
                flags.width = Some(width.unsigned_abs() as usize);
                if width < 0 {
                    flags.minus = true;
                    flags.zero = false;
                }
            }
            self.after_index = false;
        } else {
            flags.width = self.number();
            if self.after_index && flags.width.is_some() {
                self.is_good = false;
            }
        }
        self.precision(printer, &mut flags)?;
        if !self.after_index {
            self.index();
        }
        printer.flags = flags;
        self.verb(printer)
    }

    fn flags(&mut self) -> Flags {
        let mut flags = Flags::default();
        while let Some(byte) = self.peek() {
            match byte {
                b'#' => flags.sharp = true,
                b'0' => flags.zero = true,
                b'+' => flags.plus = true,
                b'-' => flags.minus = true,
                b' ' => flags.space = true,
                _ => break,
            }
            self.position += 1;
        }
        flags
    }

    fn precision(&mut self, printer: &mut Printer, flags: &mut Flags) -> Result<(), Fault> {
        if self.peek() != Some(b'.') || self.position + 1 >= self.format.len() {
            return Ok(());
        }
        self.position += 1;
        if self.after_index {
            self.is_good = false;
        }
        self.index();
        if self.peek() == Some(b'*') {
            self.position += 1;
            let precision = self.number_from_argument().filter(|number| *number >= 0);
            if precision.is_none() {
                printer.write(b"%!(BADPREC)")?;
            }
            flags.precision = precision.map(|number| number as usize);
            self.after_index = false;
        } else {
            flags.precision = Some(self.number().unwrap_or(0));
        }
        Ok(())
    }

    fn verb(&mut self, printer: &mut Printer) -> Result<(), Fault> {
        let Some((verb, width)) = decode(&self.format[self.position.min(self.format.len())..])
        else {
            return printer.write(b"%!(NOVERB)");
        };
        self.position += width;
        let mut spelled = [0; 4];
        let spelled = verb.encode_utf8(&mut spelled).as_bytes();
        match self.values.get(self.argument) {
            _ if verb == '%' => printer.write(b"%"),
            _ if !self.is_good => printer.write(&[b"%!", spelled, b"(BADINDEX)"].concat()),
            None => printer.write(&[b"%!", spelled, b"(MISSING)"].concat()),
            Some(value) => {
                if verb == 'v' {
                    printer.flags.go_syntax = std::mem::take(&mut printer.flags.sharp);
                    printer.flags.plus = false;
                }
                self.argument += 1;
                printer.argument(value, verb)
            }
        }
    }

    fn number_from_argument(&mut self) -> Option<i64> {
        let value = self.values.get(self.argument)?;
        self.argument += 1;
        let number = i64::try_from(value.integer()?).ok()?;
        (-GREATEST..=GREATEST).contains(&number).then_some(number)
    }

    /// Digits; too large a number is none, and its digits are left behind.
    fn number(&mut self) -> Option<usize> {
        let mut number = None;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            let next = number.unwrap_or(0) * 10 + i64::from(digit - b'0');
            if number.unwrap_or(0) > GREATEST {
                self.position = self.format.len();
                return None;
            }
            number = Some(next);
            self.position += 1;
        }
        number.map(|number| number as usize)
    }

    /// `[n]`, which names the next argument.
    fn index(&mut self) {
        self.after_index = false;
        if self.peek() != Some(b'[') {
            return;
        }
        self.was_reordered = true;
        let rest = &self.format[self.position..];
        // That there is none is found out once, however many brackets are open.
        let close = if self.has_close {
            memchr::memchr(b']', rest)
        } else {
            None
        };
        let Some(close) = close else {
            self.has_close = false;
            self.is_good = false;
            self.position += 1;
            return;
        };
        let digits = &rest[1..close];
        self.position += close + 1;
        let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
        let number = std::str::from_utf8(digits)
            .ok()
            .and_then(|d| d.parse().ok());
        match number {
            Some(index @ 1..) if is_number && index <= self.values.len() => {
                self.argument = index - 1;
                self.after_index = true;
            }
            Some(_) if is_number => {
                self.is_good = false;
                self.after_index = true;
            }
            _ => self.is_good = false,
        }
    }
}
