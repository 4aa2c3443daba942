//! Values as text, as Go's package fmt prints them.

mod float;
mod format;
mod number;
mod printer;
mod quote;

pub(crate) use quote::{can_backquote, quote};

use crate::budget::{Budget, Buffer};
use crate::error::Fault;
use crate::value::Value;
use printer::Printer;

/// Prints a value to an output.
pub(crate) fn print_value(
    budget: &mut Budget,
    output: &mut Buffer,
    value: &Value,
) -> Result<(), Fault> {
    let text = plain(budget, value)?;
    output.write(&text)
}

/// A value as `%v` prints it.
pub(crate) fn plain(budget: &mut Budget, value: &Value) -> Result<Vec<u8>, Fault> {
    match value {
        Value::String(text) => Ok(text.to_vec()),
        Value::Int(number) | Value::Int64(number) => Ok(number.to_string().into_bytes()),
        value => {
            let mut printer = Printer::new(budget);
            printer.argument(value, 'v')?;
            Ok(printer.finish())
        }
    }
}

/// `fmt.Sprint`: a space between operands when neither is a string.
pub(crate) fn sprint(budget: &mut Budget, values: &[Value]) -> Result<Vec<u8>, Fault> {
    let mut printer = Printer::new(budget);
    let is_string = |value: &Value| matches!(value, Value::String(_));
    for (i, value) in values.iter().enumerate() {
        if i > 0 && !is_string(value) && !is_string(&values[i - 1]) {
            printer.write(b" ")?;
        }
        printer.argument(value, 'v')?;
    }
    Ok(printer.finish())
}

/// `fmt.Sprintln`: a space between all operands, and a newline.
pub(crate) fn sprintln(budget: &mut Budget, values: &[Value]) -> Result<Vec<u8>, Fault> {
    let mut printer = Printer::new(budget);
    for (i, value) in values.iter().enumerate() {
        if i > 0 {
            printer.write(b" ")?;
        }
        printer.argument(value, 'v')?;
    }
    printer.write(b"\n")?;
    Ok(printer.finish())
}

/// `fmt.Sprintf`.
pub(crate) fn sprintf(
    budget: &mut Budget,
    format: &[u8],
    values: &[Value],
) -> Result<Vec<u8>, Fault> {
    let mut printer = Printer::new(budget);
    format::run(&mut printer, format, values)?;
    Ok(printer.finish())
}
