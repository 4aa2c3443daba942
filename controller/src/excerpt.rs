//! As much of a text as there is room for. What a tenant writes may be long, and holds what it likes; each
//! place where it is told has its bound.

use std::fmt::{self, Display, Write};

/// Of a message, in a condition.
pub(crate) const STATUS: usize = 4 << 10;
/// Of a message, in an Event; the API server refuses more.
pub(crate) const EVENT: usize = 1 << 10;
/// Of a whole line, in the log.
pub(crate) const LINE: usize = 8 << 10;

/// The text of something, in so many bytes, and no character in it that a terminal would obey. Equal texts
/// stay equal.
pub(crate) fn excerpt(of: &impl Display, most: usize) -> String {
    let mut excerpt = Excerpt::within(most);
    // Nothing here fails; a text that breaks off has said what it could.
    _ = write!(Harmless(&mut excerpt), "{of}");
    excerpt.cut(most, char::len_utf8)
}

/// Keeps the beginning of what is written to it, and counts the rest.
pub(crate) struct Excerpt {
    kept: String,
    most: usize,
    length: usize,
}

impl Excerpt {
    pub(crate) fn within(most: usize) -> Self {
        Self {
            kept: String::new(),
            most,
            length: 0,
        }
    }

    /// How much room all of it would take.
    pub(crate) fn width(&self, of_char: impl Fn(char) -> usize) -> usize {
        let left_out = self.length - self.kept.len();
        self.kept.chars().map(of_char).sum::<usize>() + left_out
    }

    /// The text where there is room for it, or its beginning and how much was left out.
    pub(crate) fn cut(&self, room: usize, of_char: impl Fn(char) -> usize) -> String {
        if self.width(&of_char) <= room {
            return self.kept.clone();
        }
        let left_out = |bytes: usize| format!("… (and {bytes} bytes more)");
        let mut room = room.saturating_sub(left_out(self.length).len());
        let fits = |char: &char| match room.checked_sub(of_char(*char)) {
            Some(left) => {
                room = left;
                true
            }
            None => false,
        };
        let kept: String = self.kept.chars().take_while(fits).collect();
        let rest = left_out(self.length - kept.len());
        kept + &rest
    }
}

impl Write for Excerpt {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // Once something is left out, everything after it is.
        if self.kept.len() == self.length {
            let room = self.most - self.kept.len();
            self.kept += &text[..text.floor_char_boundary(room)];
        }
        self.length += text.len();
        Ok(())
    }
}

/// Passes on what is written to it, with escapes for what a terminal would obey. Lines stay lines.
struct Harmless<W>(W);

impl<W: Write> Write for Harmless<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let is_obeyed = |char: char| char != '\n' && is_obeyed(char);
        for piece in text.split_inclusive(is_obeyed) {
            match piece.chars().next_back().filter(|last| is_obeyed(*last)) {
                Some(last) => {
                    self.0.write_str(&piece[..piece.len() - last.len_utf8()])?;
                    write!(self.0, "\\u{:04x}", u32::from(last))?;
                }
                None => self.0.write_str(piece)?,
            }
        }
        Ok(())
    }
}

/// Whether a terminal, or whatever shows a text, may take a character for more than a sign: controls, and
/// those that turn the direction of writing or end a line unseen.
pub(crate) fn is_obeyed(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_a_short_text_as_it_is() {
        assert_eq!(excerpt(&"one\ntwo", 7), "one\ntwo");
        assert_eq!(excerpt(&"", 7), "");
    }

    #[test]
    fn keeps_within_its_bound_and_says_how_much_it_left_out() {
        let text = "ä".repeat(5000);
        let told = excerpt(&text, 1000);
        let (kept, rest) = told.split_once('…').unwrap();
        assert!(told.len() <= 1000 && told.len() >= 990, "{}", told.len());
        assert!(text.starts_with(kept));
        assert_eq!(rest, format!(" (and {} bytes more)", 10_000 - kept.len()));
        assert_eq!(told, excerpt(&text, 1000));
    }

    #[test]
    fn keeps_no_more_of_a_long_text_than_is_told() {
        let mut excerpt = Excerpt::within(100);
        for _ in 0..10_000 {
            excerpt.write_str("a longer text, piece by piece").unwrap();
        }
        assert!(excerpt.kept.capacity() <= 200);
        assert_eq!(excerpt.length, 290_000);
    }

    #[test]
    fn leaves_out_everything_behind_the_first_that_does_not_fit() {
        let mut excerpt = Excerpt::within(4);
        for piece in ["abc", "de", "f"] {
            excerpt.write_str(piece).unwrap();
        }
        assert_eq!(excerpt.kept, "abcd");
        let mut excerpt = Excerpt::within(4);
        for piece in ["abc", "ä", "f"] {
            excerpt.write_str(piece).unwrap();
        }
        assert_eq!(excerpt.kept, "abc");
    }

    #[test]
    fn tells_no_character_that_a_terminal_obeys() {
        let text = "a\u{1b}[2J\r\u{7f}\u{9b}b\u{202e}c\nd";
        let harmless = "a\\u001b[2J\\u000d\\u007f\\u009bb\\u202ec\nd";
        assert_eq!(excerpt(&text, 100), harmless);
    }

    #[test]
    fn counts_what_it_escapes_by_the_room_that_it_takes() {
        let told = excerpt(&"\u{1b}".repeat(1000), 100);
        assert!(told.len() <= 100, "{}", told.len());
    }
}
