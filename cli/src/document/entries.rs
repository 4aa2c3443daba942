//! The entries of a map, in which a later one replaces an earlier one.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Content, Entry, Error, Node, Origin};

/// The entries of a map and, once they are many, the index of each key among them.
#[derive(Default)]
pub(super) struct Entries {
    pub(super) list: Vec<Entry>,
    indices: HashMap<String, usize>,
}

/// Up to so many entries are looked through, which is faster than a table of them.
const FEW: usize = 8;

impl Entries {
    /// Adds an entry, or replaces one, as Go does; says whether it did replace one.
    pub(super) fn insert(&mut self, entry: Entry) -> bool {
        let known = entry.key.scalar().and_then(|key| self.index(&key.text));
        if let Some(index) = known {
            self.list[index] = entry;
            return true;
        }
        self.list.push(entry);
        match self.list.len() {
            ..=FEW => {}
            count if count == FEW + 1 => self.note_indices(0),
            count => self.note_indices(count - 1),
        }
        false
    }

    fn index(&self, key: &str) -> Option<usize> {
        if self.list.len() > FEW {
            return self.indices.get(key).copied();
        }
        let is_it = |entry: &Entry| entry.key.scalar().is_some_and(|found| *found.text == key);
        self.list.iter().position(is_it)
    }

    fn note_indices(&mut self, from: usize) {
        for (index, entry) in self.list.iter().enumerate().skip(from) {
            if let Some(key) = entry.key.scalar() {
                self.indices.insert(key.text.to_string(), index);
            }
        }
    }

    /// Adds what a merge key (`<<`) brings and nobody else has set.
    pub(super) fn merge(&mut self, source: &Node, document: usize) -> Result<(), Error> {
        match &source.content {
            Content::Map(map) => {
                for Entry { key, value, .. } in &map.entries {
                    if self.index(key.text()).is_none() {
                        self.insert(Entry {
                            key: Arc::clone(key),
                            value: Arc::clone(value),
                            origin: Origin::Merged,
                        });
                    }
                }
                Ok(())
            }
            Content::List(sources) => sources
                .iter()
                .try_for_each(|source| self.merge(source, document)),
            Content::Scalar(_) => Err(Error::Unsupported {
                document,
                line: source.line,
                what: "a merge key (`<<`) needs a mapping",
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::document;

    #[test]
    fn finds_a_key_among_few_and_among_many() {
        for count in [2, 7, 8, 9, 10, 500] {
            let keys = (0..count).map(|key| format!("k{key}: old\n? [not, a, text]\n: old\n"));
            let keys: String = keys.collect();
            let text =
                format!("{keys}? [not, a, text]\n: old\nk1: new\n<<: {{k0: merged, m: merged}}\n");
            let (documents, duplicates) =
                document::read(&text).unwrap_or_else(|error| panic!("{error}"));
            let map = documents[0].root.as_map().unwrap();
            let value = |key| map.get(key).unwrap().text();
            assert_eq!((duplicates.len(), map.entries.len()), (1, 2 * count + 2));
            assert_eq!(
                [value("k0"), value("k1"), value("m")],
                ["old", "new", "merged"]
            );
        }
    }
}
