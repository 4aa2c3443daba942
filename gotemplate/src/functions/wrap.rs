//! Long lines broken at spaces.

use crate::buffer::Buffer;
use crate::context::Context;
use crate::error::Fault;
use crate::value::Value;

/// Breaks a text into lines of a width; words that are longer are broken too, or stick out.
pub(super) fn wrap(
    context: &mut Context,
    width: i64,
    text: &[u8],
    line_end: &[u8],
    breaks_words: bool,
) -> Result<Value, Fault> {
    let width = usize::try_from(width).unwrap_or(1).max(1);
    let mut wrapped = Buffer::new();
    let mut rest = text;
    while rest.len() > width {
        context.budget.spend(1 + width as u64 / 64)?;
        if let Some(after) = rest.strip_prefix(b" ") {
            rest = after;
            continue;
        }
        let (line, after) = if let Some(space) = memchr::memrchr(b' ', &rest[..=width]) {
            (&rest[..space], &rest[space + 1..])
        } else if breaks_words {
            rest.split_at(width)
        } else {
            match memchr::memchr(b' ', &rest[width..]) {
                Some(space) => (&rest[..width + space], &rest[width + space + 1..]),
                None => break,
            }
        };
        wrapped.write(context.budget, line)?;
        wrapped.write(context.budget, line_end)?;
        rest = after;
    }
    wrapped.write(context.budget, rest)?;
    context.grown(wrapped)
}
