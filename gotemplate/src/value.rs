//! The values that templates work with: Go's kinds, as far as a template can meet them.

use std::cell::{Ref, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use crate::date::Time;
use crate::semver::Version;
use crate::text::Text;

/// A Go value. It cannot be printed by Rust's means: it may be secret.
#[derive(Clone)]
pub(crate) enum Value {
    /// No value at all, as of a missing key.
    Missing,
    /// An interface that holds nothing.
    Nil,
    Bool(bool),
    Int(i64),
    Int64(i64),
    Uint8(u8),
    Uint64(u64),
    Float(f64),
    Complex(f64, f64),
    String(Text),
    List(Rc<List>),
    /// `map[string]interface {}`
    Map(Map),
    /// `map[string]string`
    Strings(Arc<BTreeMap<Text, Text>>),
    Time(Rc<Time>),
    /// `time.Duration`, in nanoseconds.
    Duration(i64),
    Month(u8),
    Weekday(u8),
    /// `*semver.Version`
    Version(Rc<Version>),
}

/// A slice: a view of elements that other slices may share.
pub(crate) struct List {
    pub(crate) element: Element,
    elements: Option<Rc<RefCell<Vec<Value>>>>,
    start: usize,
    end: usize,
    depth: usize,
}

/// What a slice is made of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Element {
    Any,
    String,
    Int,
    /// `[]interface {}`
    List,
}

/// The entries of a map that a template may change.
pub(crate) type Entries = Rc<RefCell<BTreeMap<Text, Value>>>;

/// A `map[string]interface {}`; one without entries is nil.
#[derive(Clone)]
pub(crate) struct Map(pub(crate) Option<Entries>);

impl Value {
    /// Go's name of the type, as `%T` prints it.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::Missing | Self::Nil => "<nil>",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Int64(_) => "int64",
            Self::Uint8(_) => "uint8",
            Self::Uint64(_) => "uint64",
            Self::Float(_) => "float64",
            Self::Complex(..) => "complex128",
            Self::String(_) => "string",
            Self::List(list) => match list.element {
                Element::Any => "[]interface {}",
                Element::String => "[]string",
                Element::Int => "[]int",
                Element::List => "[][]interface {}",
            },
            Self::Map(_) => "map[string]interface {}",
            Self::Strings(_) => "map[string]string",
            Self::Time(_) => "time.Time",
            Self::Duration(_) => "time.Duration",
            Self::Month(_) => "time.Month",
            Self::Weekday(_) => "time.Weekday",
            Self::Version(_) => "*semver.Version",
        }
    }

    /// Go's name of the kind.
    pub(crate) fn kind_name(&self) -> &'static str {
        match self {
            Self::Missing | Self::Nil => "invalid",
            Self::List(_) => "slice",
            Self::Map(_) | Self::Strings(_) => "map",
            Self::Time(_) => "struct",
            Self::Duration(_) => "int64",
            Self::Month(_) | Self::Weekday(_) => "int",
            Self::Version(_) => "ptr",
            _ => self.type_name(),
        }
    }

    /// Whether `if` takes it for true.
    pub(crate) fn is_true(&self) -> bool {
        match self {
            Self::Time(_) | Self::Version(_) => true,
            other => !other.is_empty(),
        }
    }

    /// Whether it is the empty value of its kind.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Missing | Self::Nil => true,
            Self::Bool(value) => !value,
            Self::Float(value) => *value == 0.0,
            Self::Complex(real, imaginary) => *real == 0.0 && *imaginary == 0.0,
            Self::String(text) => text.is_empty(),
            Self::List(list) => list.len() == 0,
            Self::Map(map) => map.len() == 0,
            Self::Strings(map) => map.is_empty(),
            Self::Time(_) | Self::Version(_) => false,
            Self::Int(_) | Self::Int64(_) | Self::Uint8(_) | Self::Uint64(_) => {
                self.integer() == Some(0)
            }
            Self::Duration(_) | Self::Month(_) | Self::Weekday(_) => self.integer() == Some(0),
        }
    }

    /// The value of any integer kind.
    pub(crate) fn integer(&self) -> Option<i128> {
        match self {
            Self::Int(value) | Self::Int64(value) | Self::Duration(value) => Some((*value).into()),
            Self::Uint8(value) | Self::Month(value) | Self::Weekday(value) => Some((*value).into()),
            Self::Uint64(value) => Some((*value).into()),
            _ => None,
        }
    }

    pub(crate) fn is_nil(&self) -> bool {
        matches!(self, Self::Missing | Self::Nil)
    }

    /// The value as something that an interface holds: no value becomes nil.
    pub(crate) fn or_nil(self) -> Self {
        match self {
            Self::Missing => Self::Nil,
            value => value,
        }
    }

    /// How many slices stand in one another; a map counts none, since a render empties its maps one by one.
    pub(crate) fn depth(&self) -> usize {
        match self {
            Self::List(list) => list.depth,
            _ => 0,
        }
    }
}

