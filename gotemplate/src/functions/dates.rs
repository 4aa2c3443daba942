//! Times and durations.

use crate::context::Context;
use crate::date::{self, Time, Zone};
use crate::error::Fault;
use crate::function::{Arguments, Function};
use crate::value::Value;

pub(super) static FUNCTIONS: [Function; 16] = [
    Function::new("now", "", |context, _| {
        let now = context.now()?;
        context.time(now)
    }),
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
        context.made(date::duration_to_string(rounded).into_bytes())
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
        let parsed = parsed(context, args)?;
        context.time(parsed.unwrap_or_else(Time::zero))
    }),
    Function::new("mustToDate", "ss", |context, args| {
        match parsed(context, args)? {
            Some(time) => context.time(time),
            None => {
                let [layout, text] = [args.text(0)?, args.text(1)?].map(|t| told(t));
                Err(context.failed(|| format!("parsing time {text} as {layout}: cannot parse")))
            }
        }
    }),
    Function::new("unixEpoch", "t", |context, args| {
        context.made(args.time(0)?.unix.to_string().into_bytes())
    }),
    Function::new("duration", "a", |context, args| {
        let seconds = match args.any(0)? {
            Value::Int64(seconds) => *seconds,
            Value::String(text) => seconds(text),
            _ => 0,
        };
        let nanos = seconds.wrapping_mul(1_000_000_000);
        context.made(date::duration_to_string(nanos).into_bytes())
    }),
    Function::new("durationRound", "a", |context, args| {
        let nanos = match args.any(0)? {
            Value::String(text) => date::parse_duration(text).unwrap_or(0),
            Value::Int64(nanos) => *nanos,
            Value::Time(time) => context.now()?.since(time),
            _ => 0,
        };
        context.made(rounded(nanos.unsigned_abs()).into_bytes())
    }),
];

/// A text in a message.
fn told(text: &[u8]) -> String {
    format!("{:?}", String::from_utf8_lossy(text))
}

fn parsed(context: &mut Context, args: Arguments) -> Result<Option<Time>, Fault> {
    let (layout, text) = (args.text(0)?, args.text(1)?);
    pay_for_layout(context, layout)?;
    Ok(date::parse(layout, text))
}

/// A time, or Unix seconds; anything else is now.
fn time_of(context: &mut Context, value: &Value) -> Result<Time, Fault> {
    match value {
        Value::Time(time) => Ok(Time::clone(time)),
        Value::Int(unix) | Value::Int64(unix) => Ok(Time::from_unix(*unix)),
        _ => context.now(),
    }
}

fn shown(context: &mut Context, layout: &[u8], value: &Value, zone: &[u8]) -> Result<Value, Fault> {
    pay_for_layout(context, layout)?;
    let time = time_of(context, value)?;
    let zone = Zone::named(zone).unwrap_or(Zone::Utc);
    context.made(time.in_zone(zone).format(layout))
}

/// A piece of a layout grows to a few bytes, and finding one looks at some dozens of spellings.
pub(crate) fn pay_for_layout(context: &mut Context, layout: &[u8]) -> Result<(), Fault> {
    context.budget.spend_at_once(20 + layout.len() as u64)?;
    context.budget.allocate(layout.len().saturating_mul(16))
}

fn modify(context: &mut Context, args: Arguments) -> Result<Value, Fault> {
    let text = args.text(0)?;
    match date::parse_duration(text) {
        Some(duration) => context.time(args.time(1)?.plus(duration)),
        None => {
            let text = told(text);
            Err(context.failed(|| format!("time: invalid duration {text}")))
        }
    }
}

fn modify_if_possible(context: &mut Context, args: Arguments) -> Result<Value, Fault> {
    match modify(context, args) {
        Err(Fault::Failed) => Ok(args.any(1)?.clone()),
        result => result,
    }
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
