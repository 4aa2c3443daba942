//! Quoted texts, as Go's strconv writes them.

use crate::text::{is_broken, is_print, runes};

/// The text between quotes, with whatever cannot be printed escaped.
pub(crate) fn quote(text: &[u8], mark: char, only_ascii: bool) -> Vec<u8> {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push(mark);
    let mut offset = 0;
    for (c, width) in runes(text) {
        if is_broken((c, width)) {
            quoted.push_str(&format!("\\x{:02x}", text[offset]));
        } else {
            push_escaped(&mut quoted, c, mark, only_ascii);
        }
        offset += width;
    }
    quoted.push(mark);
    quoted.into_bytes()
}

fn push_escaped(quoted: &mut String, c: char, mark: char, only_ascii: bool) {
    match c {
        '\\' => quoted.push_str("\\\\"),
        c if c == mark => quoted.extend(['\\', c]),
        '\u{7}' => quoted.push_str("\\a"),
        '\u{8}' => quoted.push_str("\\b"),
        '\u{c}' => quoted.push_str("\\f"),
        '\n' => quoted.push_str("\\n"),
        '\r' => quoted.push_str("\\r"),
        '\t' => quoted.push_str("\\t"),
        '\u{b}' => quoted.push_str("\\v"),
        c if (c.is_ascii() || !only_ascii) && is_print(c) => quoted.push(c),
        c if c < ' ' || c == '\u{7f}' => quoted.push_str(&format!("\\x{:02x}", u32::from(c))),
        c if c <= '\u{ffff}' => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
        c => quoted.push_str(&format!("\\U{:08x}", u32::from(c))),
    }
}

/// Whether the text can stand between backquotes as it is.
pub(crate) fn can_backquote(text: &[u8]) -> bool {
    runes(text).all(|(c, width)| {
        let is_control = c < ' ' && c != '\t';
        !is_broken((c, width)) && !is_control && !matches!(c, '\u{feff}' | '`' | '\u{7f}')
    })
}
