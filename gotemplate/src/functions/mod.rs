//! All functions that templates can call, by family.

mod builtin;
mod case;
mod crypto;
mod dates;
mod defaults;
mod dicts;
mod encoding;
mod escape;
mod json;
mod lists;
mod merge;
mod numbers;
mod paths;
mod random;
mod reflection;
mod regex;
mod sequences;
mod sort;
mod strings;
mod urls;
mod versions;
mod wrap;

pub(crate) use builtin::{AND, CALL, OR};
pub(crate) use dates::pay_for_layout;

use crate::budget::Budget;
use crate::error::Fault;
use crate::fmt;
use crate::function::Function;
use crate::text::Text;
use crate::value::Value;

/// Every function; of two with one name the later counts.
pub(crate) static ALL: [&[Function]; 20] = [
    &builtin::FUNCTIONS,
    &case::FUNCTIONS,
    &crypto::FUNCTIONS,
    &dates::FUNCTIONS,
    &defaults::FUNCTIONS,
    &dicts::FUNCTIONS,
    &encoding::FUNCTIONS,
    &escape::FUNCTIONS,
    &json::FUNCTIONS,
    &lists::FUNCTIONS,
    &merge::FUNCTIONS,
    &numbers::FUNCTIONS,
    &paths::FUNCTIONS,
    &random::FUNCTIONS,
    &reflection::FUNCTIONS,
    &regex::FUNCTIONS,
    &sequences::FUNCTIONS,
    &strings::FUNCTIONS,
    &urls::FUNCTIONS,
    &versions::FUNCTIONS,
];

/// A value as text: a text as it is, anything else as `%v` prints it.
fn text_of(budget: &mut Budget, value: &Value) -> Result<Text, Fault> {
    fmt::plain(budget, value)
}
