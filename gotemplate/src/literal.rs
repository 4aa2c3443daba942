//! Literals of Go: quoted strings, characters and numbers.

use zeroize::Zeroizing;

use crate::error::quoted;
use crate::tree::Number;

/// The text of a quoted string, with `"` or backquotes around it.
pub(crate) fn unquote(literal: &str) -> Option<Vec<u8>> {
    let quote = literal.chars().next()?;
    let inner = literal.strip_prefix(quote)?.strip_suffix(quote)?;
    if quote == '`' {
        return Some(inner.replace('\r', "").into_bytes());
    }
    let mut text = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while !rest.is_empty() {
        let (c, is_byte, tail) = unquote_char(rest, quote)?;
        match u8::try_from(c) {
            Ok(byte) if is_byte => text.push(byte),
            _ => text.extend_from_slice(char::from_u32(c)?.encode_utf8(&mut [0; 4]).as_bytes()),
        }
        rest = tail;
    }
    Some(text)
}

/// The first character, whether it is a bare byte, and what follows.
fn unquote_char(text: &str, quote: char) -> Option<(u32, bool, &str)> {
    let mut chars = text.chars();
    let c = chars.next()?;
    if c == quote {
        return None;
    }
    if c != '\\' {
        return Some((u32::from(c), false, chars.as_str()));
    }
    let escape = chars.next()?;
    let rest = chars.as_str();
    let simple = |byte: u8| Some((u32::from(byte), false, rest));
    match escape {
        'a' => simple(7),
        'b' => simple(8),
        'f' => simple(12),
        'n' => simple(b'\n'),
        'r' => simple(b'\r'),
        't' => simple(b'\t'),
        'v' => simple(11),
        '\\' => simple(b'\\'),
        '\'' | '"' if escape == quote => simple(quote as u8),
        'x' => digits(rest, 2, 16).map(|(value, rest)| (value, true, rest)),
        'u' | 'U' => {
            let (value, rest) = digits(rest, if escape == 'u' { 4 } else { 8 }, 16)?;
            char::from_u32(value)?;
            Some((value, false, rest))
        }
        '0'..='7' => {
            let (value, rest) = digits(&text[1..], 3, 8)?;
            (value <= 255).then_some((value, true, rest))
        }
        _ => None,
    }
}

fn digits(text: &str, count: usize, radix: u32) -> Option<(u32, &str)> {
    let digits = text.get(..count)?;
    let all_digits = digits.chars().all(|c| c.is_digit(radix));
    let value = u32::from_str_radix(digits, radix).ok()?;
    all_digits.then_some((value, &text[count..]))
}

/// The number of a character constant such as `'a'`.
pub(crate) fn char_constant(literal: &str) -> Result<Number, String> {
    let inner = literal.get(1..).unwrap_or_default();
    match unquote_char(inner, '\'') {
        Some((value, _, "'")) => Ok(Number {
            int: Some(i64::from(value)),
            float: Some(f64::from(value)),
            ..Number::default()
        }),
        _ => Err(illegal(literal)),
    }
}

fn illegal(literal: &str) -> String {
    format!("illegal number syntax: {}", quoted(literal))
}

/// The number of a literal; the error is what Go says of it.
pub(crate) fn number(literal: &str) -> Result<Number, String> {
    if let Some(float) = literal.strip_suffix('i').and_then(parse_float) {
        return Ok(complex(0.0, float));
    }
    let unsigned = parse_uint(literal);
    let int = parse_int(literal);
    if int.is_some() || unsigned.is_some() {
        return Ok(Number {
            int,
            float: int.map(|int| int as f64).or(unsigned.map(|n| n as f64)),
            complex: None,
            is_written_as_float: false,
        });
    }
    let float = parse_float(literal).ok_or_else(|| illegal(literal))?;
    if !literal.contains(['.', 'e', 'E', 'p', 'P']) {
        return Err(format!("integer overflow: {}", quoted(literal)));
    }
    Ok(Number {
        int: exact_int(float),
        float: Some(float),
        complex: None,
        is_written_as_float: true,
    })
}

/// The number of a literal with a real and an imaginary part.
pub(crate) fn complex_number(literal: &str) -> Result<Number, String> {
    real_and_imaginary(literal).ok_or_else(|| illegal(literal))
}

fn real_and_imaginary(literal: &str) -> Option<Number> {
    let is_hex = literal.contains(['x', 'X']);
    let is_exponent = |letter: u8| match letter.to_ascii_lowercase() {
        b'p' => is_hex,
        b'e' => !is_hex,
        _ => false,
    };
    let bytes = literal.as_bytes();
    let split = (1..bytes.len())
        .find(|i| matches!(bytes[*i], b'+' | b'-') && !is_exponent(bytes[i - 1]))?;
    let imaginary = literal[split..].strip_suffix('i')?;
    Some(complex(
        parse_float(&literal[..split])?,
        parse_float(imaginary)?,
    ))
}

fn complex(real: f64, imaginary: f64) -> Number {
    let is_real = imaginary == 0.0;
    Number {
        int: if is_real { exact_int(real) } else { None },
        float: is_real.then_some(real),
        complex: Some((real, imaginary)),
        is_written_as_float: false,
    }
}

