//! Base64 as sealed values use it (RFC 4648 §4), read as leniently as Go reads it.

use ::base64::alphabet::STANDARD;
use ::base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use ::base64::{DecodeError, Engine};

// Go's decoder accepts non-zero bits behind the last byte, so values that carry them exist.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// A text that is not base64; `offset` is the byte where reading stopped, as Go counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("illegal base64 data at input byte {offset}")]
pub struct Error {
    /// Zero-based offset into the text, line breaks included.
    pub offset: usize,
}

/// Writes bytes in the standard alphabet, padded.
pub fn encode(bytes: &[u8]) -> String {
    LENIENT.encode(bytes)
}

/// Reads the standard alphabet with padding; carriage returns and line feeds are ignored.
pub fn decode(text: &str) -> Result<Vec<u8>, Error> {
    let is_break = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let compact: Vec<u8> = text.bytes().filter(|byte| !is_break(byte)).collect();
    LENIENT.decode(&compact).map_err(|error| {
        let compact_offset = match error {
            DecodeError::InvalidByte(offset, _) | DecodeError::InvalidLastSymbol { offset, .. } => {
                offset
            }
            DecodeError::InvalidLength(_) | DecodeError::InvalidPadding => compact.len() / 4 * 4,
        };
        let mut letters = text.bytes().enumerate().filter(|(_, byte)| !is_break(byte));
        Error {
            offset: letters
                .nth(compact_offset)
                .map_or(text.len(), |(offset, _)| offset),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignores_line_breaks_and_trailing_bits() {
        assert_eq!(decode("aGVs\r\nbG8=\n"), Ok(b"hello".to_vec()));
        assert_eq!(decode("aGVsbG9="), Ok(b"hello".to_vec()));
    }

    #[test]
    fn refuses_the_url_alphabet_and_missing_padding() {
        assert_eq!(decode("ab-_"), Err(Error { offset: 2 }));
        assert_eq!(decode("aGVsbG8"), Err(Error { offset: 4 }));
    }

    proptest::proptest! {
        #[test]
        fn reads_back_what_it_wrote(bytes: Vec<u8>) {
            assert_eq!(decode(&encode(&bytes)), Ok(bytes));
        }

        #[test]
        fn takes_any_text_without_a_panic(text: String) {
            if let Err(error) = decode(&text) {
                assert!(error.offset <= text.len());
            }
        }
    }

    #[test]
    fn counts_the_offset_as_go_does() {
        assert_eq!(decode("NOTVALIDBASE64"), Err(Error { offset: 12 }));
        assert_eq!(decode("ab\nc*"), Err(Error { offset: 4 }));
    }
}
