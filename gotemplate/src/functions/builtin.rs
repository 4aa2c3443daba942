//! The functions of text/template itself.

use crate::compare::{equal, less};
use crate::context::Context;
use crate::error::Fault;
use crate::fmt;
use crate::function::{Arguments, Function};
use crate::value::Value;

/// Evaluated by the evaluator, which stops where the result is known.
pub(crate) const AND: &str = "and";
/// See [`AND`].
pub(crate) const OR: &str = "or";
/// Always fails: no value is a function.
pub(crate) const CALL: &str = "call";

pub(super) static FUNCTIONS: [Function; 15] = [
    Function::new(AND, "vV", |_, _| Err(Fault::Failed)),
    Function::new(OR, "vV", |_, _| Err(Fault::Failed)),
    Function::new(CALL, "vV", |_, _| Err(Fault::Failed)),
    Function::new("eq", "vV", |context, args| {
        if args.len() < 2 {
            return Err(Fault::Failed);
        }
        context.budget.spend(args.len() as u64)?;
        for other in args.from(1) {
            if equal(args.any(0)?, other)? {
                return Ok(Value::Bool(true));
            }
        }
        Ok(Value::Bool(false))
    }),
    Function::new("ne", "vv", |_, args| {
        Ok(Value::Bool(!equal(args.any(0)?, args.any(1)?)?))
    }),
    Function::new("lt", "vv", |_, args| {
        Ok(Value::Bool(less(args.any(0)?, args.any(1)?)?))
    }),
    Function::new("le", "vv", |_, args| Ok(Value::Bool(is_at_most(args)?))),
    Function::new("gt", "vv", |_, args| Ok(Value::Bool(!is_at_most(args)?))),
    Function::new("ge", "vv", |_, args| {
        Ok(Value::Bool(!less(args.any(0)?, args.any(1)?)?))
    }),
    Function::new("not", "v", |_, args| {
        Ok(Value::Bool(!args.any(0)?.is_true()))
    }),
    Function::new("index", "vV", index),
    Function::new("len", "v", |_, args| {
        let length = match args.any(0)? {
            Value::String(text) => text.len(),
            Value::List(list) => list.len(),
            Value::Map(map) => map.len(),
            Value::Strings(map) => map.len(),
            _ => return Err(Fault::Failed),
        };
        Ok(Value::Int(length as i64))
    }),
    Function::new("print", "A", |context, args| {
        let text = fmt::sprint(context.budget, args.0)?;
        context.text(text)
    }),
    Function::new("printf", "sA", |context, args| {
        let text = fmt::sprintf(context.budget, args.text(0)?, args.from(1))?;
        context.text(text)
    }),
    Function::new("println", "A", |context, args| {
        let text = fmt::sprintln(context.budget, args.0)?;
        context.text(text)
    }),
];

fn is_at_most(args: Arguments) -> Result<bool, Fault> {
    let (a, b) = (args.any(0)?, args.any(1)?);
    Ok(less(a, b)? || equal(a, b)?)
}

fn index(_: &mut Context, args: Arguments) -> Result<Value, Fault> {
    let mut item = args.any(0)?.clone();
    if item.is_nil() {
        return Err(Fault::Failed);
    }
    for index in args.from(1) {
        item = match (&item, index) {
            (Value::Map(map), Value::String(key)) => map.get(key).unwrap_or(Value::Nil),
            (Value::Strings(map), Value::String(key)) => {
                Value::String(map.get(key).cloned().unwrap_or_default())
            }
            (Value::List(list), index) => list.get(position(index)?).ok_or(Fault::Failed)?,
            (Value::String(text), index) => {
                let byte = text.get(position(index)?).ok_or(Fault::Failed)?;
                Value::Uint8(*byte)
            }
            _ => return Err(Fault::Failed),
        };
    }
    Ok(item)
}

fn position(index: &Value) -> Result<usize, Fault> {
    let index = index.integer().ok_or(Fault::Failed)?;
    usize::try_from(index).map_err(|_| Fault::Failed)
}
