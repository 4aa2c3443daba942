//! Quoted texts, as Go's strconv writes them.

use crate::budget::Budget;
use crate::buffer::Buffer;
use crate::error::Fault;
use crate::text::{is_broken, is_print, runes};

/// The text between quotes, with whatever cannot be printed escaped.
pub(crate) fn quote(
    budget: &mut Budget,
    text: &[u8],
    mark: char,
    only_ascii: bool,
) -> Result<Buffer, Fault> {
    budget.spend_at_once(text.len() as u64 / 8)?;
    let mut quoted = Buffer::new();
    quoted.push(budget, mark)?;
    let mut offset = 0;
    for (c, width) in runes(text) {
        let escaped = if is_broken((c, width)) {
            Some(format!("\\x{:02x}", text[offset]))
        } else {
            escape(c, mark, only_ascii)
        };
        match escaped {
            Some(escaped) => quoted.write(budget, escaped.as_bytes())?,
            None => quoted.write(budget, &text[offset..offset + width])?,
        }
        offset += width;
    }
    quoted.push(budget, mark)?;
    Ok(quoted)
}

/// How a character is written that does not stand for itself.
fn escape(c: char, mark: char, only_ascii: bool) -> Option<String> {
    Some(match c {
        '\\' => "\\\\".into(),
        c if c == mark => format!("\\{c}"),
        '\u{7}' => "\\a".into(),
        '\u{8}' => "\\b".into(),
        '\u{c}' => "\\f".into(),
        '\n' => "\\n".into(),
        '\r' => "\\r".into(),
        '\t' => "\\t".into(),
        '\u{b}' => "\\v".into(),
        c if (c.is_ascii() || !only_ascii) && is_print(c) => return None,
        c if c < ' ' || c == '\u{7f}' => format!("\\x{:02x}", u32::from(c)),
        c if c <= '\u{ffff}' => format!("\\u{:04x}", u32::from(c)),
        c => format!("\\U{:08x}", u32::from(c)),
    })
}

/// Whether the text can stand between backquotes as it is.
pub(crate) fn can_backquote(text: &[u8]) -> bool {
    runes(text).all(|(c, width)| {
        let is_control = c < ' ' && c != '\t';
        !is_broken((c, width)) && !is_control && !matches!(c, '\u{feff}' | '`' | '\u{7f}')
    })
}
