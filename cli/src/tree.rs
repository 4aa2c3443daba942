//! What is to be printed, borrowed from what it is made of, in the order in which it is given.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use serde_json::Value;

pub(crate) enum Tree<'a> {
    Text(Cow<'a, str>),
    List(Vec<Tree<'a>>),
    Map(Vec<(&'a str, Tree<'a>)>),
    /// A number, a boolean or nothing.
    Unquoted(Value),
}

impl<'a> Tree<'a> {
    /// The fields of an object that are there.
    pub(crate) fn of_fields<const N: usize>(fields: [(&'a str, Option<Self>); N]) -> Self {
        let present = |(name, value): (&'a str, Option<Self>)| Some((name, value?));
        Self::Map(fields.into_iter().filter_map(present).collect())
    }

    /// Go prints a field that it marks `omitempty` only if it is filled.
    pub(crate) fn is_filled(&self) -> bool {
        match self {
            Self::Text(text) => !text.is_empty(),
            Self::List(list) => !list.is_empty(),
            Self::Map(map) => !map.is_empty(),
            Self::Unquoted(_) => true,
        }
    }

    pub(crate) fn of_map<T: 'a>(
        map: impl IntoIterator<Item = (&'a String, &'a T)>,
        value: impl Fn(&'a T) -> Self,
    ) -> Self {
        let entry = |(key, found): (&'a String, &'a T)| (key.as_str(), value(found));
        Self::Map(map.into_iter().map(entry).collect())
    }
}

impl<'a> From<&'a str> for Tree<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl<'a> From<&'a String> for Tree<'a> {
    fn from(text: &'a String) -> Self {
        text.as_str().into()
    }
}

impl From<String> for Tree<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl<'a> From<&'a Option<String>> for Tree<'a> {
    fn from(text: &'a Option<String>) -> Self {
        text.as_ref()
            .map_or(Self::Unquoted(Value::Null), Self::from)
    }
}

impl From<bool> for Tree<'_> {
    fn from(value: bool) -> Self {
        Self::Unquoted(value.into())
    }
}

impl<'a> From<&'a Value> for Tree<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::String(text) => text.into(),
            Value::Array(list) => Self::List(list.iter().map(Self::from).collect()),
            Value::Object(map) => Self::of_map(map, Self::from),
            other => Self::Unquoted(other.clone()),
        }
    }
}

impl Serialize for Tree<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(list) => serializer.collect_seq(list),
            Self::Map(map) => serializer.collect_map(map.iter().map(|(key, value)| (key, value))),
            Self::Unquoted(value) => value.serialize(serializer),
        }
    }
}
