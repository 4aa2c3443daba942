//! Base64 and base32 (RFC 4648), with Go's tolerance and Go's words for what it does not tolerate.

use zeroize::Zeroizing;

use crate::context::Context;
use crate::error::Fault;
use crate::function::{Arguments, Function};
use crate::value::Value;

pub(super) static FUNCTIONS: [Function; 4] = [
    Function::new("b64enc", "s", |context, args| {
        let bytes = args.text(0)?;
        context.budget.allocate(bytes.len() / 3 * 4)?;
        context.made(base64(bytes).into_bytes())
    }),
    Function::new("b64dec", "s", |context, args| {
        decoded(context, args, "base64", from_base64)
    }),
    Function::new("b32enc", "s", |context, args| {
        let bytes = args.text(0)?;
        context.budget.spend_at_once(bytes.len() as u64 / 8)?;
        context.budget.allocate(bytes.len().saturating_mul(2))?;
        context.made(base32(bytes).into_bytes())
    }),
    Function::new("b32dec", "s", |context, args| {
        decoded(context, args, "base32", from_base32)
    }),
];

/// Bytes in base64, padded.
pub(super) fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Decoded bytes, which are never more than those that were decoded: no block of theirs grows.
type Decoded = Zeroizing<Vec<u8>>;

/// What cannot be decoded gives a text that says so, and where.
fn decoded(
    context: &mut Context,
    args: Arguments,
    name: &str,
    decode: fn(&[u8]) -> Result<Decoded, usize>,
) -> Result<Value, Fault> {
    let text = args.text(0)?;
    context.budget.spend_at_once(text.len() as u64 / 8)?;
    context.budget.allocate(text.len().saturating_mul(2))?;
    match decode(text) {
        Ok(bytes) => context.made(bytes),
        Err(offset) => {
            let message = format!("illegal {name} data at input byte {offset}");
            context.made(message.into_bytes())
        }
    }
}

/// Decodes base64; the error is the offset that Go tells.
fn from_base64(text: &[u8]) -> Result<Decoded, usize> {
    let mut bytes = Decoded::new(Vec::with_capacity(text.len()));
    let mut digits = 0;
    let mut bits: u32 = 0;
    let mut position = 0;
    while position < text.len() {
        let byte = text[position];
        position += 1;
        if is_line_end(&byte) {
            continue;
        }
        if byte == b'=' {
            let end = padding_end(text, position, digits)?;
            let dropped = 4 - digits;
            bits <<= 6 * dropped;
            bytes.extend_from_slice(&bits.to_be_bytes()[1..4 - dropped]);
            return if end == text.len() {
                Ok(bytes)
            } else {
                Err(end)
            };
        }
        bits = bits << 6 | digit64(byte).ok_or(position - 1)?;
        digits += 1;
        if digits == 4 {
            bytes.extend_from_slice(&bits.to_be_bytes()[1..]);
            (digits, bits) = (0, 0);
        }
    }
    if digits == 0 {
        Ok(bytes)
    } else {
        Err(text.len() - digits)
    }
}

/// The end of the padding whose first sign has just been read, and of the line ends after it.
fn padding_end(text: &[u8], mut position: usize, digits: usize) -> Result<usize, usize> {
    let skip_line_ends = |position: usize| {
        let rest = &text[position..];
        position + rest.iter().take_while(|byte| is_line_end(byte)).count()
    };
    match digits {
        0 | 1 => return Err(position - 1),
        2 => {
            position = skip_line_ends(position);
            match text.get(position) {
                None => return Err(text.len()),
                Some(b'=') => position += 1,
                Some(_) => return Err(position - 1),
            }
        }
        _ => {}
    }
    Ok(skip_line_ends(position))
}

fn digit64(byte: u8) -> Option<u32> {
    let digit = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(digit.into())
}

fn is_line_end(byte: &u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

const ALPHABET32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

fn base32(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    for group in bytes.chunks(5) {
        let bits = (0..5).fold(0u64, |bits, i| {
            bits << 8 | u64::from(group.get(i).copied().unwrap_or(0))
        });
        let digits = (group.len() * 8).div_ceil(5);
        for i in 0..8 {
            let digit = ALPHABET32[(bits >> (35 - 5 * i) & 31) as usize];
            text.push(if i < digits { char::from(digit) } else { '=' });
        }
    }
    text
}

/// Decodes base32; the error is the offset that Go tells, in which line ends do not count.
fn from_base32(text: &[u8]) -> Result<Decoded, usize> {
    let mut digits_only = Zeroizing::new(Vec::with_capacity(text.len()));
    digits_only.extend(text.iter().filter(|byte| !is_line_end(byte)));
    let text = &**digits_only;
    let mut bytes = Decoded::new(Vec::with_capacity(text.len()));
    let mut start = 0;
    while start < text.len() {
        let group = &text[start..text.len().min(start + 8)];
        let mut bits = 0u64;
        let mut digits = 0;
        let mut is_padded = false;
        for (i, byte) in group.iter().enumerate() {
            let is_last = text.len() - (start + i + 1) < 8;
            if *byte == b'=' && i >= 2 && is_last {
                check_padding(text, start, i)?;
                is_padded = true;
                break;
            }
            let digit = ALPHABET32.iter().position(|digit| digit == byte);
            bits = bits << 5 | digit.ok_or(start + i)? as u64;
            digits += 1;
        }
        if digits < 8 && !is_padded {
            return Err(start);
        }
        bits <<= 5 * (8 - digits);
        bytes.extend_from_slice(&bits.to_be_bytes()[3..3 + digits * 5 / 8]);
        if is_padded {
            break;
        }
        start += 8;
    }
    Ok(bytes)
}

/// Padding fills the group, and leaves whole bytes before it.
fn check_padding(text: &[u8], start: usize, at: usize) -> Result<(), usize> {
    let after = &text[start + at + 1..];
    if after.len() + at < 7 {
        return Err(text.len());
    }
    if let Some(other) = after[..7 - at].iter().position(|byte| *byte != b'=') {
        return Err(start + at + other);
    }
    match at {
        3 | 6 => Err(start + at),
        _ => Ok(()),
    }
}
