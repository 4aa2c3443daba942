//! Methods of the few types that have them: times, durations, months, weekdays, versions.

use crate::context::Context;
use crate::date::{self, MONTHS, WEEKDAYS};
use crate::error::Fault;
use crate::function::{Arguments, Function};
use crate::functions::pay_for_layout;
use crate::semver::Version;
use crate::text::Text;
use crate::value::Value;

/// The method of a value; its first argument is the value itself.
pub(crate) fn find(receiver: &Value, name: &[u8]) -> Option<&'static Function> {
    let methods: &[Function] = match receiver {
        Value::Time(_) => &TIME,
        Value::Duration(_) => &DURATION,
        Value::Month(_) | Value::Weekday(_) => &NAMED,
        Value::Version(_) => &VERSION,
        _ => return None,
    };
    methods.iter().find(|method| method.name.as_bytes() == name)
}

/// The text of a value whose type has a `String` method.
pub(crate) fn string(value: &Value) -> Option<Text> {
    match value {
        Value::Time(time) => Some(time.to_text().into()),
        Value::Duration(nanos) => Some(date::duration_to_string(*nanos).into_bytes().into()),
        Value::Month(month) => {
            let index = usize::from(*month).checked_sub(1);
            let name = index.and_then(|index| MONTHS.get(index));
            Some(match name {
                Some(name) => (*name).into(),
                None => format!("%!Month({month})").as_str().into(),
            })
        }
        Value::Weekday(day) => Some(match WEEKDAYS.get(usize::from(*day)) {
            Some(name) => (*name).into(),
            None => format!("%!Weekday({day})").as_str().into(),
        }),
        Value::Version(version) => Some(version.to_text().into()),
        _ => None,
    }
}

static TIME: [Function; 24] = [
    Function::new("Add", "td", |context, args| {
        context.time(args.time(0)?.plus(duration(args, 1)?))
    }),
    Function::new("AddDate", "tiii", add_date),
    Function::new("After", "tt", |_, args| compare(args, |a, b| a > b)),
    Function::new("Before", "tt", |_, args| compare(args, |a, b| a < b)),
    Function::new("Day", "t", |_, args| civil(args, |c| c.day.into())),
    Function::new("Equal", "tt", |_, args| compare(args, |a, b| a == b)),
    Function::new("Format", "ts", |context, args| {
        pay_for_layout(context, args.text(1)?)?;
        context.made(args.time(0)?.format(args.text(1)?))
    }),
    Function::new("Hour", "t", |_, args| civil(args, |c| c.hour.into())),
    Function::new("IsZero", "t", |_, args| {
        Ok(Value::Bool(args.time(0)?.is_zero()))
    }),
    Function::new("Local", "t", utc),
    Function::new("Minute", "t", |_, args| civil(args, |c| c.minute.into())),
    Function::new("Month", "t", |_, args| {
        Ok(Value::Month(args.time(0)?.civil().month))
    }),
    Function::new("Nanosecond", "t", |_, args| {
        Ok(Value::Int(args.time(0)?.nanos.into()))
    }),
    Function::new("Second", "t", |_, args| civil(args, |c| c.second.into())),
    Function::new("String", "t", text),
    Function::new("Sub", "tt", |_, args| {
        Ok(Value::Duration(args.time(0)?.since(args.time(1)?)))
    }),
    Function::new("UTC", "t", utc),
    Function::new("Unix", "t", |_, args| Ok(Value::Int64(args.time(0)?.unix))),
    Function::new("UnixMicro", "t", |_, args| since_epoch(args, 1_000)),
    Function::new("UnixMilli", "t", |_, args| since_epoch(args, 1_000_000)),
    Function::new("UnixNano", "t", |_, args| since_epoch(args, 1)),
    Function::new("Weekday", "t", |_, args| {
        Ok(Value::Weekday(args.time(0)?.civil().weekday))
    }),
    Function::new("Year", "t", |_, args| civil(args, |c| c.year)),
    Function::new("YearDay", "t", |_, args| civil(args, |c| c.year_day.into())),
];

static DURATION: [Function; 7] = [
    Function::new("Hours", "v", |_, args| in_units(args, 3_600_000_000_000)),
    Function::new("Microseconds", "v", |_, args| whole_units(args, 1_000)),
    Function::new("Milliseconds", "v", |_, args| whole_units(args, 1_000_000)),
    Function::new("Minutes", "v", |_, args| in_units(args, 60_000_000_000)),
    Function::new("Nanoseconds", "v", |_, args| whole_units(args, 1)),
    Function::new("Seconds", "v", |_, args| in_units(args, 1_000_000_000)),
    Function::new("String", "v", text),
];

static NAMED: [Function; 1] = [Function::new("String", "v", text)];

