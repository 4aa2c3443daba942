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
        Ok(found.unwrap_or_else(|| Value::String((*b"").into())))
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
        let mut found = Vec::new();
        for i in 1..args.len() {
            found.extend(args.map(i)?.get(args.text(0)?));
        }
        context.list(found)
    }),
    Function::new("keys", "M", |context, args| {
        let mut keys = Vec::new();
        for i in 0..args.len() {
            let map = args.map(i)?;
            context.pay_for_elements(map.len())?;
            keys.extend(map.entries().into_iter().map(|(key, _)| Value::String(key)));
        }
        context.list_of(Element::String, keys)
    }),
    Function::new("values", "m", |context, args| {
        let map = args.map(0)?;
        context.pay_for_elements(map.len())?;
        context.list(map.entries().into_iter().map(|(_, value)| value).collect())
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
        context.pay_for_elements(args.map(0)?.len())?;
        let mut kept: BTreeMap<Text, Value> = args.map(0)?.entries().into_iter().collect();
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
            key => text_of(context.budget, key)?.into(),
        };
        let value = pair.get(1).cloned();
        entries.insert(key, value.unwrap_or_else(|| Value::String((*b"").into())));
    }
    context.map(entries)
}

/// `dig KEY… DEFAULT MAP`
fn dig(_: &mut Context, args: Arguments) -> Result<Value, Fault> {
    let [keys @ .., default, map] = args.0 else {
        return Err(Fault::Failed);
    };
    let Value::Map(_) = map else {
        return Err(Fault::Failed);
    };
    let is_text = |key: &Value| matches!(key, Value::String(_));
    if keys.is_empty() || !keys.iter().all(is_text) {
        return Err(Fault::Failed);
    }
    let mut found = map.clone();
    for key in keys {
        let (Value::Map(map), Value::String(key)) = (&found, key) else {
            return Err(Fault::Failed);
        };
        match map.get(key) {
            Some(value) => found = value,
            None => return Ok(default.clone()),
        }
    }
    Ok(found)
}
