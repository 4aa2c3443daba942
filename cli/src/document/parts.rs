//! A long stream of YAML in parts that can be read at the same time: each begins with `---`, which
//! at the beginning of a line is nothing else than the beginning of a document.

use std::ops::Range;

/// Below this size a second thread costs more than it saves.
const SMALL: usize = 16 << 10;

/// Some documents of a stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) place: Range<usize>,
    /// So many lines stand before it.
    pub(super) line: usize,
    /// So many documents begin before it.
    pub(super) document: usize,
}

/// Some parts for each core, since one may be slower than another; one alone where the text is
/// short or anything in it may make its documents depend on each other.
pub(super) fn of(text: &str, cores: usize) -> Vec<Part> {
    split(text, cores, SMALL)
}

fn split(text: &str, cores: usize, small: usize) -> Vec<Part> {
    let mut parts = vec![Part {
        place: 0..text.len(),
        line: 0,
        document: 0,
    }];
    let size = (text.len() / (4 * cores.max(1))).max(small);
    if cores < 2 || text.len() < 2 * small {
        return parts;
    }
    let has_returns = text.contains('\r');
    let ends_line = |byte: &u8| *byte == b'\n';
    let (mut place, mut documents) = (0, 0);
    for (line, content) in text.as_bytes().split_inclusive(ends_line).enumerate() {
        let is_odd = content.starts_with(b"%") || content.starts_with(b"...");
        if is_odd || has_returns && has_inner_return(content) {
            parts.truncate(1);
            break;
        }
        let begins = content.strip_prefix(b"---");
        if begins
            .is_some_and(|rest| matches!(rest.first(), None | Some(b' ' | b'\t' | b'\r' | b'\n')))
        {
            if let Some(last) = parts
                .last_mut()
                .filter(|last| place >= last.place.start + size)
            {
                last.place.end = place;
                parts.push(Part {
                    place: place..0,
                    line,
                    document: documents,
                });
            }
            documents += 1;
        } else if documents == 0 && !content.trim_ascii().is_empty() && !content.starts_with(b"#") {
            documents = 1; // it needs no marker
        }
        place += content.len();
    }
    if let Some(last) = parts.last_mut() {
        last.place.end = text.len();
    }
    parts
}

/// Whether a line holds a carriage return that does not end it.
fn has_inner_return(line: &[u8]) -> bool {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line).contains(&b'\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(place: Range<usize>, line: usize, document: usize) -> Part {
        Part {
            place,
            line,
            document,
        }
    }

    #[test]
    fn begin_where_documents_begin() {
        let text = "a: 1\n--- # b\nb: 2\n---\nc: 3\n";
        let parts = [part(0..5, 0, 0), part(5..18, 1, 1), part(18..27, 3, 2)];
        assert_eq!(split(text, 9, 1), parts);
        let text = "# only a comment\n---\r\na: 1\r\n---\r\nb: ----\r\n";
        let parts = [part(0..17, 0, 0), part(17..28, 1, 0), part(28..42, 3, 1)];
        assert_eq!(split(text, 9, 1), parts);
    }

    #[test]
    fn are_one_where_documents_may_depend_on_each_other() {
        for text in [
            "a: 1\n---\n%YAML 1.2\n---\nb: 2\n",
            "a: 1\n---\nb: 2\n...\nc: 3\n",
            "a: 1\n---\nb: 2\rc: 3\n---\nd: 4\n",
            "a: |\n  1\n ---\n---b: 2\n",
        ] {
            assert_eq!(split(text, 9, 1), [part(0..text.len(), 0, 0)], "{text}");
        }
        assert_eq!(of("a: 1\n---\nb: 2\n", 4).len(), 1);
    }
}
