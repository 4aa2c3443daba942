//! PEM (RFC 7468): the blocks of a text, and a block as text.

use pem::{EncodeConfig, LineEnding, Pem};
use zeroize::Zeroizing;

const BEGIN: &[u8] = b"-----BEGIN ";

/// The well-formed blocks of a text, in order; what is between them and what is malformed is skipped.
pub(crate) fn blocks(text: &[u8]) -> impl Iterator<Item = Pem> {
    let starts = text
        .windows(BEGIN.len())
        .enumerate()
        .filter(|(_, window)| *window == BEGIN);
    let starts: Vec<usize> = starts.map(|(start, _)| start).collect();
    let ends: Vec<usize> = starts.iter().skip(1).copied().chain([text.len()]).collect();
    starts
        .into_iter()
        .zip(ends)
        .filter_map(|(start, end)| pem::parse(&text[start..end]).ok())
}

/// One block with this tag; what it was made of is wiped.
pub(crate) fn encode(tag: &str, der: &[u8]) -> Zeroizing<String> {
    let block = Pem::new(tag, der);
    let config = EncodeConfig::new().set_line_ending(LineEnding::LF);
    let text = Zeroizing::new(pem::encode_config(&block, config));
    drop(Zeroizing::new(block.into_contents()));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skips_what_is_malformed_and_what_is_between() {
        let good = encode("A", b"one");
        let bad = "-----BEGIN B-----\n!!!\n-----END B-----\n-----BEGIN C-----\n";
        let text = format!("junk\n{bad}{}text{}", *good, *encode("D", b"two"));
        let found: Vec<_> = blocks(text.as_bytes())
            .map(|block| (block.tag().to_owned(), block.into_contents()))
            .collect();
        assert_eq!(
            found,
            [
                ("A".to_owned(), b"one".to_vec()),
                ("D".to_owned(), b"two".to_vec())
            ]
        );
    }
}
