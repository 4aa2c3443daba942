//! Names, files and answers on a terminal or in a log: what moves a cursor, colours or hides text, begins
//! a line or turns its direction is printed as Go would write it in quotes, and does nothing.

use std::borrow::Cow;
use std::fmt::Write;

/// One line that does nothing but stand there.
pub(crate) fn printable(line: &str) -> Cow<'_, str> {
    if !line.chars().any(acts) {
        return Cow::Borrowed(line);
    }
    let mut printed = String::with_capacity(line.len() + 8);
    for letter in line.chars() {
        // Writing to a String cannot fail.
        let _ = match letter {
            '\n' => printed.write_str("\\n"),
            '\r' => printed.write_str("\\r"),
            '\t' => printed.write_str("\\t"),
            _ if !acts(letter) => printed.write_char(letter),
            ..='\x7f' => write!(printed, "\\x{:02x}", u32::from(letter)),
            _ => write!(printed, "\\u{:04x}", u32::from(letter)),
        };
    }
    Cow::Owned(printed)
}

/// Control characters (the old ones and those of 8 bits), other line ends, and what turns the direction
/// of the text around it.
fn acts(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn does_nothing_to_a_terminal() {
        for (line, printed) in [
            ("db: größer 🍐 \\n", "db: größer 🍐 \\n"),
            ("a\u{1b}[2Jb", "a\\x1b[2Jb"),
            ("a\r\nerror: b\tc", "a\\r\\nerror: b\\tc"),
            ("\u{9b}1m\u{7f}\0", "\\u009b1m\\x7f\\x00"),
            (
                "\u{202e}cod.txe\u{2066}\u{200f}",
                "\\u202ecod.txe\\u2066\\u200f",
            ),
            ("a\u{2028}b\u{85}c\u{feff}", "a\\u2028b\\u0085c\\ufeff"),
        ] {
            assert_eq!(printable(line), printed);
        }
    }
}
