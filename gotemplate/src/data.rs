//! What dot is at the start: a map of texts.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::text::Text;
use crate::value::Value;

/// A map of texts, which need not be UTF-8: what dot is at the start. It is made once and can be
/// rendered with many times; its texts are wiped when it goes.
#[derive(Clone, Default)]
pub struct Data(Arc<BTreeMap<Text, Text>>);

impl Data {
    /// Data of these entries; of equal names the last counts.
    pub fn new<K: AsRef<[u8]>, V: AsRef<[u8]>>(entries: impl IntoIterator<Item = (K, V)>) -> Self {
        let entries = entries.into_iter();
        Self(Arc::new(
            entries
                .map(|(name, value)| (name.as_ref().into(), value.as_ref().into()))
                .collect(),
        ))
    }

    pub(crate) fn to_value(&self) -> Value {
        Value::Strings(self.0.clone())
    }
}