impl List {
    /// A slice of elements; no elements at all make a nil slice.
    pub(crate) fn new(element: Element, elements: Option<Vec<Value>>) -> Self {
        let deepest = match element {
            Element::Any | Element::List => elements
                .iter()
                .flatten()
                .map(Value::depth)
                .max()
                .unwrap_or(0),
            Element::String | Element::Int => 0,
        };
        Self {
            element,
            start: 0,
            end: elements.as_ref().map_or(0, Vec::len),
            depth: deepest + 1,
            elements: elements.map(|elements| Rc::new(RefCell::new(elements))),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.end - self.start
    }

    pub(crate) fn is_nil(&self) -> bool {
        self.elements.is_none()
    }

    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    pub(crate) fn get(&self, index: usize) -> Option<Value> {
        if index >= self.len() {
            return None;
        }
        let elements = self.elements.as_ref()?;
        elements.borrow().get(self.start + index).cloned()
    }

    /// The elements where they stand; as long as somebody looks, they cannot be sorted.
    pub(crate) fn elements(&self) -> Option<Ref<'_, [Value]>> {
        let elements = self.elements.as_ref()?.borrow();
        Some(Ref::map(elements, |elements| {
            &elements[self.start..self.end]
        }))
    }

    /// A view of the same elements from `start` up to `end`, which must lie within.
    pub(crate) fn slice(&self, start: usize, end: usize) -> Self {
        Self {
            element: self.element,
            elements: self.elements.clone(),
            start: self.start + start,
            end: self.start + end,
            depth: self.depth,
        }
    }

    /// Puts texts in the place of the elements, for everybody who shares them.
    pub(crate) fn replace(&self, texts: &[Text]) {
        if let Some(elements) = &self.elements {
            let mut elements = elements.borrow_mut();
            for (element, text) in elements[self.start..self.end].iter_mut().zip(texts) {
                *element = Value::String(text.clone());
            }
        }
    }

    /// Whether both are the same elements, not only equal ones.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (&self.elements, &other.elements) {
            (Some(a), Some(b)) => Rc::ptr_eq(a, b) && self.start == other.start,
            _ => false,
        }
    }
}

impl Map {
    pub(crate) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |entries| entries.borrow().len())
    }

    pub(crate) fn is_nil(&self) -> bool {
        self.0.is_none()
    }

    pub(crate) fn get(&self, key: &[u8]) -> Option<Value> {
        self.0.as_ref()?.borrow().get(key).cloned()
    }

    /// The entries where they stand; as long as somebody looks, they cannot change.
    pub(crate) fn borrow(&self) -> Option<Ref<'_, BTreeMap<Text, Value>>> {
        self.0.as_ref().map(|entries| entries.borrow())
    }

    /// The entries in the order of their keys.
    pub(crate) fn entries(&self) -> Vec<(Text, Value)> {
        let entries = self.borrow();
        let entries = entries.iter().flat_map(|entries| entries.iter());
        entries.map(|(k, v)| (k.clone(), v.clone())).collect()
    }
}
