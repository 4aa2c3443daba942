//! Go's strings: bytes that are usually, but not always, UTF-8.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::{Arc, LazyLock};

use regex::Regex;
use zeroize::Zeroizing;

/// A Go string, which is wiped when nobody uses it any more: it may be secret.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Text(Arc<Zeroizing<Vec<u8>>>);

impl Text {
    /// The bytes of the block it stands in.
    pub(crate) fn capacity(&self) -> usize {
        self.0.capacity()
    }
}

impl Deref for Text {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

// The orders and hashes of a text are those of its bytes, so that maps find it by them.
impl Borrow<[u8]> for Text {
    fn borrow(&self) -> &[u8] {
        self
    }
}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(&**other)
    }
}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl From<Zeroizing<Vec<u8>>> for Text {
    fn from(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(Arc::new(bytes))
    }
}

impl From<Zeroizing<String>> for Text {
    fn from(mut text: Zeroizing<String>) -> Self {
        Self::from(std::mem::take(&mut *text).into_bytes())
    }
}

impl From<Vec<u8>> for Text {
    fn from(bytes: Vec<u8>) -> Self {
        Self::from(Zeroizing::new(bytes))
    }
}

impl From<&[u8]> for Text {
    fn from(bytes: &[u8]) -> Self {
        Self::from(bytes.to_vec())
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::from(text.as_bytes())
    }
}

/// The first character and its width; a byte that is not UTF-8 counts as U+FFFD of width one.
pub(crate) fn decode(bytes: &[u8]) -> Option<(char, usize)> {
    let first = *bytes.first()?;
    if first < 0x80 {
        return Some((char::from(first), 1));
    }
    for width in 2..=bytes.len().min(4) {
        if let Ok(text) = std::str::from_utf8(&bytes[..width]) {
            return text.chars().next().map(|c| (c, width));
        }
    }
    Some((char::REPLACEMENT_CHARACTER, 1))
}

/// Whether the character that [`decode`] gave stands for a byte that is not UTF-8.
pub(crate) fn is_broken(decoded: (char, usize)) -> bool {
    decoded == (char::REPLACEMENT_CHARACTER, 1)
}

/// The characters with their widths.
pub(crate) fn runes(bytes: &[u8]) -> impl Iterator<Item = (char, usize)> + '_ {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (c, width) = decode(rest)?;
        rest = &rest[width..];
        Some((c, width))
    })
}

/// The characters alone.
pub(crate) fn chars(bytes: &[u8]) -> impl Iterator<Item = char> + '_ {
    runes(bytes).map(|(c, _)| c)
}

/// Whether the character is white space to Go.
pub(crate) fn is_space(c: char) -> bool {
    matches!(c, '\t'..='\r' | ' ' | '\u{85}' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}'
        | '\u{2028}' | '\u{2029}' | '\u{202f}' | '\u{205f}' | '\u{3000}')
}

/// Whether the character is a letter: category L.
pub(crate) fn is_letter(c: char) -> bool {
    static LETTER: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^\pL").ok());
    if c.is_ascii() {
        c.is_ascii_alphabetic()
    } else {
        matches_class(&LETTER, c)
    }
}

/// Whether the character is a decimal digit: category Nd.
pub(crate) fn is_digit(c: char) -> bool {
    static DIGIT: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^\p{Nd}").ok());
    if c.is_ascii() {
        c.is_ascii_digit()
    } else {
        matches_class(&DIGIT, c)
    }
}

/// Whether the character is a number: category N.
pub(crate) fn is_number(c: char) -> bool {
    static NUMBER: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^\pN").ok());
    if c.is_ascii() {
        c.is_ascii_digit()
    } else {
        matches_class(&NUMBER, c)
    }
}

/// Whether Go prints the character as it is: letters, marks, numbers, punctuation, symbols, and space.
pub(crate) fn is_print(c: char) -> bool {
    static PRINT: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^[\pL\pM\pN\pP\pS]").ok());
    if c.is_ascii() {
        matches!(c, ' '..='~')
    } else {
        matches_class(&PRINT, c)
    }
}

