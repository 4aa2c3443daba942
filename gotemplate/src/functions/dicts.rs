//! Maps made, changed and looked into.

use std::collections::BTreeMap;

use crate::context::Context;
use crate::error::Fault;
use crate::function::{Arguments, Function};
use crate::functions::text_of;
use crate::text::Text;
use crate::value::{Element, Value};

pub(super) static FUNCTIONS: [Function; 12] = [
    Function::new("dict", "A", dict),
    Function::new("get", "ms", |_, args| {
        let found = args.map(0)?.get(args.text(1)?);
        Ok(found.unwrap_or_else(|| Value::String(Text::default())))
    }),
    Function::new("set", "msa", |context, args| {
        context.put(args.map(0)?, args.text(1)?.clone(), args.any(2)?.clone())?;
        Ok(args.any(0)?.clone())
    }),
    Function::new("unset", "ms", |_, args| {
        if let Some(entries) = &args.map(0)?.0 {
            entries.borrow_mut().remove(&**args.text(1)?);
        }
        Ok(args.any(0)?.clone())
    }),
    Function::new("hasKey", "ms", |_, args| {
        Ok(Value::Bool(args.map(0)?.get(args.text(1)?).is_some()))
    }),
    Function::new("pluck", "sM", |context, args| {
        let key = args.text(0)?;
        context
            .budget
            .spend(args.len() as u64 * (key.len() as u64 / 32))?;
        let mut found = Vec::new();
        for i in 1..args.len() {
            found.extend(args.map(i)?.get(key));
        }
        context.list(found)
    }),
    Function::new("keys", "M", |context, args| {
        let mut keys = Vec::new();
        for i in 0..args.len() {
            let map = args.map(i)?;
            context.pay_for_elements(map.len())?;
            let entries = map.borrow();
            let entries = entries.iter().flat_map(|entries| entries.keys());
            keys.extend(entries.cloned().map(Value::String));
        }
        context.list_of(Element::String, keys)
    }),
    Function::new("values", "m", |context, args| {
        let map = args.map(0)?;
        context.pay_for_elements(map.len())?;
        let entries = map.borrow();
        let values = entries.iter().flat_map(|entries| entries.values());
        context.list(values.cloned().collect())
    }),
    Function::new("pick", "mS", |context, args| {
        let mut picked = BTreeMap::new();
        for i in 1..args.len() {
            let key = args.text(i)?;
            if let Some(value) = args.map(0)?.get(key) {
                picked.insert(key.clone(), value);
            }
        }
        context.map(picked)
    }),
    Function::new("omit", "mS", |context, args| {
        let entries = context.entries(args.map(0)?)?;
        let mut kept: BTreeMap<Text, Value> = entries.into_iter().collect();
        for i in 1..args.len() {
            kept.remove(&**args.text(i)?);
        }
        context.map(kept)
    }),
    Function::new("dig", "A", dig),
    Function::new("concat", "A", super::lists::CONCAT),
];

fn dict(context: &mut Context, args: Arguments) -> Result<Value, Fault> {
    let mut entries = BTreeMap::new();
    for pair in args.0.chunks(2) {
        let key = match &pair[0] {
            Value::String(text) => text.clone(),
            key => text_of(context.budget, key)?,
        };
        let value = pair.get(1).cloned();
        entries.insert(key, value.unwrap_or_else(|| Value::String(Text::default())));
    }
    context.map(entries)
}

/// `dig KEY… DEFAULT MAP`
fn dig(context: &mut Context, args: Arguments) -> Result<Value, Fault> {
    let [keys @ .., default, map] = args.0 else {
        return Err(context.failed(|| "dig needs at least three arguments".into()));
    };
    let is_text = |key: &Value| matches!(key, Value::String(_));
    let has_types = matches!(map, Value::Map(_)) && keys.iter().all(is_text);
    if keys.is_empty() || !has_types {
        return Err(context.failed(|| "dig needs keys, a default and a dict".into()));
    }
    let mut found = map.clone();
    for key in keys {
        let (Value::Map(map), Value::String(key)) = (&found, key) else {
            return Err(context.failed(|| "dig came to what is no dict".into()));
        };
        match map.get(key) {
            Some(value) => found = value,
            None => return Ok(default.clone()),
        }
    }
    Ok(found)
}
