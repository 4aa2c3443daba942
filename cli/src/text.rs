//! Bytes as text: UTF-8 or UTF-16, with or without a byte order mark, and back again.

use std::mem;

use zeroize::{Zeroize, Zeroizing};

/// How a text was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Utf8,
    Utf8WithMark,
    Utf16LittleEndian,
    Utf16BigEndian,
}

/// A text, without the mark that said how it was written; it may hold values.
pub(crate) struct Text {
    pub(crate) text: Zeroizing<String>,
    pub(crate) encoding: Encoding,
}

/// Bytes that are no text. PowerShell writes UTF-16, and not every program marks it as such.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    #[error("byte {0} is not UTF-8")]
    NotUtf8(usize),
    #[error("it begins as UTF-16, but is not")]
    NotUtf16,
    #[error("byte {0} is zero, so this is no text, or UTF-16 without a byte order mark")]
    Zero(usize),
}

const MARK: char = '\u{feff}';

impl Text {
    /// Takes the bytes, so that no copy of them is made.
    pub(crate) fn read(mut bytes: Zeroizing<Vec<u8>>) -> Result<Self, Error> {
        let (encoding, text) = match &bytes[..] {
            [0xff, 0xfe, rest @ ..] => (
                Encoding::Utf16LittleEndian,
                utf16(rest, u16::from_le_bytes)?,
            ),
            [0xfe, 0xff, rest @ ..] => (Encoding::Utf16BigEndian, utf16(rest, u16::from_be_bytes)?),
            _ if bytes.contains(&0) => {
                let before = bytes.iter().take_while(|byte| **byte != 0);
                return Err(Error::Zero(before.count()));
            }
            _ => {
                let text = String::from_utf8(mem::take(&mut *bytes)).map_err(|error| {
                    let good = error.utf8_error().valid_up_to();
                    error.into_bytes().zeroize();
                    Error::NotUtf8(good)
                })?;
                let mut text = Zeroizing::new(text);
                if text.starts_with(MARK) {
                    text.drain(..MARK.len_utf8());
                    (Encoding::Utf8WithMark, text)
                } else {
                    (Encoding::Utf8, text)
                }
            }
        };
        Ok(Self { text, encoding })
    }
}

impl Encoding {
    pub(crate) fn write(self, text: &str) -> Vec<u8> {
        let marked = || MARK.to_string() + text;
        match self {
            Self::Utf8 => text.as_bytes().to_vec(),
            Self::Utf8WithMark => marked().into_bytes(),
            Self::Utf16LittleEndian => marked().encode_utf16().flat_map(u16::to_le_bytes).collect(),
            Self::Utf16BigEndian => marked().encode_utf16().flat_map(u16::to_be_bytes).collect(),
        }
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<Zeroizing<String>, Error> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(Error::NotUtf16);
    }
    let units = pairs.iter().map(|pair| unit(*pair));
    let text: Result<String, _> = char::decode_utf16(units).collect();
    text.map(Zeroizing::new).map_err(|_| Error::NotUtf16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_every_encoding_back_as_it_was() {
        for bytes in [
            &b"a\r\n\xc3\xa4"[..],
            b"\xef\xbb\xbfa",
            b"\xff\xfea\0\r\0\n\0",
            b"\xfe\xff\0a",
            b"",
        ] {
            let read = Text::read(Zeroizing::new(bytes.to_vec())).unwrap();
            assert!(!read.text.starts_with(MARK));
            assert_eq!(read.encoding.write(&read.text), bytes);
        }
    }

    #[test]
    fn says_where_bytes_are_no_text() {
        let error = |bytes: &[u8]| Text::read(Zeroizing::new(bytes.to_vec())).err().unwrap();
        assert_eq!(error(b"ab\xff"), Error::NotUtf8(2));
        assert_eq!(error(b"\xff\xfea"), Error::NotUtf16);
        assert_eq!(error(b"\xff\xfe\x00\xd8"), Error::NotUtf16);
        assert_eq!(error(b"a\0b\0"), Error::Zero(1));
    }
}
