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

/// A part for each thread; one alone where the text is short or anything in it may make its
/// documents depend on each other.
pub(super) fn of(text: &str, threads: usize) -> Vec<Part> {
    split(text, threads, SMALL)
}

fn split(text: &str, threads: usize, small: usize) -> Vec<Part> {
    let mut parts = vec![Part {
        place: 0..text.len(),
        line: 0,
        document: 0,
    }];
    let size = (text.len() / threads.max(1)).max(small);
    if threads < 2 || text.len() < 2 * small {
        return parts;
    }
    let (mut place, mut documents) = (0, 0);
    for (line, content) in text.split_inclusive('\n').enumerate() {
        let is_odd = content.starts_with('%') || content.starts_with("...");
        let text = content.trim_end_matches('\n');
        if is_odd || text.strip_suffix('\r').unwrap_or(text).contains('\r') {
            parts.truncate(1);
            break;
        }
        let begins = content.strip_prefix("---");
        if begins.is_some_and(|rest| rest.starts_with([' ', '\t', '\r', '\n']) || rest.is_empty()) {
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
        } else if documents == 0 && !content.trim().is_empty() && !content.starts_with('#') {
            documents = 1; // it needs no marker
        }
        place += content.len();
    }
    if let Some(last) = parts.last_mut() {
        last.place.end = text.len();
    }
    parts
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
