//! All objects, and what happened to them: one counter, one mutex, and a history that watches and old
//! pages are read from. Whatever is written is written here.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tokio::sync::watch;

use crate::resource::Key;

/// How many changes, and roughly how many bytes of objects, a watch may lag behind before it is told to
/// start again.
const HISTORY: usize = 20_000;
const HISTORY_WEIGHT: usize = 256 * 1024 * 1024;

/// Namespace (empty if there is none) and name.
pub(crate) type Place = (String, String);

pub(crate) struct Store {
    state: Mutex<State>,
}

#[derive(Default)]
pub(crate) struct State {
    version: u64,
    /// Changes up to this version are forgotten.
    compacted: u64,
    objects: HashMap<Key, BTreeMap<Place, Arc<Value>>>,
    history: VecDeque<Arc<Change>>,
    weight: usize,
    /// Tells the version. It goes with the state: who waits for more learns that there are none.
    newest: watch::Sender<u64>,
}

/// One write.
pub(crate) struct Change {
    pub(crate) version: u64,
    pub(crate) key: Key,
    pub(crate) place: Place,
    pub(crate) before: Option<Arc<Value>>,
    /// The object as written or, once deleted, as it was last, with the version of its deletion.
    pub(crate) object: Arc<Value>,
    pub(crate) deleted: bool,
    weight: usize,
}

/// Asked for a version older than the history; the oldest that is still known.
#[derive(Debug)]
pub(crate) struct Forgotten {
    pub(crate) oldest: u64,
}

impl Store {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::new(State::new()),
        }
    }

    /// Runs `work` alone on the state, then wakes whoever waits for its changes.
    pub(crate) fn transact<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let result = work(&mut state);
        let version = state.version;
        state.newest.send_if_modified(|newest| {
            let grown = version > *newest;
            *newest = version;
            grown
        });
        result
    }

    pub(crate) fn get(&self, key: &Key, place: &Place) -> Option<Arc<Value>> {
        self.transact(|state| state.get(key, place))
    }

    /// Tells the newest version, now and whenever it grows, until everything is forgotten.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.transact(|state| state.newest.subscribe())
    }

    /// Forgets everything, as if nothing had ever been.
    pub(crate) fn start_over(&self) {
        self.transact(|state| *state = State::new());
    }
}

impl State {
    fn new() -> Self {
        Self {
            version: 1, // never 0: in a request that stands for "any"
            ..Self::default()
        }
    }

    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn get(&self, key: &Key, place: &Place) -> Option<Arc<Value>> {
        self.objects.get(key)?.get(place).cloned()
    }

    /// Every object of a resource, by namespace and name.
    pub(crate) fn all(&self, key: &Key) -> impl Iterator<Item = (&Place, &Arc<Value>)> {
        self.objects.get(key).into_iter().flatten()
    }

    pub(crate) fn keys(&self) -> Vec<Key> {
        self.objects
            .iter()
            .filter(|(_, objects)| !objects.is_empty())
            .map(|(key, _)| key.clone())
            .collect()
    }

    /// Writes an object under a new version, unless that would change nothing.
    pub(crate) fn put(&mut self, key: &Key, place: &Place, mut object: Value) -> Arc<Value> {
        if let Some(before) = self.get(key, place) {
            stamp(&mut object, before["metadata"]["resourceVersion"].clone());
            if object == *before {
                return before;
            }
        }
        self.write(key, place, object)
    }

    /// Writes an object under a new version.
    pub(crate) fn write(&mut self, key: &Key, place: &Place, mut object: Value) -> Arc<Value> {
        let before = self.get(key, place);
        self.version += 1;
        stamp(&mut object, self.version.to_string().into());
        let object = Arc::new(object);
        self.objects
            .entry(key.clone())
            .or_default()
            .insert(place.clone(), object.clone());
        self.record(key, place, before, object.clone(), false);
        object
    }

    pub(crate) fn remove(&mut self, key: &Key, place: &Place) -> Option<Arc<Value>> {
        let before = self.objects.get_mut(key)?.remove(place)?;
        self.version += 1;
        let mut last = (*before).clone();
        stamp(&mut last, self.version.to_string().into());
        let last = Arc::new(last);
        self.record(key, place, Some(before), last.clone(), true);
        Some(last)
    }

