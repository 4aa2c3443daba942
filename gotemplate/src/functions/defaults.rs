//! Choices between values.

use std::collections::BTreeMap;

use crate::context::Context;
use crate::error::Fault;
use crate::function::{Arguments, Function};
use crate::semver::Version;
use crate::value::Value;

pub(super) static FUNCTIONS: [Function; 8] = [
    Function::new("default", "aA", |_, args| match args.from(1).first() {
        Some(given) if !given.is_empty() => Ok(given.clone()),
        _ => Ok(args.any(0)?.clone()),
    }),
    Function::new("empty", "a", |_, args| {
        Ok(Value::Bool(args.any(0)?.is_empty()))
    }),
    Function::new("coalesce", "A", |_, args| {
        let full = args.0.iter().find(|value| !value.is_empty());
        Ok(full.cloned().unwrap_or(Value::Nil))
    }),
    Function::new("all", "A", |_, args| {
        Ok(Value::Bool(!args.0.iter().any(Value::is_empty)))
    }),
    Function::new("any", "A", |_, args| {
        Ok(Value::Bool(args.0.iter().any(|value| !value.is_empty())))
    }),
    Function::new("ternary", "aab", |_, args| {
        Ok(args.any(if args.bool(2)? { 0 } else { 1 })?.clone())
    }),
    Function::new("deepCopy", "a", deep_copy),
    Function::new("mustDeepCopy", "a", deep_copy),
];

fn deep_copy(context: &mut Context, args: Arguments) -> Result<Value, Fault> {
    match args.any(0)? {
        Value::Nil | Value::Missing => {
            Err(context.failed(|| "reflect: call of reflect.Value.Type on zero Value".into()))
        }
        value => copied(context, value, 0),
    }
}

/// A copy that shares no list or map with the value.
fn copied(context: &mut Context, value: &Value, depth: usize) -> Result<Value, Fault> {
    context.budget.check_depth(depth)?;
    context.budget.spend(1)?;
    match value {
        Value::List(list) if list.is_nil() => Ok(value.clone()),
        Value::List(list) => {
            let mut elements = Vec::new();
            for element in list.elements().iter().flat_map(|elements| elements.iter()) {
                let element = copied(context, element, depth + 1)?;
                context.budget.push(&mut elements, element)?;
            }
            context.list_of(list.element, elements)
        }
        Value::Map(map) if map.is_nil() => Ok(value.clone()),
        Value::Map(map) => {
            let mut entries = BTreeMap::new();
            for (key, value) in map.borrow().iter().flat_map(|entries| entries.iter()) {
                context.budget.spend(1 + key.len() as u64 / 16)?;
                entries.insert(key.clone(), copied(context, value, depth + 1)?);
            }
            context.map(entries)
        }
        // Its numbers are private to Go's version, and a copy has none.
        Value::Version(_) => context.version(Version::default()),
        value => Ok(value.clone()),
    }
}
