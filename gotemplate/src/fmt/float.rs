//! Floating-point numbers as text, as Go's strconv writes them.

/// No float has more digits than this; zeros follow.
const EXACT: usize = 1100;

/// A float in one of Go's formats: `e E f F g G b x X`; no precision means the shortest.
pub(crate) fn float(value: f64, verb: char, precision: Option<usize>) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.into();
    }
    match verb {
        'e' | 'E' => exponential(value, precision, verb),
        'g' => general(value, precision, 'e'),
        'G' => general(value, precision, 'E'),
        'b' => binary(value),
        'x' | 'X' => hexadecimal(value, precision, verb),
        _ => match precision {
            Some(precision) => {
                let exact = precision.min(EXACT);
                let zeros = "0".repeat(precision - exact);
                format!("{value:.exact$}{zeros}")
            }
            None => format!("{value}"),
        },
    }
}

/// `%g`: the exponential form for large and small exponents, else the plain one.
fn general(value: f64, precision: Option<usize>, letter: char) -> String {
    if !value.is_finite() {
        return float(value, 'e', None);
    }
    let (sign, digits, exponent) = match precision {
        None => parts(&format!("{value:e}")),
        Some(precision) => parts(&format!("{value:.*e}", precision.clamp(1, EXACT) - 1)),
    };
    let significant = digits.trim_end_matches('0').len().max(1);
    let threshold = match precision {
        None => 6,
        Some(precision) => {
            let precision = precision.max(1);
            // A plain form that would only gain zeros is not one.
            if precision > significant && significant as i32 > exponent {
                significant
            } else {
                precision
            }
        }
    };
    let digits = &digits[..significant];
    if exponent < -4 || exponent >= threshold as i32 {
        return format!("{sign}{}", with_exponent(digits, exponent, letter));
    }
    format!("{sign}{}", plain(digits, exponent))
}

fn exponential(value: f64, precision: Option<usize>, letter: char) -> String {
    let (sign, digits, exponent) = match precision {
        None => parts(&format!("{value:e}")),
        Some(precision) => {
            let exact = precision.min(EXACT);
            let (sign, digits, exponent) = parts(&format!("{value:.exact$e}"));
            let zeros = "0".repeat(precision - exact);
            (sign, digits + &zeros, exponent)
        }
    };
    format!("{sign}{}", with_exponent(&digits, exponent, letter))
}

/// The sign, the digits and the exponent of the first digit of `-d.ddde-x`.
fn parts(text: &str) -> (&'static str, String, i32) {
    let (sign, text) = match text.strip_prefix('-') {
        Some(text) => ("-", text),
        None => ("", text),
    };
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    (
        sign,
        mantissa.replace('.', ""),
        exponent.parse().unwrap_or(0),
    )
}

fn with_exponent(digits: &str, exponent: i32, letter: char) -> String {
    let (first, rest) = digits.split_at(1.min(digits.len()));
    let point = if rest.is_empty() { "" } else { "." };
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{first}{point}{rest}{letter}{sign}{:02}", exponent.abs())
}

fn plain(digits: &str, exponent: i32) -> String {
    if exponent < 0 {
        let zeros = "0".repeat(exponent.unsigned_abs() as usize - 1);
        return format!("0.{zeros}{digits}");
    }
    let whole = exponent as usize + 1;
    if digits.len() <= whole {
        return format!("{digits}{}", "0".repeat(whole - digits.len()));
    }
    format!("{}.{}", &digits[..whole], &digits[whole..])
}

/// `%b`: the mantissa and a power of two.
fn binary(value: f64) -> String {
    let bits = value.to_bits();
    let raw_exponent = (bits >> 52) & 0x7ff;
    let fraction = bits & ((1 << 52) - 1);
    let (mantissa, exponent) = match raw_exponent {
        0 => (fraction, -1074),
        raw => (fraction | 1 << 52, raw as i64 - 1075),
    };
    let sign = if value.is_sign_negative() { "-" } else { "" };
    format!("{sign}{mantissa}p{exponent:+}")
}

/// `%x`: a hexadecimal mantissa and a power of two.
fn hexadecimal(value: f64, precision: Option<usize>, verb: char) -> String {
    let bits = value.to_bits();
    let raw_exponent = ((bits >> 52) & 0x7ff) as i64;
    let mut mantissa = bits & ((1 << 52) - 1);
    let mut exponent = raw_exponent - 1023;
    if raw_exponent == 0 {
        exponent = -1022;
    } else {
        mantissa |= 1 << 52;
    }
    if mantissa == 0 {
        exponent = 0;
    } else {
        while mantissa & (1 << 52) == 0 {
            mantissa <<= 1;
            exponent -= 1;
        }
    }
    if let Some(precision) = precision.filter(|precision| *precision < 13) {
        let drop = 52 - 4 * precision as u32;
        let half = 1u64 << (drop - 1);
        let rest = mantissa & ((1 << drop) - 1);
        mantissa >>= drop;
        if rest > half || (rest == half && mantissa & 1 == 1) {
            mantissa += 1;
        }
        mantissa <<= drop;
        if mantissa & (1 << 53) != 0 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    let digits = format!("{:013x}", mantissa & ((1 << 52) - 1));
    let digits = match precision {
        None => digits.trim_end_matches('0').to_owned(),
        Some(precision) => {
            let zeros = "0".repeat(precision.saturating_sub(digits.len()));
            (digits + &zeros)[..precision].to_owned()
        }
    };
    let sign = if value.is_sign_negative() { "-" } else { "" };
    let point = if digits.is_empty() { "" } else { "." };
    let power = if exponent < 0 { '-' } else { '+' };
    let text = format!(
        "{sign}0x{}{point}{digits}p{power}{:02}",
        mantissa >> 52,
        exponent.abs()
    );
    if verb == 'X' {
        text.to_uppercase()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shortest(value: f64) -> String {
        float(value, 'g', None)
    }

    #[test]
    fn chooses_the_form_as_go_does() {
        assert_eq!(shortest(100_000.0), "100000");
        assert_eq!(shortest(1_000_000.0), "1e+06");
        assert_eq!(shortest(0.0001), "0.0001");
        assert_eq!(shortest(0.00001), "1e-05");
        assert_eq!(shortest(3.0), "3");
        assert_eq!(general(1234.5678, Some(3), 'e'), "1.23e+03");
        assert_eq!(general(100.0, Some(6), 'e'), "100");
        assert_eq!(float(2.5, 'f', Some(0)), "2");
        assert_eq!(float(1.0, 'x', None), "0x1p+00");
    }
}
