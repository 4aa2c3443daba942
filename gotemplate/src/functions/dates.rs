//! Times and durations.

use std::rc::Rc;

use crate::context::Context;
use crate::date::{self, Time, Zone};
use crate::error::Fault;
use crate::function::{Arguments, Function};
use crate::value::Value;

pub(super) static FUNCTIONS: [Function; 16] = [
    Function::new("now", "", |context, _| Ok(time(context.now()?))),
    Function::new("ago", "a", |context, args| {
        let then = time_of(context, args.any(0)?)?;
        let elapsed = context.now()?.since(&then);
        let second = 1_000_000_000;
        let rest = elapsed % second;
        let up = if rest.abs() * 2 >= second {
            second * rest.signum()
        } else {
            0
        };
        let rounded = (elapsed - rest).saturating_add(up);
        context.text(date::duration_to_string(rounded).into_bytes())
    }),
    Function::new("date", "sa", |context, args| {
        shown(context, args.text(0)?, args.any(1)?, b"Local")
    }),
    Function::new("date_in_zone", "sas", |context, args| {
        shown(context, args.text(0)?, args.any(1)?, args.text(2)?)
    }),
    Function::new("dateInZone", "sas", |context, args| {
        shown(context, args.text(0)?, args.any(1)?, args.text(2)?)
    }),
    Function::new("htmlDate", "a", |context, args| {
        shown(context, b"2006-01-02", args.any(0)?, b"Local")
    }),
    Function::new("htmlDateInZone", "as", |context, args| {
        shown(context, b"2006-01-02", args.any(0)?, args.text(1)?)
    }),
    Function::new("dateModify", "st", modify_if_possible),
    Function::new("date_modify", "st", modify_if_possible),
    Function::new("mustDateModify", "st", modify),
    Function::new("must_date_modify", "st", modify),
    Function::new("toDate", "ss", |context, args| {
        context.budget.spend(args.text(0)?.len() as u64)?;
        let parsed = date::parse(args.text(0)?, args.text(1)?);
        Ok(time(parsed.unwrap_or_else(Time::zero)))
    }),
    Function::new("mustToDate", "ss", |context, args| {
        context.budget.spend(args.text(0)?.len() as u64)?;
        let parsed = date::parse(args.text(0)?, args.text(1)?);
        Ok(time(parsed.ok_or(Fault::Failed)?))
    }),
    Function::new("unixEpoch", "t", |context, args| {
        context.text(args.time(0)?.unix.to_string().into_bytes())
    }),
    Function::new("duration", "a", |context, args| {
        let seconds = match args.any(0)? {
            Value::Int64(seconds) => *seconds,
            Value::String(text) => seconds(text),
            _ => 0,
        };
        let nanos = seconds.wrapping_mul(1_000_000_000);
        context.text(date::duration_to_string(nanos).into_bytes())
    }),
    Function::new("durationRound", "a", |context, args| {
        let nanos = match args.any(0)? {
            Value::String(text) => date::parse_duration(text).unwrap_or(0),
            Value::Int64(nanos) => *nanos,
            Value::Time(time) => context.now()?.since(time),
            _ => 0,
        };
        context.text(rounded(nanos.unsigned_abs()).into_bytes())
    }),
];

fn time(time: Time) -> Value {
    Value::Time(Rc::new(time))
}

/// A time, or Unix seconds; anything else is now.
fn time_of(context: &Context, value: &Value) -> Result<Time, Fault> {
    match value {
        Value::Time(time) => Ok(Time::clone(time)),
        Value::Int(unix) | Value::Int64(unix) => Ok(Time::from_unix(*unix)),
        _ => context.now(),
    }
}

fn shown(context: &mut Context, layout: &[u8], value: &Value, zone: &[u8]) -> Result<Value, Fault> {
    // A piece of a layout grows to a few bytes, and finding one looks at some dozens of spellings.
    context.budget.allocate(layout.len().saturating_mul(16))?;
    let time = time_of(context, value)?;
    let zone = Zone::named(zone).unwrap_or(Zone::Utc);
    context.text(time.in_zone(zone).format(layout))
}

fn modify(_: &mut Context, args: Arguments) -> Result<Value, Fault> {
    let duration = date::parse_duration(args.text(0)?).ok_or(Fault::Failed)?;
    Ok(time(args.time(1)?.plus(duration)))
}

fn modify_if_possible(context: &mut Context, args: Arguments) -> Result<Value, Fault> {
    modify(context, args).or_else(|_| Ok(args.any(1)?.clone()))
}

/// Digits with a sign; what does not fit becomes the nearest that does.
fn seconds(text: &[u8]) -> i64 {
    let text = std::str::from_utf8(text).unwrap_or_default();
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

/// The greatest unit of which there is more than one.
fn rounded(nanos: u64) -> String {
    const SECOND: u64 = 1_000_000_000;
    const UNITS: [(u64, &str); 6] = [
        (SECOND * 3600 * 24 * 365, "y"),
        (SECOND * 3600 * 24 * 30, "mo"),
        (SECOND * 3600 * 24, "d"),
        (SECOND * 3600, "h"),
        (SECOND * 60, "m"),
        (SECOND, "s"),
    ];
    let unit = UNITS.iter().find(|(length, _)| nanos > *length);
    unit.map_or("0s".into(), |(length, name)| {
        format!("{}{name}", nanos / length)
    })
}
