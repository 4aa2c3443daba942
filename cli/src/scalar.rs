//! What an unquoted YAML scalar means to Go's reader (YAML 1.1), and which text it then becomes
//! where Kubernetes wants a text.

use jiff::civil::Date;

/// The meaning of an unquoted scalar.
#[derive(Debug, PartialEq)]
pub(crate) enum Meaning {
    Null,
    Boolean(bool),
    Integer(i128),
    Float(f64),
    Timestamp,
    Text,
}

/// A text made of an unquoted scalar.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum AsText {
    /// The same text.
    Same,
    /// Another text for the same value.
    Changed(String),
    /// The value does not survive: digits would be lost, or it is no number at all.
    Lost,
}

impl Meaning {
    pub(crate) fn of(text: &str) -> Self {
        match text {
            "" | "~" | "null" | "Null" | "NULL" => return Self::Null,
            "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
                return Self::Boolean(true);
            }
            "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off"
            | "OFF" => {
                return Self::Boolean(false);
            }
            ".nan" | ".NaN" | ".NAN" => return Self::Float(f64::NAN),
            ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
                return Self::Float(f64::INFINITY);
            }
            "-.inf" | "-.Inf" | "-.INF" => return Self::Float(f64::NEG_INFINITY),
            _ => {}
        }
        match text.as_bytes()[0] {
            b'.' => finite(text),
            b'+' | b'-' | b'0'..=b'9' if is_timestamp(text) => Some(Self::Timestamp),
            b'+' | b'-' | b'0'..=b'9' => {
                let digits = text.replace('_', "");
                integer(&digits)
                    .map(Self::Integer)
                    .or_else(|| finite(&digits))
            }
            _ => None,
        }
        .unwrap_or(Self::Text)
    }
}

impl AsText {
    /// What `text` becomes as a value, or as a key.
    pub(crate) fn of(text: &str) -> Self {
        let read = match Meaning::of(text) {
            Meaning::Text | Meaning::Timestamp => return Self::Same,
            Meaning::Null => String::new(),
            Meaning::Boolean(value) => value.to_string(),
            Meaning::Integer(value) => value.to_string(),
            Meaning::Float(value) => {
                let read = shortest(value);
                if !value.is_finite() || decimal(&read) != decimal(&text.replace('_', "")) {
                    return Self::Lost;
                }
                read
            }
        };
        if read == text {
            Self::Same
        } else {
            Self::Changed(read)
        }
    }
}

/// As `strconv.ParseInt(text, 0, 64)`, then `ParseUint`, then the binary forms.
fn integer(text: &str) -> Option<i128> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, digits) = match digits.get(..2).map(str::to_ascii_lowercase).as_deref() {
        Some("0x") => (16, &digits[2..]),
        Some("0o") => (8, &digits[2..]),
        Some("0b") => (2, &digits[2..]),
        _ if digits.len() > 1 && digits.starts_with('0') => (8, &digits[1..]),
        _ => (10, digits),
    };
    if !digits.starts_with(|first: char| first.is_digit(radix)) {
        return None;
    }
    let value = i128::from_str_radix(digits, radix).ok()?;
    let limit = match (negative, text.starts_with('+')) {
        (true, _) => i128::from(i64::MAX) + 1,
        (false, true) => i128::from(i64::MAX),
        (false, false) => i128::from(u64::MAX),
    };
    (value <= limit).then_some(if negative { -value } else { value })
}

/// As Go's YAML recognises a float: `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn finite(text: &str) -> Option<Meaning> {
    let is_float = text
        .chars()
        .all(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-'));
    let value = text.parse::<f64>().ok().filter(|_| is_float)?;
    value.is_finite().then_some(Meaning::Float(value))
}