static VERSION: [Function; 16] = [
    Function::new("Compare", "vp", |_, args| {
        let order = version(args, 0)?.compare(version(args, 1)?);
        Ok(Value::Int(order as i64))
    }),
    Function::new("Equal", "vp", |_, args| precedes(args, |o| o.is_eq())),
    Function::new("GreaterThan", "vp", |_, args| precedes(args, |o| o.is_gt())),
    Function::new("GreaterThanEqual", "vp", |_, args| {
        precedes(args, |o| o.is_ge())
    }),
    Function::new("IncMajor", "v", |context, args| {
        next(context, args, "major")
    }),
    Function::new("IncMinor", "v", |context, args| {
        next(context, args, "minor")
    }),
    Function::new("IncPatch", "v", |context, args| {
        next(context, args, "patch")
    }),
    Function::new("LessThan", "vp", |_, args| precedes(args, |o| o.is_lt())),
    Function::new("LessThanEqual", "vp", |_, args| {
        precedes(args, |o| o.is_le())
    }),
    Function::new("Major", "v", |_, args| {
        Ok(Value::Uint64(version(args, 0)?.major))
    }),
    Function::new("Metadata", "v", |context, args| {
        context.text(version(args, 0)?.metadata.as_bytes())
    }),
    Function::new("Minor", "v", |_, args| {
        Ok(Value::Uint64(version(args, 0)?.minor))
    }),
    Function::new("Original", "v", |context, args| {
        context.text(version(args, 0)?.original.as_bytes())
    }),
    Function::new("Patch", "v", |_, args| {
        Ok(Value::Uint64(version(args, 0)?.patch))
    }),
    Function::new("Prerelease", "v", |context, args| {
        context.text(version(args, 0)?.prerelease.as_bytes())
    }),
    Function::new("String", "v", text),
];

fn text(context: &mut Context, args: Arguments) -> Result<Value, Fault> {
    let text = string(args.any(0)?).ok_or(Fault::Failed)?;
    context.made(text)
}

fn utc(context: &mut Context, args: Arguments) -> Result<Value, Fault> {
    context.time(args.time(0)?.in_zone(date::Zone::Utc))
}

fn civil(args: Arguments, part: fn(&date::Civil) -> i64) -> Result<Value, Fault> {
    Ok(Value::Int(part(&args.time(0)?.civil())))
}

fn compare(args: Arguments, holds: fn(i128, i128) -> bool) -> Result<Value, Fault> {
    let (a, b) = (args.time(0)?.total_nanos(), args.time(1)?.total_nanos());
    Ok(Value::Bool(holds(a, b)))
}

fn since_epoch(args: Arguments, unit: i128) -> Result<Value, Fault> {
    let units = args.time(0)?.total_nanos().div_euclid(unit);
    Ok(Value::Int64(units as i64))
}

/// Fields may overflow: the 31st of February is in March.
fn add_date(context: &mut Context, args: Arguments) -> Result<Value, Fault> {
    let time = args.time(0)?;
    let civil = time.civil();
    let field = |own: i64, index| Ok(own.saturating_add(args.int(index)?));
    let date = (
        field(civil.year, 1)?,
        field(civil.month.into(), 2)?,
        field(civil.day.into(), 3)?,
    );
    let clock = (civil.hour.into(), civil.minute.into(), civil.second.into());
    let mut later = time.clone();
    later.unix = date::unix_of(date, clock).saturating_sub(civil.offset.into());
    context.time(later)
}

fn duration(args: Arguments, index: usize) -> Result<i64, Fault> {
    match args.any(index)? {
        Value::Duration(nanos) => Ok(*nanos),
        _ => Err(Fault::Failed),
    }
}

fn in_units(args: Arguments, unit: i64) -> Result<Value, Fault> {
    let nanos = duration(args, 0)?;
    let fraction = (nanos % unit) as f64 / unit as f64;
    Ok(Value::Float((nanos / unit) as f64 + fraction))
}

fn whole_units(args: Arguments, unit: i64) -> Result<Value, Fault> {
    Ok(Value::Int64(duration(args, 0)? / unit))
}

fn version(args: Arguments<'_>, index: usize) -> Result<&Version, Fault> {
    match args.any(index)? {
        Value::Version(version) => Ok(version),
        _ => Err(Fault::Failed),
    }
}

fn precedes(args: Arguments, holds: fn(std::cmp::Ordering) -> bool) -> Result<Value, Fault> {
    let order = version(args, 0)?.compare(version(args, 1)?);
    Ok(Value::Bool(holds(order)))
}

fn next(context: &mut Context, args: Arguments, kind: &str) -> Result<Value, Fault> {
    context.version(version(args, 0)?.next(kind))
}
