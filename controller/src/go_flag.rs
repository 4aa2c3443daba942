//! Flag values as Go's `strconv` and `time` read them, and what pflag says of those that do not read.

use std::str::FromStr;

use clap::error::{ContextKind, ErrorKind};
use jiff::SignedDuration;

/// `--flag` or `--flag=false`; never a word of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Switch(pub(crate) bool);

/// A whole number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Int(pub(crate) i64);

/// A number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Float(pub(crate) f64);

/// `1h30m`, `-1.5h`, `300ms`; zero needs no unit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Duration(pub(crate) SignedDuration);

impl FromStr for Switch {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Self(true)),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(Self(false)),
            _ => Err(invalid("ParseBool", text)),
        }
    }
}

impl FromStr for Int {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse()
            .map(Self)
            .map_err(|_| invalid("ParseInt", text))
    }
}

impl FromStr for Float {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.parse().ok().filter(|number: &f64| number.is_finite());
        number.map(Self).ok_or_else(|| invalid("ParseFloat", text))
    }
}

impl FromStr for Duration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("time: invalid duration {text:?}");
        let (sign, mut rest) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text.strip_prefix('+').unwrap_or(text)),
        };
        if rest == "0" {
            return Ok(Self(SignedDuration::ZERO));
        }
        if rest.is_empty() {
            return Err(wrong());
        }
        let mut total: i128 = 0;
        while !rest.is_empty() {
            let (number, after) = split(rest, |c| c.is_ascii_digit() || c == '.');
            let (unit, after) = split(after, |c| !(c.is_ascii_digit() || c == '.'));
            if unit.is_empty() {
                return Err(format!("time: missing unit in duration {text:?}"));
            }
            let unit = nanoseconds(unit)
                .ok_or_else(|| format!("time: unknown unit {unit:?} in duration {text:?}"))?;
            total += scaled(number, unit).ok_or_else(wrong)?;
            rest = after;
        }
        // Go's durations are nanoseconds in 64 bits.
        let total = i64::try_from(sign * total).map_err(|_| wrong())?;
        Ok(Self(SignedDuration::from_nanos(total)))
    }
}

fn invalid(function: &str, text: &str) -> String {
    format!("strconv.{function}: parsing {text:?}: invalid syntax")
}

fn split(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !belongs(c)).unwrap_or(text.len()))
}

fn nanoseconds(unit: &str) -> Option<i128> {
    Some(match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

/// A decimal number of units, cut off below the nanosecond.
fn scaled(number: &str, unit: i128) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let digits = |text: &str| match text {
        "" => Some(0),
        text => text.parse::<i64>().ok().map(i128::from),
    };
    let fraction = &fraction[..fraction.len().min(12)];
    let power = 10_i128.pow(u32::try_from(fraction.len()).ok()?);
    Some(digits(whole)? * unit + digits(fraction)? * unit / power)
}

/// What is wrong with a command line, in the words of pflag.
pub(crate) fn message(error: &clap::Error) -> String {
    let text = |kind| error.get(kind).map(ToString::to_string).unwrap_or_default();
    let argument = text(ContextKind::InvalidArg);
    let value = text(ContextKind::InvalidValue);
    let flag = argument.split([' ', '=', '[']).next().unwrap_or_default();
    match error.kind() {
        ErrorKind::UnknownArgument if argument.starts_with("--") => format!("unknown flag: {flag}"),
        ErrorKind::UnknownArgument => {
            let letter = argument.trim_start_matches('-').chars().next();
            let letter = letter.unwrap_or_default();
            format!("unknown shorthand flag: '{letter}' in {argument}")
        }
        ErrorKind::InvalidValue if value.is_empty() => format!("flag needs an argument: {flag}"),
        ErrorKind::ValueValidation | ErrorKind::InvalidValue => {
            let reason = match std::error::Error::source(error) {
                Some(reason) => reason.to_string(),
                None => format!("must be one of: {}", text(ContextKind::ValidValue)),
            };
            format!("invalid argument {value:?} for {flag:?} flag: {reason}")
        }
        kind => kind.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn duration(text: &str) -> Result<i128, String> {
        text.parse::<Duration>()
            .map(|duration| duration.0.as_nanos())
    }

    #[test]
    fn reads_durations_as_go_does() {
        let hour = 3_600_000_000_000;
        for (text, nanoseconds) in [
            ("0", 0),
            ("-0", 0),
            ("720h0m0s", 720 * hour),
            ("1h15m30.918273645s", hour + 930_918_273_645),
            ("-1.5h", -3 * hour / 2),
            (".5h", hour / 2),
            ("5.s", 5_000_000_000),
            ("100us1ns", 100_001),
            ("2µs", 2_000),
            ("1s1h", hour + 1_000_000_000),
        ] {
            assert_eq!(duration(text), Ok(nanoseconds), "{text}");
        }
    }

    #[test]
    fn refuses_durations_as_go_does() {
        for (text, error) in [
            ("", "time: invalid duration \"\""),
            ("3", "time: missing unit in duration \"3\""),
            ("1d", "time: unknown unit \"d\" in duration \"1d\""),
            (".s", "time: invalid duration \".s\""),
            ("1 h", "time: unknown unit \" h\" in duration \"1 h\""),
            ("9999999h", "time: invalid duration \"9999999h\""),
            ("1.2.3s", "time: invalid duration \"1.2.3s\""),
        ] {
            assert_eq!(duration(text), Err(error.to_owned()));
        }
    }
}
