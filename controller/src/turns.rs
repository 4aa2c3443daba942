//! Who waits: the namespaces in turn, and first come, first served within one.

use std::collections::{BTreeMap, HashMap};

use crate::namespaced_name::NamespacedName;

/// Objects that wait. However many there are, none is looked for among the others.
#[derive(Default)]
pub(crate) struct Turns {
    lines: HashMap<String, Line>,
    /// The namespaces with a line, by the number of their turn.
    order: BTreeMap<u64, String>,
    waiting: usize,
}

/// The names of one namespace, by their numbers.
struct Line {
    turn: u64,
    names: BTreeMap<u64, String>,
}

impl Turns {
    /// Lets an object wait. Its number is greater than all before.
    pub(crate) fn add(&mut self, number: u64, key: &NamespacedName) {
        let line = self.lines.entry(key.namespace.clone());
        let line = line.or_insert_with(|| {
            self.order.insert(number, key.namespace.clone());
            Line {
                turn: number,
                names: BTreeMap::new(),
            }
        });
        line.names.insert(number, key.name.clone());
        self.waiting += 1;
    }

    /// Lets the object with this number wait no more.
    pub(crate) fn remove(&mut self, number: u64, namespace: &str) {
        let Some(line) = self.lines.get_mut(namespace) else {
            return;
        };
        if line.names.remove(&number).is_some() {
            self.waiting -= 1;
        }
        if line.names.is_empty() {
            self.order.remove(&line.turn);
            self.lines.remove(namespace);
        }
    }

    /// The next object of the first namespace that may have one; the namespace's next turn has this number.
    pub(crate) fn next(
        &mut self,
        number: u64,
        may: impl Fn(&str) -> bool,
    ) -> Option<NamespacedName> {
        let (turn, namespace) = self.order.iter().find(|(_, namespace)| may(namespace))?;
        let (turn, namespace) = (*turn, namespace.clone());
        self.order.remove(&turn);
        let line = self.lines.get_mut(&namespace)?;
        let (_, name) = line.names.pop_first()?;
        self.waiting -= 1;
        if line.names.is_empty() {
            self.lines.remove(&namespace);
        } else {
            line.turn = number;
            self.order.insert(number, namespace.clone());
        }
        Some(NamespacedName { namespace, name })
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(keys: &[(&str, &str)]) -> Turns {
        let mut turns = Turns::default();
        for (number, (namespace, name)) in (1..).zip(keys) {
            turns.add(number, &key(namespace, name));
        }
        turns
    }

    fn key(namespace: &str, name: &str) -> NamespacedName {
        NamespacedName {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    fn all(mut turns: Turns, may: impl Fn(&str) -> bool) -> Vec<String> {
        let next = |number| turns.next(number, &may).map(|key| key.to_string());
        (100..).map_while(next).collect()
    }

    #[test]
    fn the_namespaces_come_in_turn() {
        let keys = [("a", "1"), ("a", "2"), ("a", "3"), ("b", "1"), ("c", "1")];
        let turns = turns(&keys);
        assert_eq!(turns.len(), 5);
        assert_eq!(all(turns, |_| true), ["a/1", "b/1", "c/1", "a/2", "a/3"]);
    }

    #[test]
    fn a_namespace_that_may_not_keeps_its_turn() {
        let mut turns = turns(&[("a", "1"), ("b", "1"), ("b", "2"), ("a", "2")]);
        let next = turns.next(10, |namespace| namespace != "a");
        assert_eq!(next, Some(key("b", "1")));
        assert_eq!(all(turns, |_| true), ["a/1", "b/2", "a/2"]);
    }

    #[test]
    fn what_waits_no_more_leaves_nothing_behind() {
        let mut turns = turns(&[("a", "1"), ("b", "1"), ("a", "2")]);
        turns.remove(1, "a");
        turns.remove(2, "b");
        assert_eq!(
            (turns.len(), turns.lines.len(), turns.order.len()),
            (1, 1, 1)
        );
        assert_eq!(all(turns, |_| true), ["a/2"]);
    }
}
