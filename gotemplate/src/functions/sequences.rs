//! Runs of integers.

use crate::buffer::Buffer;
use crate::context::Context;
use crate::error::Fault;
use crate::function::{Arguments, Function};
use crate::value::{Element, Value};

pub(super) static FUNCTIONS: [Function; 3] = [
    Function::new("until", "i", |context, args| {
        let count = args.int(0)?;
        let run = run(0, count, if count < 0 { -1 } else { 1 });
        list(context, run)
    }),
    Function::new("untilStep", "iii", |context, args| {
        let run = run(args.int(0)?, args.int(1)?, args.int(2)?);
        list(context, run)
    }),
    Function::new("seq", "I", seq),
];

/// Integers at equal distances.
struct Run {
    start: i64,
    step: i64,
    count: u64,
}

/// From a start up to, or down to, an end that does not belong to it.
fn run(start: i64, end: i64, step: i64) -> Run {
    let goes_down = end < start;
    let leads_there = step != 0 && goes_down == (step < 0);
    let count = if leads_there {
        end.abs_diff(start).div_ceil(step.unsigned_abs())
    } else {
        0
    };
    Run { start, step, count }
}

impl Run {
    fn numbers(&self) -> impl Iterator<Item = i64> {
        let (start, step) = (self.start, self.step);
        // None lies beyond the end, so none overflows.
        (0..self.count).map(move |i| start.wrapping_add(step.wrapping_mul(i as i64)))
    }
}

fn list(context: &mut Context, run: Run) -> Result<Value, Fault> {
    context.pay_for_elements(usize::try_from(run.count).unwrap_or(usize::MAX))?;
    let values = run.numbers().map(Value::Int).collect();
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
        _ => return context.text(b""),
    };
    if last < first && step > 0 {
        return context.text(b"");
    }
    let end = last.wrapping_add(direction(first, last));
    let mut text = Buffer::new();
    for (i, number) in run(first, end, step).numbers().enumerate() {
        context.budget.spend(1)?;
        if i > 0 {
            text.write(context.budget, b" ")?;
        }
        text.write(context.budget, number.to_string().as_bytes())?;
    }
    context.grown(text)
}
