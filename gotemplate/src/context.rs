//! What functions work with: the budget, the world outside, and the values made so far.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use zeroize::Zeroizing;

use crate::budget::Budget;
use crate::buffer::Buffer;
use crate::date::Time;
use crate::environment::Environment;
use crate::error::Fault;
use crate::fmt;
use crate::pattern::Pattern;
use crate::semver::Version;
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
    /// Why the last failure was one, where somebody wants to know. It may hold values.
    message: Option<Zeroizing<String>>,
    wants_messages: bool,
}

/// What a value takes beside its bytes or elements, counters and the allocator's part included.
pub(crate) const TEXT: usize = 80;
const LIST: usize = 144;
const MAP: usize = 480;
const TIME: usize = 96;
const VERSION: usize = 192;
/// An entry of a map whose nodes are not full.
const MAP_ENTRY: usize = 64;
const CACHED_PATTERNS: usize = 16;

impl<'a> Context<'a> {
    pub(crate) fn new(budget: &'a mut Budget, environment: &'a Environment) -> Self {
        Self {
            budget,
            environment,
            maps: Vec::new(),
            patterns: HashMap::new(),
            message: None,
            wants_messages: false,
        }
    }

    /// One that keeps the message of the last failure.
    pub(crate) fn explaining(budget: &'a mut Budget, environment: &'a Environment) -> Self {
        let mut context = Self::new(budget, environment);
        context.wants_messages = true;
        context
    }

    /// A failure with a message, which is made only where somebody wants to know.
    pub(crate) fn failed(&mut self, message: impl FnOnce() -> String) -> Fault {
        if self.wants_messages {
            self.message = Some(Zeroizing::new(message()));
        }
        Fault::Failed
    }

    /// A value in a message; nothing, where nobody wants to know.
    pub(crate) fn shown(&mut self, value: &Value) -> Zeroizing<String> {
        let text = match self.wants_messages {
            true => fmt::plain(self.budget, value).unwrap_or_default(),
            false => Text::default(),
        };
        Zeroizing::new(String::from_utf8_lossy(&text).into_owned())
    }

    /// What failed before does not explain what fails next.
    pub(crate) fn forget_message(&mut self) {
        self.message = None;
    }

    pub(crate) fn take_message(&mut self) -> Option<Zeroizing<String>> {
        self.message.take()
    }

    /// A text that is paid for.
    pub(crate) fn text(&mut self, bytes: &[u8]) -> Result<Value, Fault> {
        self.budget.allocate(TEXT + bytes.len())?;
        Ok(Value::String(bytes.into()))
    }

    /// A text that was made already; whoever made a long one has paid for it before.
    pub(crate) fn made(&mut self, text: impl Into<Text>) -> Result<Value, Fault> {
        let text = text.into();
        self.budget.allocate(TEXT + text.capacity())?;
        Ok(Value::String(text))
    }

    /// A text that was paid for as it grew.
    pub(crate) fn grown(&mut self, buffer: Buffer) -> Result<Value, Fault> {
        self.budget.allocate(TEXT)?;
        Ok(Value::String(buffer.into()))
    }

    /// A text made of parts.
    pub(crate) fn joined(&mut self, parts: &[&[u8]]) -> Result<Value, Fault> {
        let length = parts.iter().map(|part| part.len()).sum::<usize>();
        self.budget.allocate(TEXT + length)?;
        Ok(Value::String(parts.concat().into()))
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
            let part = self.text(part)?;
            self.budget.push(&mut elements, part)?;
        }
        self.list_of(Element::String, elements)
    }

    /// Pays for a slice before it is filled.
    pub(crate) fn pay_for_elements(&mut self, count: usize) -> Result<(), Fault> {
        let bytes = count.saturating_mul(size_of::<Value>());
        self.budget.allocate(bytes.saturating_add(LIST))?;
        self.budget.spend(count as u64 / 4)
    }

    /// A `map[string]interface {}`.
    pub(crate) fn map(&mut self, entries: BTreeMap<Text, Value>) -> Result<Value, Fault> {
        let bytes = entries.len().saturating_mul(MAP_ENTRY);
        self.budget.allocate(bytes.saturating_add(MAP))?;
        let entries = Entries::new(entries.into());
        self.maps.push(entries.clone());
        Ok(Value::Map(Map(Some(entries))))
    }

    /// Puts an entry into a map; a nil map takes none.
    pub(crate) fn put(&mut self, map: &Map, key: Text, value: Value) -> Result<(), Fault> {
        let Some(entries) = &map.0 else {
            return Err(self.failed(|| "assignment to entry in nil map".into()));
        };
        self.budget.allocate(MAP_ENTRY)?;
        entries.borrow_mut().insert(key, value);
        Ok(())
    }

    /// The entries of a map as they are now, paid for.
    pub(crate) fn entries(&mut self, map: &Map) -> Result<Vec<(Text, Value)>, Fault> {
        let bytes = map.len().saturating_mul(size_of::<(Text, Value)>());
        self.budget.allocate(bytes)?;
        for key in map.borrow().iter().flat_map(|entries| entries.keys()) {
            self.budget.spend(1 + key.len() as u64 / 16)?;
        }
        Ok(map.entries())
    }

    pub(crate) fn time(&mut self, time: Time) -> Result<Value, Fault> {
        self.budget.allocate(TIME)?;
        Ok(Value::Time(Rc::new(time)))
    }

    pub(crate) fn version(&mut self, version: Version) -> Result<Value, Fault> {
        self.budget.allocate(VERSION + 3 * version.original.len())?;
        Ok(Value::Version(Rc::new(version)))
    }

    /// The time outside.
    pub(crate) fn now(&mut self) -> Result<Time, Fault> {
        match self.environment.now {
            Some(now) => Ok(Time::from(now)),
            None => Err(self.failed(|| "there is no clock".into())),
        }
    }

    /// Fills a buffer with randomness.
    pub(crate) fn fill_random(&mut self, buffer: &mut [u8]) -> Result<(), Fault> {
        self.budget.spend(4 + buffer.len() as u64 / 8)?;
        match self.environment.random {
            Some(fill) if fill(buffer) => Ok(()),
            _ => Err(self.failed(|| "there is no randomness".into())),
        }
    }

    /// A random number below a bound that is not zero, every one as likely as the other.
    pub(crate) fn random_below(&mut self, bound: u64) -> Result<u64, Fault> {
        let fair = u64::MAX - u64::MAX % bound;
        loop {
            let mut bytes = [0; 8];
            self.fill_random(&mut bytes)?;
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
        let pattern = match Pattern::parse(source, self.budget) {
            Ok(pattern) => Rc::new(pattern),
            Err(Fault::Failed) => {
                let source = String::from_utf8_lossy(source);
                return Err(self.failed(|| format!("error parsing regexp: `{source}`")));
            }
            Err(fault) => return Err(fault),
        };
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