fn exact_int(float: f64) -> Option<i64> {
    let int = float as i64;
    (int as f64 == float && float < 9_223_372_036_854_775_808.0).then_some(int)
}

/// An integer with a sign, as `strconv.ParseInt` with base 0 reads it.
pub(crate) fn parse_int(text: &str) -> Option<i64> {
    let (is_negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let magnitude = i128::from(parse_uint(digits)?);
    i64::try_from(if is_negative { -magnitude } else { magnitude }).ok()
}

/// An integer without a sign, as `strconv.ParseUint` with base 0 reads it.
fn parse_uint(text: &str) -> Option<u64> {
    let lower = Zeroizing::new(text.to_ascii_lowercase());
    let (radix, digits, is_prefixed) = if let Some(digits) = lower.strip_prefix("0x") {
        (16, digits, true)
    } else if let Some(digits) = lower.strip_prefix("0o") {
        (8, digits, true)
    } else if let Some(digits) = lower.strip_prefix("0b") {
        (2, digits, true)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (8, &lower[1..], true)
    } else {
        (10, lower.as_str(), false)
    };
    let digits = without_underscores(digits, is_prefixed)?;
    if digits.starts_with(['+', '-']) {
        return None;
    }
    u64::from_str_radix(&digits, radix).ok()
}

/// Underscores may stand between digits and after a prefix.
fn without_underscores(digits: &str, is_prefixed: bool) -> Option<Zeroizing<String>> {
    let starts_badly = digits.starts_with('_') && !is_prefixed;
    if starts_badly || digits.ends_with('_') || digits.contains("__") {
        return None;
    }
    Some(without(digits))
}

/// The text without its underscores; it may be a value.
fn without(text: &str) -> Zeroizing<String> {
    let mut kept = Zeroizing::new(String::with_capacity(text.len()));
    kept.extend(text.split('_'));
    kept
}

/// A float, as `strconv.ParseFloat` reads it; out of range is an error.
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let lower = Zeroizing::new(unsigned.to_ascii_lowercase());
    let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
    match lower.as_str() {
        "inf" | "infinity" => return Some(sign * f64::INFINITY),
        "nan" => return Some(f64::NAN),
        _ => {}
    }
    if let Some(hex) = lower.strip_prefix("0x") {
        return hex_float(hex).map(|float| sign * float);
    }
    let lower = without_underscores_between_digits(&lower)?;
    let is_plain = lower
        .bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'+' | b'-'));
    let has_digit = lower
        .split('e')
        .next()
        .is_some_and(|mantissa| mantissa.contains(|c: char| c.is_ascii_digit()));
    if !is_plain || !has_digit || lower.starts_with(['+', '-']) {
        return None;
    }
    let float: f64 = lower.parse().ok()?;
    float.is_finite().then_some(sign * float)
}

fn without_underscores_between_digits(text: &str) -> Option<Zeroizing<String>> {
    let bytes = text.as_bytes();
    let is_digit = |index: Option<usize>| {
        index
            .and_then(|i| bytes.get(i))
            .is_some_and(u8::is_ascii_digit)
    };
    let stands_well = |i: usize| is_digit(i.checked_sub(1)) && is_digit(Some(i + 1));
    let mut underscores = text.match_indices('_');
    underscores
        .all(|(i, _)| stands_well(i))
        .then(|| without(text))
}

/// `1.8p3` after its `0x`: the exponent is required.
fn hex_float(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once('p')?;
    let mantissa = without_underscores(mantissa, true)?;
    let exponent: i64 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((&mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value = 0.0f64;
    for digit in whole.chars().chain(fraction.chars()) {
        value = value * 16.0 + f64::from(digit.to_digit(16)?);
    }
    let scale = exponent - 4 * i64::try_from(fraction.len()).ok()?;
    let scale = i32::try_from(scale.clamp(-5000, 5000)).ok()?;
    let half = scale / 2;
    let float = value * 2f64.powi(half) * 2f64.powi(scale - half);
    float.is_finite().then_some(float)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unquotes_strings() {
        assert_eq!(
            unquote(r#""a\n\x41\101é\"""#),
            Some("a\nAAé\"".as_bytes().to_vec())
        );
        assert_eq!(unquote(r#""\xff""#), Some(vec![0xff]));
        assert_eq!(unquote("`a\\n\r`"), Some(b"a\\n".to_vec()));
        assert_eq!(unquote(r#""\q""#), None);
        assert_eq!(unquote(r#""\'""#), None);
    }

    #[test]
    fn reads_numbers_of_every_form() {
        let int = |text: &str| number(text).unwrap().int;
        assert_eq!(int("0x_1F"), Some(31));
        assert_eq!(int("0b101"), Some(5));
        assert_eq!(int("017"), Some(15));
        assert_eq!(int("1_000"), Some(1000));
        assert_eq!(int("-0x8000000000000000"), Some(i64::MIN));
        assert_eq!(number("0x1.8p1").unwrap().float, Some(3.0));
        assert_eq!(number("1e3").unwrap().int, Some(1000));
        assert!(number("18446744073709551616").is_err());
        assert_eq!(complex_number("1+2i").unwrap().complex, Some((1.0, 2.0)));
    }
}
