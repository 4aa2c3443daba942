//! Runs of integers.

use crate::context::Context;
use crate::error::Fault;
use crate::function::{Arguments, Function};
use crate::value::{Element, Value};

pub(super) static FUNCTIONS: [Function; 3] = [
    Function::new("until", "i", |context, args| {
        let count = args.int(0)?;
        let run = run(context, 0, count, if count < 0 { -1 } else { 1 })?;
        list(context, run)
    }),
    Function::new("untilStep", "iii", |context, args| {
        let run = run(context, args.int(0)?, args.int(1)?, args.int(2)?)?;
        list(context, run)
    }),
    Function::new("seq", "I", seq),
];

/// From a start up to, or down to, an end that does not belong to it.
fn run(context: &mut Context, start: i64, end: i64, step: i64) -> Result<Vec<i64>, Fault> {
    let mut numbers = Vec::new();
    let goes_down = end < start;
    if goes_down == (step >= 0) || step == 0 {
        return Ok(numbers);
    }
    let distance = i128::from(end) - i128::from(start);
    let count = distance
        .unsigned_abs()
        .div_ceil(i128::from(step).unsigned_abs());
    context.pay_for_elements(usize::try_from(count).unwrap_or(usize::MAX))?;
    let mut next = Some(start);
    while let Some(number) = next.filter(|n| if goes_down { *n > end } else { *n < end }) {
        numbers.push(number);
        next = number.checked_add(step);
    }
    Ok(numbers)
}

fn list(context: &mut Context, numbers: Vec<i64>) -> Result<Value, Fault> {
    let values = numbers.into_iter().map(Value::Int).collect();
    context.list_of(Element::Int, values)
}

/// `seq LAST`, `seq FIRST LAST`, `seq FIRST STEP LAST`; the last belongs to it.
fn seq(context: &mut Context, args: Arguments) -> Result<Value, Fault> {
    let direction = |first: i64, last: i64| if last < first { -1 } else { 1 };
    let (first, step, last) = match args.len() {
        1 => (1, direction(1, args.int(0)?), args.int(0)?),
        2 => (
            args.int(0)?,
            direction(args.int(0)?, args.int(1)?),
            args.int(1)?,
        ),
        3 => (args.int(0)?, args.int(1)?, args.int(2)?),
        _ => return context.text(b"".as_slice()),
    };
    if last < first && step > 0 {
        return context.text(b"".as_slice());
    }
    let end = last.wrapping_add(direction(first, last));
    let numbers = run(context, first, end, step)?;
    context.budget.allocate(numbers.len().saturating_mul(24))?;
    let texts: Vec<String> = numbers.iter().map(i64::to_string).collect();
    context.text(texts.join(" ").into_bytes())
}