    fn record(
        &mut self,
        key: &Key,
        place: &Place,
        before: Option<Arc<Value>>,
        object: Arc<Value>,
        deleted: bool,
    ) {
        let (key, place, version) = (key.clone(), place.clone(), self.version);
        let weight = weigh(&object);
        self.weight += weight;
        self.history.push_back(Arc::new(Change {
            version,
            key,
            place,
            before,
            object,
            deleted,
            weight,
        }));
        while self.history.len() > HISTORY || self.weight > HISTORY_WEIGHT {
            let Some(oldest) = self.history.pop_front() else {
                break;
            };
            self.weight -= oldest.weight;
            self.compacted = oldest.version;
        }
    }

    /// Makes as if the last change had not happened.
    pub(crate) fn forget_last(&mut self) {
        if let Some(last) = self.history.pop_back() {
            self.weight -= last.weight;
        }
    }

    pub(crate) fn compact(&mut self) {
        self.history.clear();
        self.weight = 0;
        self.compacted = self.version;
    }

    /// What happened after `version`, oldest first.
    pub(crate) fn changes_after(&self, version: u64) -> Result<Vec<Arc<Change>>, Forgotten> {
        if version < self.compacted {
            return Err(Forgotten {
                oldest: self.compacted,
            });
        }
        let first = self
            .history
            .partition_point(|change| change.version <= version);
        Ok(self.history.range(first..).cloned().collect())
    }

    /// The objects of a resource as they were at `version`.
    pub(crate) fn all_at(
        &self,
        key: &Key,
        version: u64,
    ) -> Result<BTreeMap<Place, Arc<Value>>, Forgotten> {
        let mut objects: BTreeMap<_, _> = self.objects.get(key).cloned().unwrap_or_default();
        for change in self
            .changes_after(version)?
            .iter()
            .rev()
            .filter(|change| change.key == *key)
        {
            match &change.before {
                Some(before) => objects.insert(change.place.clone(), before.clone()),
                None => objects.remove(&change.place),
            };
        }
        Ok(objects)
    }
}

/// About how much memory a value takes.
fn weigh(value: &Value) -> usize {
    const NODE: usize = 32;
    NODE + match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(weigh).sum(),
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| NODE + key.len() + weigh(value))
            .sum(),
        _ => 0,
    }
}

fn stamp(object: &mut Value, version: Value) {
    object["metadata"]["resourceVersion"] = version;
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn place(name: &str) -> Place {
        ("shop".to_owned(), name.to_owned())
    }

    fn put(state: &mut State, name: &str, value: &str) -> Arc<Value> {
        state.put(
            &Key::from("secrets"),
            &place(name),
            json!({"metadata": {"name": name}, "value": value}),
        )
    }

    #[test]
    fn a_write_that_changes_nothing_has_no_version() {
        let mut state = State::default();
        let first = put(&mut state, "a", "x");
        let second = put(&mut state, "a", "x");
        assert_eq!(first, second);
        assert_eq!(state.changes_after(0).unwrap().len(), 1);
    }

    #[test]
    fn an_old_version_is_rebuilt_from_history() {
        let (mut state, key) = (State::default(), Key::from("secrets"));
        put(&mut state, "a", "old");
        put(&mut state, "b", "old");
        let then = state.version();
        put(&mut state, "a", "new");
        state.remove(&key, &place("b"));
        put(&mut state, "c", "new");
        let before = state.all_at(&key, then).unwrap();
        assert_eq!(
            before
                .keys()
                .map(|(_, name)| name.as_str())
                .collect::<Vec<_>>(),
            ["a", "b"]
        );
        assert_eq!(before[&place("a")]["value"], "old");
    }

    #[test]
    fn history_forgets_what_weighs_too_much() {
        let mut state = State::default();
        let large = "x".repeat(HISTORY_WEIGHT / 2);
        put(&mut state, "a", &large);
        put(&mut state, "b", &large);
        assert!(state.changes_after(0).is_err());
        assert_eq!(
            state.changes_after(1).ok().map(|changes| changes.len()),
            Some(1)
        );
    }

    #[test]
    fn compacted_versions_are_forgotten() {
        let mut state = State::default();
        put(&mut state, "a", "x");
        put(&mut state, "a", "y");
        state.compact();
        assert_eq!(state.changes_after(1).err().unwrap().oldest, 2);
        assert!(state.changes_after(2).unwrap().is_empty());
    }
}
