//! Random texts and numbers.

use zeroize::Zeroizing;

use crate::context::Context;
use crate::error::Fault;
use crate::fmt::hex_digits;
use crate::function::{Arguments, Function};
use crate::value::Value;

const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const DIGITS: &[u8] = b"0123456789";
const ALPHANUMERIC: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

pub(super) static FUNCTIONS: [Function; 7] = [
    Function::new("randAlphaNum", "i", |context, args| {
        letters(context, args, ALPHANUMERIC)
    }),
    Function::new("randAlpha", "i", |context, args| {
        letters(context, args, LETTERS)
    }),
    Function::new("randNumeric", "i", |context, args| {
        letters(context, args, DIGITS)
    }),
    Function::new("randAscii", "i", |context, args| {
        let printable: Vec<u8> = (b' '..=b'~').collect();
        letters(context, args, &printable)
    }),
    Function::new("randBytes", "i", |context, args| {
        let count = usize::try_from(args.int(0)?).map_err(|_| Fault::Failed)?;
        context.budget.allocate(count.saturating_mul(3))?;
        let mut bytes = Zeroizing::new(vec![0; count]);
        context.fill_random(&mut bytes)?;
        context.made(super::encoding::base64(&bytes).into_bytes())
    }),
    Function::new("randInt", "ii", |context, args| {
        let (least, bound) = (args.int(0)?, args.int(1)?);
        let span = bound.checked_sub(least).filter(|span| *span > 0);
        let invalid = || "invalid argument to Intn".into();
        let span = span.ok_or_else(|| context.failed(invalid))?;
        let number = context.random_below(span as u64)?;
        Ok(Value::Int(least + number as i64))
    }),
    Function::new("uuidv4", "", |context, _| {
        let mut bytes = [0; 16];
        context.fill_random(&mut bytes)?;
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let mut uuid = Vec::with_capacity(36);
        for (i, byte) in bytes.iter().enumerate() {
            if matches!(i, 4 | 6 | 8 | 10) {
                uuid.push(b'-');
            }
            uuid.extend(hex_digits(*byte));
        }
        context.made(uuid)
    }),
];

/// So many of the letters; none or fewer make an empty text.
fn letters(context: &mut Context, args: Arguments, letters: &[u8]) -> Result<Value, Fault> {
    let count = usize::try_from(args.int(0)?).unwrap_or(0);
    context.budget.allocate(count)?;
    let mut text = Zeroizing::new(Vec::with_capacity(count));
    for _ in 0..count {
        let index = context.random_below(letters.len() as u64)?;
        text.push(letters[index as usize]);
    }
    context.made(text)
}
