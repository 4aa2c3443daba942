//! Comparison: the template's `eq` and `lt`, and deep equality.

use std::rc::Rc;

use crate::budget::Budget;
use crate::error::Fault;
use crate::value::{List, Map, Value};

/// Kinds that can be compared with each other.
#[derive(PartialEq)]
enum Basic {
    Bool,
    Complex,
    Int,
    Uint,
    Float,
    String,
    Other,
}

fn basic(value: &Value) -> Basic {
    match value {
        Value::Bool(_) => Basic::Bool,
        Value::Complex(..) => Basic::Complex,
        Value::Int(_) | Value::Int64(_) | Value::Duration(_) => Basic::Int,
        Value::Month(_) | Value::Weekday(_) => Basic::Int,
        Value::Uint8(_) | Value::Uint64(_) => Basic::Uint,
        Value::Float(_) => Basic::Float,
        Value::String(_) => Basic::String,
        _ => Basic::Other,
    }
}

/// `eq` of two values; what cannot be compared fails.
pub(crate) fn equal(a: &Value, b: &Value) -> Result<bool, Fault> {
    if let (Some(a), Some(b)) = (a.integer(), b.integer()) {
        return Ok(a == b);
    }
    if basic(a) != basic(b) {
        let has_nil = a.is_nil() || b.is_nil();
        return if has_nil {
            Ok(false)
        } else {
            Err(Fault::Failed)
        };
    }
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => Ok(a == b),
        (Value::Float(a), Value::Float(b)) => Ok(a == b),
        (Value::Complex(a, b), Value::Complex(c, d)) => Ok(a == c && b == d),
        (Value::String(a), Value::String(b)) => Ok(a == b),
        _ => equal_others(a, b),
    }
}

fn equal_others(a: &Value, b: &Value) -> Result<bool, Fault> {
    let is_nil = |value: &Value| match value {
        Value::Map(map) => map.is_nil(),
        Value::List(list) => list.is_nil(),
        other => other.is_nil(),
    };
    if !a.is_nil() && !b.is_nil() && a.kind_name() != b.kind_name() {
        return Err(Fault::Failed);
    }
    if is_nil(a) || is_nil(b) {
        return Ok(is_nil(a) == is_nil(b));
    }
    match (a, b) {
        (Value::Time(a), Value::Time(b)) => Ok(a == b),
        (Value::Version(a), Value::Version(b)) => Ok(Rc::ptr_eq(a, b)),
        // Slices and maps are not comparable.
        _ => Err(Fault::Failed),
    }
}

/// `lt` of two values.
pub(crate) fn less(a: &Value, b: &Value) -> Result<bool, Fault> {
    if let (Some(a), Some(b)) = (a.integer(), b.integer()) {
        return Ok(a < b);
    }
    match (a, b) {
        (Value::Float(a), Value::Float(b)) => Ok(a < b),
        (Value::String(a), Value::String(b)) => Ok(a < b),
        _ => Err(Fault::Failed),
    }
}

/// Whether values are of the same type and equal, and all that they hold as well.
pub(crate) fn deep_equal(budget: &mut Budget, a: &Value, b: &Value) -> Result<bool, Fault> {
    deep_equal_at(budget, a, b, 0)
}

fn deep_equal_at(budget: &mut Budget, a: &Value, b: &Value, depth: usize) -> Result<bool, Fault> {
    budget.check_depth(depth)?;
    budget.spend(1)?;
    if a.type_name() != b.type_name() {
        return Ok(false);
    }
    match (a, b) {
        (Value::List(a), Value::List(b)) => equal_lists(budget, a, b, depth),
        (Value::Map(a), Value::Map(b)) => equal_maps(budget, a, b, depth),
        (Value::Strings(a), Value::Strings(b)) => {
            if a.len() != b.len() {
                return Ok(false);
            }
            for ((key, a), (other, b)) in a.iter().zip(b.iter()) {
                let bytes = key.len().min(other.len()) + a.len().min(b.len());
                budget.spend(1 + bytes as u64 / 64)?;
                if key != other || a != b {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Value::Bool(a), Value::Bool(b)) => Ok(a == b),
        (Value::Float(a), Value::Float(b)) => Ok(a == b),
        (Value::Complex(a, b), Value::Complex(c, d)) => Ok(a == c && b == d),
        (Value::String(a), Value::String(b)) => {
            budget.spend(a.len().min(b.len()) as u64 / 64)?;
            Ok(a == b)
        }
        (Value::Time(a), Value::Time(b)) => Ok(a == b),
        (Value::Version(a), Value::Version(b)) => {
            budget.spend(1 + a.original.len() as u64 / 32)?;
            Ok(a == b)
        }
        _ => Ok(a.integer() == b.integer()),
    }
}

fn equal_lists(budget: &mut Budget, a: &List, b: &List, depth: usize) -> Result<bool, Fault> {
    if a.is_nil() != b.is_nil() || a.len() != b.len() {
        return Ok(false);
    }
    if a.is_same(b) {
        return Ok(true);
    }
    for i in 0..a.len() {
        let (Some(a), Some(b)) = (a.get(i), b.get(i)) else {
            return Ok(false);
        };
        if !deep_equal_at(budget, &a, &b, depth + 1)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn equal_maps(budget: &mut Budget, a: &Map, b: &Map, depth: usize) -> Result<bool, Fault> {
    let is_same = matches!((&a.0, &b.0), (Some(a), Some(b)) if Rc::ptr_eq(a, b));
    if is_same {
        return Ok(true);
    }
    if a.is_nil() != b.is_nil() || a.len() != b.len() {
        return Ok(false);
    }
    for (key, a) in a.borrow().iter().flat_map(|entries| entries.iter()) {
        budget.spend(2 + key.len() as u64 / 16)?;
        match b.get(key) {
            Some(b) if deep_equal_at(budget, a, &b, depth + 1)? => {}
            _ => return Ok(false),
        }
    }
    Ok(true)
}