fn matches_class(class: &LazyLock<Option<Regex>>, c: char) -> bool {
    (**class)
        .as_ref()
        .is_some_and(|class| class.is_match(c.encode_utf8(&mut [0; 4])))
}

/// One character in upper case, by Unicode's simple mapping.
pub(crate) fn to_upper(c: char) -> char {
    let mut upper = c.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(upper), None) => upper,
        _ => match c {
            '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}' => {
                shifted(c, 8)
            }
            '\u{1fb3}' | '\u{1fc3}' | '\u{1ff3}' => shifted(c, 9),
            _ => c,
        },
    }
}

/// One character in lower case, by Unicode's simple mapping.
pub(crate) fn to_lower(c: char) -> char {
    c.to_lowercase().next().unwrap_or(c)
}

/// One character in title case.
pub(crate) fn to_title(c: char) -> char {
    match c {
        '\u{1c4}'..='\u{1c6}' => '\u{1c5}',
        '\u{1c7}'..='\u{1c9}' => '\u{1c8}',
        '\u{1ca}'..='\u{1cc}' => '\u{1cb}',
        '\u{1f1}'..='\u{1f3}' => '\u{1f2}',
        '\u{10d0}'..='\u{10fa}' | '\u{10fd}'..='\u{10ff}' => c,
        _ => to_upper(c),
    }
}

fn shifted(c: char, by: u32) -> char {
    char::from_u32(u32::from(c) + by).unwrap_or(c)
}

/// The offset of a part within a text.
pub(crate) fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    if part.is_empty() {
        return Some(0);
    }
    memchr::memmem::find(text, part)
}

/// The text without white space at its ends.
pub(crate) fn trim_space(text: &[u8]) -> &[u8] {
    trim_end_by(trim_start_by(text, is_space), is_space)
}

/// The text without leading characters of a kind.
pub(crate) fn trim_start_by(mut text: &[u8], is_cut: impl Fn(char) -> bool) -> &[u8] {
    while let Some((c, width)) = decode(text) {
        if !is_cut(c) {
            break;
        }
        text = &text[width..];
    }
    text
}

/// The text without trailing characters of a kind.
pub(crate) fn trim_end_by(mut text: &[u8], is_cut: impl Fn(char) -> bool) -> &[u8] {
    while let Some((c, width)) = decode_last(text) {
        if !is_cut(c) {
            break;
        }
        text = &text[..text.len() - width];
    }
    text
}

/// The last character and its width.
fn decode_last(bytes: &[u8]) -> Option<(char, usize)> {
    for width in 1..=bytes.len().min(4) {
        if let Ok(text) = std::str::from_utf8(&bytes[bytes.len() - width..]) {
            return text.chars().next().map(|c| (c, width));
        }
    }
    (!bytes.is_empty()).then_some((char::REPLACEMENT_CHARACTER, 1))
}

/// Whether the character is an upper-case letter: category Lu.
pub(crate) fn is_upper(c: char) -> bool {
    static UPPER: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^\p{Lu}").ok());
    if c.is_ascii() {
        c.is_ascii_uppercase()
    } else {
        matches_class(&UPPER, c)
    }
}

/// Whether the character is punctuation: category P.
pub(crate) fn is_punct(c: char) -> bool {
    static PUNCT: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^\pP").ok());
    if c.is_ascii() {
        c.is_ascii_punctuation() && !matches!(c, '$' | '+' | '<'..='>' | '^' | '`' | '|' | '~')
    } else {
        matches_class(&PUNCT, c)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_ascii_as_unicode_does() {
        let is = |class: &str, c: char| Regex::new(class).unwrap().is_match(&c.to_string());
        for c in '\0'..='\x7f' {
            assert_eq!(is_punct(c), is(r"\pP", c), "{c:?}");
            assert_eq!(is_letter(c), is(r"\pL", c), "{c:?}");
            assert_eq!(is_number(c), is(r"\pN", c), "{c:?}");
            assert_eq!(is_upper(c), is(r"\p{Lu}", c), "{c:?}");
        }
    }
}
