//! Integers, floats and complex numbers by one verb.

use crate::error::Fault;
use crate::fmt::float::float;
use crate::fmt::printer::{Flags, Printer};
use crate::fmt::quote;
use crate::text::is_print;
use crate::value::Value;

impl Printer<'_> {
    pub(super) fn integer_by_verb(
        &mut self,
        number: i128,
        verb: char,
        value: &Value,
    ) -> Result<(), Fault> {
        let is_unsigned = matches!(value, Value::Uint8(_) | Value::Uint64(_));
        match verb {
            'v' if self.flags.go_syntax && is_unsigned => {
                let sharp = std::mem::replace(&mut self.flags.sharp, true);
                let printed = self.integer(number, 16, 'v');
                self.flags.sharp = sharp;
                printed
            }
            'v' | 'd' => self.integer(number, 10, verb),
            'b' => self.integer(number, 2, verb),
            'o' | 'O' => self.integer(number, 8, verb),
            'x' | 'X' => self.integer(number, 16, verb),
            'c' => self.pad(char_of(number).encode_utf8(&mut [0; 4]).as_bytes()),
            'q' => {
                let mut bytes = [0; 4];
                let c = char_of(number).encode_utf8(&mut bytes).as_bytes();
                let quoted = quote(self.budget, c, '\'', self.flags.plus)?;
                self.pad(quoted.as_bytes())
            }
            'U' => self.unicode(number),
            _ => self.bad_verb(value, verb),
        }
    }

    fn integer(&mut self, number: i128, base: u32, verb: char) -> Result<(), Fault> {
        let Flags { plus, space, .. } = self.flags;
        let is_negative = number < 0;
        let mut least = 0;
        if let Some(precision) = self.flags.precision {
            least = precision;
            if precision == 0 && number == 0 {
                return self.pad_with_spaces(b"");
            }
        } else if let (true, false, Some(width)) =
            (self.flags.zero, self.flags.minus, self.flags.width)
        {
            least = width - usize::from((is_negative || plus || space) && width > 0);
        }
        self.budget.allocate(least)?;
        let magnitude = number.unsigned_abs();
        let digits = match base {
            2 => format!("{magnitude:b}"),
            8 => format!("{magnitude:o}"),
            16 => format!("{magnitude:x}"),
            _ => magnitude.to_string(),
        };
        let mut text = String::new();
        if is_negative {
            text.push('-');
        } else if plus {
            text.push('+');
        } else if space {
            text.push(' ');
        }
        let zeros = least.saturating_sub(digits.len());
        match base {
            _ if verb == 'O' => text.push_str("0o"),
            2 if self.flags.sharp => text.push_str("0b"),
            8 if self.flags.sharp && zeros == 0 && !digits.starts_with('0') => text.push('0'),
            16 if self.flags.sharp => text.push_str("0x"),
            _ => {}
        }
        text.extend(std::iter::repeat_n('0', zeros));
        text.push_str(&digits);
        let text = if verb == 'X' {
            text.to_uppercase()
        } else {
            text
        };
        self.pad_with_spaces(text.as_bytes())
    }

    fn unicode(&mut self, number: i128) -> Result<(), Fault> {
        let digits = self.flags.precision.unwrap_or(4).max(4);
        self.budget.allocate(digits)?;
        // Negative numbers show as the unsigned number of the same bits.
        let bits = number as u64;
        let code = format!("{bits:X}");
        let zeros = "0".repeat(digits.saturating_sub(code.len()));
        let mut text = format!("U+{zeros}{code}");
        if let Some(c) = u32::try_from(bits).ok().and_then(char::from_u32)
            && self.flags.sharp
            && is_print(c)
        {
            text.push_str(&format!(" '{c}'"));
        }
        self.pad_with_spaces(text.as_bytes())
    }

    pub(super) fn complex(
        &mut self,
        real: f64,
        imaginary: f64,
        verb: char,
        value: &Value,
    ) -> Result<(), Fault> {
        if !"vbgGxXfFeE".contains(verb) {
            return self.bad_verb(value, verb);
        }
        self.write(b"(")?;
        self.float(real, verb, value)?;
        let plus = std::mem::replace(&mut self.flags.plus, true);
        self.float(imaginary, verb, value)?;
        self.flags.plus = plus;
        self.write(b"i)")
    }

    pub(super) fn float(&mut self, number: f64, verb: char, value: &Value) -> Result<(), Fault> {
        let (verb, default) = match verb {
            'v' => ('g', None),
            'b' | 'g' | 'G' | 'x' | 'X' => (verb, None),
            'f' | 'e' | 'E' => (verb, Some(6)),
            'F' => ('f', Some(6)),
            _ => return self.bad_verb(value, verb),
        };
        let precision = self.flags.precision.or(default);
        // The last of a thousand exact digits takes a long division of the whole number.
        let exact = precision.unwrap_or(0);
        self.budget.spend(4 + exact.min(1100) as u64)?;
        self.budget.allocate(exact + 400)?;
        let text = float(number, verb, precision);
        let (sign, mut digits) = match text.strip_prefix(['+', '-']) {
            Some(digits) if text.starts_with('-') => ('-', digits.to_owned()),
            Some(digits) => ('+', digits.to_owned()),
            None => ('+', text.clone()),
        };
        let sign = if self.flags.space && sign == '+' && !self.flags.plus {
            ' '
        } else {
            sign
        };
        if !number.is_finite() {
            let is_bare = digits == "NaN" && !self.flags.space && !self.flags.plus;
            let text = if is_bare {
                digits
            } else {
                format!("{sign}{digits}")
            };
            return self.pad_with_spaces(text.as_bytes());
        }
        if self.flags.sharp && verb != 'b' {
            digits = with_point(&digits, verb, precision);
        }
        if !self.flags.plus && sign == '+' {
            return self.pad(digits.as_bytes());
        }
        let width = self.flags.width.unwrap_or(0);
        if self.flags.zero && !self.flags.minus && width > digits.len() + 1 {
            self.write(&[sign as u8])?;
            self.padding(width - digits.len() - 1)?;
            return self.write(digits.as_bytes());
        }
        self.pad(format!("{sign}{digits}").as_bytes())
    }
}

/// `%#g` and its like: always a decimal point, and the zeros that `%g` leaves out.
fn with_point(text: &str, verb: char, precision: Option<usize>) -> String {
    let mut missing = match verb {
        'g' | 'G' | 'x' => precision.unwrap_or(6) as i64,
        _ => 0,
    };
    let is_hex = matches!(verb, 'x' | 'X');
    let tail_start = text.find(if is_hex { ['p', 'P'] } else { ['e', 'E'] });
    let (number, tail) = text.split_at(tail_start.unwrap_or(text.len()));
    let mut seen = false;
    for c in number.chars().filter(|c| *c != '.') {
        seen |= c != '0';
        missing -= i64::from(seen);
    }
    let mut number = number.to_owned();
    if !number.contains('.') {
        missing -= i64::from(number == "0");
        number.push('.');
    }
    number.extend(std::iter::repeat_n('0', missing.max(0) as usize));
    number + tail
}

fn char_of(number: i128) -> char {
    u32::try_from(number)
        .ok()
        .and_then(char::from_u32)
        .unwrap_or(char::REPLACEMENT_CHARACTER)
}