/// The four forms in which Go's YAML reads a time.
fn is_timestamp(text: &str) -> bool {
    let (date, time) = match text.find(['T', 't', ' ']) {
        Some(at) => (&text[..at], Some(&text[at..])),
        None => (text, None),
    };
    let mut parts = date.split('-');
    let (Some(year), Some(month), Some(day), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let is_date = year.len() == 4
        && matches!(
            (number(year, 4), number(month, 2), number(day, 2)),
            (Some(year), Some(month), Some(day)) if Date::new(year, month as i8, day as i8).is_ok()
        );
    is_date && time.is_none_or(is_time)
}

fn is_time(text: &str) -> bool {
    let (has_zone, text) = (!text.starts_with(' '), &text[1..]);
    let clock = if !has_zone {
        text
    } else if let Some(clock) = text.strip_suffix('Z') {
        clock
    } else if let Some(at) = text.rfind(['+', '-']) {
        let zone = &text[at + 1..];
        if zone.len() != 5 || !is_clock(zone, 2) {
            return false;
        }
        &text[..at]
    } else {
        return false;
    };
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    is_clock(clock, 3) && !fraction.is_empty() && fraction.bytes().all(|b| b.is_ascii_digit())
}

fn is_clock(text: &str, parts: usize) -> bool {
    let limits = [24, 60, 60];
    text.split(':').count() == parts
        && text
            .split(':')
            .zip(limits)
            .all(|(part, limit)| number(part, 2).is_some_and(|n| n < limit))
}

fn number(text: &str, longest: usize) -> Option<i16> {
    let is_number =
        !text.is_empty() && text.len() <= longest && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

/// As `strconv.FormatFloat(value, 'g', -1, 32)` writes it.
fn shortest(value: f64) -> String {
    let scientific = format!("{:e}", value as f32);
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..6).contains(&exponent) {
        return (value as f32).to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

/// A decimal number's sign, digits without outer zeros, and the place of the first.
fn decimal(text: &str) -> (bool, String, i64) {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let negative = mantissa.starts_with('-');
    let (whole, fraction) = mantissa
        .trim_start_matches(['+', '-'])
        .split_once('.')
        .unwrap_or((mantissa.trim_start_matches(['+', '-']), ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_start_matches('0');
    let leading_zeros = (digits.len() - significant.len()) as i64;
    let significant = significant.trim_end_matches('0').to_owned();
    let place = match significant.is_empty() {
        true => 0,
        false => exponent.parse::<i64>().unwrap_or_default() + whole.len() as i64 - leading_zeros,
    };
    (negative, significant, place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(text: &str) -> AsText {
        AsText::Changed(text.to_owned())
    }

    #[test]
    fn keeps_texts_and_what_is_written_as_go_writes_it() {
        for same in [
            "a",
            "8080",
            "true",
            "false",
            "-1",
            "1.5",
            "2024-01-01",
            "1:30",
            "0.1",
            "12345.6",
            "inf",
        ] {
            assert_eq!(AsText::of(same), AsText::Same, "{same}");
        }
    }

    #[test]
    fn changes_what_yaml_1_1_reads_as_something_else() {
        for (written, read) in [
            ("yes", "true"),
            ("n", "false"),
            ("0777", "511"),
            ("0x1F", "31"),
            ("0o17", "15"),
            ("0b11", "3"),
            ("1_000", "1000"),
            ("1.10", "1.1"),
            ("1e3", "1000"),
            ("1e6", "1e+06"),
            ("+1", "1"),
            ("~", ""),
            ("null", ""),
            ("08", "8"),
            (".5", "0.5"),
            ("1e-7", "1e-07"),
        ] {
            assert_eq!(AsText::of(written), changed(read), "{written}");
        }
    }

    #[test]
    fn loses_nothing_silently() {
        for lost in [
            "012345678901",
            "3.14159265358979",
            ".inf",
            ".nan",
            "123456789012345678901234567890",
            "1e99",
        ] {
            assert_eq!(AsText::of(lost), AsText::Lost, "{lost}");
        }
        assert_eq!(AsText::of("18446744073709551615"), AsText::Same);
    }

    #[test]
    fn knows_times_but_takes_them_as_texts() {
        for time in [
            "2024-01-01",
            "2024-1-1",
            "2024-01-01T00:00:00Z",
            "2024-01-01 1:2:3.5",
            "2024-01-01t1:2:3+01:00",
        ] {
            assert_eq!(Meaning::of(time), Meaning::Timestamp, "{time}");
        }
        for no_time in [
            "2024-13-01",
            "2024-02-30",
            "24-01-01",
            "2024-01-01T00:00:00",
            "2024-01-01 00:00:00Z",
        ] {
            assert_eq!(Meaning::of(no_time), Meaning::Text, "{no_time}");
        }
    }
}
