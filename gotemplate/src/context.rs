//! What functions work with: the budget, the world outside, and the values made so far.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use crate::budget::Budget;
use crate::date::Time;
use crate::environment::Environment;
use crate::error::Fault;
use crate::pattern::Pattern;
use crate::text::Text;
use crate::value::{Element, Entries, List, Map, Value};

/// What functions work with.
pub(crate) struct Context<'a> {
    pub(crate) budget: &'a mut Budget,
    environment: &'a Environment,
    /// Every map that was made. Maps can hold one another, even in circles; so they are emptied one by
    /// one at the end, which frees circles and keeps the depth of dropping small.
    maps: Vec<Entries>,
    patterns: HashMap<Text, Rc<Pattern>>,
}

/// An allocation's own size, roughly.
const OVERHEAD: usize = 32;
const MAP_ENTRY: usize = 96;
const CACHED_PATTERNS: usize = 16;

impl<'a> Context<'a> {
    pub(crate) fn new(budget: &'a mut Budget, environment: &'a Environment) -> Self {
        Self {
            budget,
            environment,
            maps: Vec::new(),
            patterns: HashMap::new(),
        }
    }

    /// A text that is paid for.
    pub(crate) fn text(&mut self, bytes: impl Into<Text> + AsRef<[u8]>) -> Result<Value, Fault> {
        self.budget.allocate(bytes.as_ref().len() + OVERHEAD)?;
        Ok(Value::String(bytes.into()))
    }

    /// A `[]interface {}`.
    pub(crate) fn list(&mut self, elements: Vec<Value>) -> Result<Value, Fault> {
        self.list_of(Element::Any, elements)
    }

    /// A slice of any elements.
    pub(crate) fn list_of(
        &mut self,
        element: Element,
        elements: Vec<Value>,
    ) -> Result<Value, Fault> {
        self.pay_for_elements(elements.len())?;
        let list = List::new(element, Some(elements));
        self.budget.check_depth(list.depth())?;
        Ok(Value::List(Rc::new(list)))
    }

    /// A slice that is nil.
    pub(crate) fn nil_list(element: Element) -> Value {
        Value::List(Rc::new(List::new(element, None)))
    }

    /// A `[]string` of parts of a text.
    pub(crate) fn strings<'t>(
        &mut self,
        parts: impl IntoIterator<Item = &'t [u8]>,
    ) -> Result<Value, Fault> {
        let mut elements = Vec::new();
        for part in parts {
            elements.push(self.text(part)?);
        }
        self.list_of(Element::String, elements)
    }

    /// Pays for a slice before it is filled.
    pub(crate) fn pay_for_elements(&mut self, count: usize) -> Result<(), Fault> {
        let bytes = count.saturating_mul(size_of::<Value>());
        self.budget.allocate(bytes.saturating_add(OVERHEAD))?;
        self.budget.spend(count as u64 / 4)
    }

    /// A `map[string]interface {}`.
    pub(crate) fn map(&mut self, entries: BTreeMap<Text, Value>) -> Result<Value, Fault> {
        self.budget
            .allocate(entries.len().saturating_mul(MAP_ENTRY) + OVERHEAD)?;
        let entries = Entries::new(entries.into());
        self.maps.push(entries.clone());
        Ok(Value::Map(Map(Some(entries))))
    }

    /// Puts an entry into a map; a nil map takes none.
    pub(crate) fn put(&mut self, map: &Map, key: Text, value: Value) -> Result<(), Fault> {
        self.budget.allocate(MAP_ENTRY)?;
        let entries = map.0.as_ref().ok_or(Fault::Failed)?;
        entries.borrow_mut().insert(key, value);
        Ok(())
    }

    /// The time outside.
    pub(crate) fn now(&self) -> Result<Time, Fault> {
        self.environment.now.map(Time::from).ok_or(Fault::Failed)
    }

    /// Fills a buffer with randomness.
    pub(crate) fn fill_random(&mut self, buffer: &mut [u8]) -> Result<(), Fault> {
        self.budget.spend(buffer.len() as u64 / 8)?;
        match self.environment.random {
            Some(fill) if fill(buffer) => Ok(()),
            _ => Err(Fault::Failed),
        }
    }

    /// A random number below a bound that is not zero, every one as likely as the other.
    pub(crate) fn random_below(&mut self, bound: u64) -> Result<u64, Fault> {
        let fair = u64::MAX - u64::MAX % bound;
        loop {
            let mut bytes = [0; 8];
            self.fill_random(&mut bytes)?;
            self.budget.spend(1)?;
            let number = u64::from_le_bytes(bytes);
            if number < fair {
                return Ok(number % bound);
            }
        }
    }

    /// A regular expression, compiled once.
    pub(crate) fn pattern(&mut self, source: &Text) -> Result<Rc<Pattern>, Fault> {
        if let Some(pattern) = self.patterns.get(source) {
            return Ok(pattern.clone());
        }
        self.budget.spend(1000 + 50 * source.len() as u64)?;
        let pattern = Rc::new(Pattern::parse(source, self.budget.nesting)?);
        if self.patterns.len() >= CACHED_PATTERNS {
            self.patterns.clear();
        }
        self.patterns.insert(source.clone(), pattern.clone());
        Ok(pattern)
    }
}

impl Drop for Context<'_> {
    fn drop(&mut self) {
        for map in &self.maps {
            map.take();
        }
    }
}
