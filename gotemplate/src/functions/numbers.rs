//! Arithmetic on whatever can be taken for a number.

use crate::budget::Budget;
use crate::context::Context;
use crate::decimal::Decimal;
use crate::error::Fault;
use crate::function::{Arguments, Function};
use crate::functions::text_of;
use crate::literal;
use crate::value::Value;

pub(super) static FUNCTIONS: [Function; 24] = [
    Function::new("atoi", "s", |_, args| {
        Ok(Value::Int(
            std::str::from_utf8(args.text(0)?).map_or(0, atoi),
        ))
    }),
    Function::new("int", "a", |_, args| Ok(Value::Int(to_int(args.any(0)?)))),
    Function::new("int64", "a", |_, args| {
        Ok(Value::Int64(to_int(args.any(0)?)))
    }),
    Function::new("float64", "a", |_, args| {
        Ok(Value::Float(to_float(args.any(0)?)))
    }),
    Function::new("toDecimal", "a", |context, args| {
        let text = text_of(context.budget, args.any(0)?)?;
        Ok(Value::Int64(octal(&text).unwrap_or(0)))
    }),
    Function::new("add", "A", |_, args| fold(args, 0, i64::wrapping_add)),
    Function::new("add1", "a", |_, args| {
        Ok(Value::Int64(to_int(args.any(0)?).wrapping_add(1)))
    }),
    Function::new("sub", "aa", |_, args| {
        first_and_rest(args, i64::wrapping_sub)
    }),
    Function::new("mul", "aA", |_, args| {
        first_and_rest(args, i64::wrapping_mul)
    }),
    Function::new("div", "aa", |context, args| {
        let divisor = to_int(args.any(1)?);
        let dividend = to_int(args.any(0)?);
        match divisor {
            0 => Err(by_zero(context)),
            divisor => Ok(Value::Int64(dividend.wrapping_div(divisor))),
        }
    }),
    Function::new("mod", "aa", |context, args| {
        let divisor = to_int(args.any(1)?);
        let dividend = to_int(args.any(0)?);
        match divisor {
            0 => Err(by_zero(context)),
            divisor => Ok(Value::Int64(dividend.wrapping_rem(divisor))),
        }
    }),
    Function::new("max", "aA", |_, args| first_and_rest(args, i64::max)),
    Function::new("biggest", "aA", |_, args| first_and_rest(args, i64::max)),
    Function::new("min", "aA", |_, args| first_and_rest(args, i64::min)),
    Function::new("maxf", "aA", |_, args| {
        fold_floats(args, |a, b| if a > b || a.is_nan() { a } else { b })
    }),
    Function::new("minf", "aA", |_, args| {
        fold_floats(args, |a, b| if a < b || a.is_nan() { a } else { b })
    }),
    Function::new("ceil", "a", |_, args| {
        Ok(Value::Float(to_float(args.any(0)?).ceil()))
    }),
    Function::new("floor", "a", |_, args| {
        Ok(Value::Float(to_float(args.any(0)?).floor()))
    }),
    Function::new("round", "aiF", round),
    Function::new("add1f", "a", |context, args| {
        decimals(context, args.any(0)?, &[Value::Int(1)], Decimal::add)
    }),
    Function::new("addf", "A", |context, args| {
        decimals(context, &Value::Float(0.0), args.0, Decimal::add)
    }),
    Function::new("subf", "aA", |context, args| {
        decimals(context, args.any(0)?, args.from(1), Decimal::sub)
    }),
    Function::new("mulf", "aA", |context, args| {
        decimals(context, args.any(0)?, args.from(1), Decimal::mul)
    }),
    Function::new("divf", "aA", |context, args| {
        decimals(context, args.any(0)?, args.from(1), Decimal::div)
    }),
];

fn by_zero(context: &mut Context) -> Fault {
    context.failed(|| "runtime error: integer divide by zero".into())
}

/// Any value as an integer; what is none is zero.
pub(super) fn to_int(value: &Value) -> i64 {
    match value {
        Value::Int(number) | Value::Int64(number) => *number,
        Value::Uint64(number) => *number as i64,
        Value::Uint8(number) | Value::Month(number) | Value::Weekday(number) => (*number).into(),
        Value::Float(number) => truncated(*number),
        Value::Bool(value) => i64::from(*value),
        Value::String(text) => std::str::from_utf8(text)
            .ok()
            .and_then(|text| literal::parse_int(without_zero_fraction(text)))
            .unwrap_or(0),
        _ => 0,
    }
}

/// Any value as a float; what is none is zero.
pub(super) fn to_float(value: &Value) -> f64 {
    match value {
        Value::Float(number) => *number,
        Value::String(text) => std::str::from_utf8(text)
            .ok()
            .and_then(literal::parse_float)
            .unwrap_or(0.0),
        Value::Bool(value) => f64::from(u8::from(*value)),
        Value::Uint64(number) => *number as f64,
        value => to_int(value) as f64,
    }
}

/// What does not fit becomes the least integer, as the processor has it.
fn truncated(number: f64) -> i64 {
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    if number >= BEYOND || number.is_nan() {
        i64::MIN
    } else {
        number as i64
    }
}

/// `12.00` → `12`
fn without_zero_fraction(text: &str) -> &str {
    match text.rsplit_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|b| b == b'0') => whole,
        _ => text,
    }
}

/// A decimal integer; one that does not fit becomes the nearest that does.
fn atoi(text: &str) -> i64 {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return 0;
    }
    let bound = if text.starts_with('-') {
        i64::MIN
    } else {
        i64::MAX
    };
    text.parse().unwrap_or(bound)
}

fn octal(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    i64::from_str_radix(text, 8).ok()
}

fn fold(args: Arguments, start: i64, operation: fn(i64, i64) -> i64) -> Result<Value, Fault> {
    let numbers = args.0.iter().map(to_int);
    Ok(Value::Int64(numbers.fold(start, operation)))
}

fn first_and_rest(args: Arguments, operation: fn(i64, i64) -> i64) -> Result<Value, Fault> {
    fold(Arguments(args.from(1)), to_int(args.any(0)?), operation)
}

fn fold_floats(args: Arguments, operation: fn(f64, f64) -> f64) -> Result<Value, Fault> {
    let first = to_float(args.any(0)?);
    let rest = args.from(1).iter().map(to_float);
    Ok(Value::Float(rest.fold(first, operation)))
}

/// To so many digits; from which fraction on it goes up may be said.
fn round(_: &mut Context, args: Arguments) -> Result<Value, Fault> {
    let threshold = if args.len() > 2 { args.float(2)? } else { 0.5 };
    let power = 10f64.powi(args.int(1)?.clamp(-400, 400) as i32);
    let shifted = power * to_float(args.any(0)?);
    let rounded = if shifted.fract() >= threshold {
        shifted.ceil()
    } else {
        shifted.floor()
    };
    Ok(Value::Float(rounded / power))
}

fn decimals(
    context: &mut Context,
    first: &Value,
    rest: &[Value],
    operation: fn(&Decimal, &Decimal, &mut Budget) -> Result<Decimal, Fault>,
) -> Result<Value, Fault> {
    let decimal = |value| Decimal::from_float(to_float(value)).ok_or(Fault::Failed);
    let mut result = decimal(first)?;
    for value in rest {
        // Reading the decimal of a float costs more than most operations.
        context.budget.spend(10)?;
        result = operation(&result, &decimal(value)?, context.budget)?;
    }
    context.budget.spend(10)?;
    Ok(Value::Float(result.to_float()))
}
