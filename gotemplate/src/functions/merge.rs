//! Maps merged into one another.

use std::collections::BTreeMap;

use crate::context::Context;
use crate::error::Fault;
use crate::function::{Arguments, Function};
use crate::value::{Map, Value};

pub(super) static FUNCTIONS: [Function; 4] = [
    Function::new("merge", "mM", |context, args| {
        merge_all(context, args, false)
    }),
    Function::new("mustMerge", "mM", |context, args| {
        merge_all(context, args, false)
    }),
    Function::new("mergeOverwrite", "mM", |context, args| {
        merge_all(context, args, true)
    }),
    Function::new("mustMergeOverwrite", "mM", |context, args| {
        merge_all(context, args, true)
    }),
];

/// Merges the others into the first map, which changes.
fn merge_all(context: &mut Context, args: Arguments, overwrites: bool) -> Result<Value, Fault> {
    let mut target = args.any(0)?.clone();
    for i in 1..args.len() {
        let source = args.map(i)?;
        if matches!(&target, Value::Map(map) if map.is_nil()) && !source.is_nil() {
            target = context.map(BTreeMap::new())?;
        }
        if let Value::Map(target) = &target {
            merge(context, target, source, overwrites, 0)?;
        }
    }
    Ok(target)
}

/// Fills what is missing or empty in the target; or replaces, but for maps, which are merged.
fn merge(
    context: &mut Context,
    target: &Map,
    source: &Map,
    overwrites: bool,
    depth: usize,
) -> Result<(), Fault> {
    context.budget.check_depth(depth)?;
    // Both may be the same map.
    for (key, value) in context.entries(source)? {
        let own = target.get(&key);
        if value.is_nil() {
            if overwrites {
                context.put(target, key, value)?;
            }
            continue;
        }
        if let (Some(Value::Map(own)), Value::Map(value)) = (&own, &value) {
            merge(context, own, value, overwrites, depth + 1)?;
        }
        let is_filled = own.as_ref().is_some_and(|own| !own.is_empty());
        let is_kept = match (&own, &value) {
            (Some(Value::Map(_)), Value::Map(_)) => is_filled,
            _ => is_filled && !overwrites,
        };
        if !is_kept {
            context.put(target, key, value)?;
        }
    }
    Ok(())
}
