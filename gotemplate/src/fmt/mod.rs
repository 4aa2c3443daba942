//! Values as text, as Go's package fmt prints them.

mod float;
mod format;
mod number;
mod printer;
mod quote;

pub(crate) use quote::{can_backquote, quote};

use crate::budget::Budget;
use crate::context::TEXT;
use crate::error::Fault;
use crate::text::Text;
use crate::value::Value;
use printer::Printer;

/// A value as `%v` prints it.
pub(crate) fn plain(budget: &mut Budget, value: &Value) -> Result<Text, Fault> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Int(number) | Value::Int64(number) => {
            budget.allocate(TEXT + 20)?;
            Ok(number.to_string().into_bytes().into())
        }
        value => {
            let mut printer = Printer::new(budget);
            printer.argument(value, 'v')?;
            printer.finish()
        }
    }
}

/// `fmt.Sprint`: a space between operands when neither is a string.
pub(crate) fn sprint(budget: &mut Budget, values: &[Value]) -> Result<Text, Fault> {
    let mut printer = Printer::new(budget);
    let is_string = |value: &Value| matches!(value, Value::String(_));
    for (i, value) in values.iter().enumerate() {
        if i > 0 && !is_string(value) && !is_string(&values[i - 1]) {
            printer.write(b" ")?;
        }
        printer.argument(value, 'v')?;
    }
    printer.finish()
}

/// `fmt.Sprintln`: a space between all operands, and a newline.
pub(crate) fn sprintln(budget: &mut Budget, values: &[Value]) -> Result<Text, Fault> {
    let mut printer = Printer::new(budget);
    for (i, value) in values.iter().enumerate() {
        if i > 0 {
            printer.write(b" ")?;
        }
        printer.argument(value, 'v')?;
    }
    printer.write(b"\n")?;
    printer.finish()
}

/// `fmt.Sprintf`.
pub(crate) fn sprintf(budget: &mut Budget, format: &[u8], values: &[Value]) -> Result<Text, Fault> {
    let mut printer = Printer::new(budget);
    format::run(&mut printer, format, values)?;
    printer.finish()
}

/// A byte in hexadecimal.
pub(crate) fn hex_digits(byte: u8) -> [u8; 2] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    [byte >> 4, byte & 15].map(|digit| DIGITS[usize::from(digit)])
}
