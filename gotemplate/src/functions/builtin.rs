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
            return Err(context.failed(|| "missing argument for comparison".into()));
        }
        for other in args.from(1) {
            if comparison(context, equal, (args.any(0)?, other))? {
                return Ok(Value::Bool(true));
            }
        }
        Ok(Value::Bool(false))
    }),
    Function::new("ne", "vv", |context, args| {
        let equal = comparison(context, equal, (args.any(0)?, args.any(1)?))?;
        Ok(Value::Bool(!equal))
    }),
    Function::new("lt", "vv", |context, args| {
        let less = comparison(context, less, (args.any(0)?, args.any(1)?))?;
        Ok(Value::Bool(less))
    }),
    Function::new("le", "vv", |context, args| {
        Ok(Value::Bool(comparison(
            context,
            is_at_most,
            (args.any(0)?, args.any(1)?),
        )?))
    }),
    Function::new("gt", "vv", |context, args| {
        Ok(Value::Bool(!comparison(
            context,
            is_at_most,
            (args.any(0)?, args.any(1)?),
        )?))
    }),
    Function::new("ge", "vv", |context, args| {
        let less = comparison(context, less, (args.any(0)?, args.any(1)?))?;
        Ok(Value::Bool(!less))
    }),
    Function::new("not", "v", |_, args| {
        Ok(Value::Bool(!args.any(0)?.is_true()))
    }),
    Function::new("index", "vV", index),
    Function::new("len", "v", |context, args| {
        let length = match args.any(0)? {
            Value::String(text) => text.len(),
            Value::List(list) => list.len(),
            Value::Map(map) => map.len(),
            Value::Strings(map) => map.len(),
            value if value.is_nil() => {
                return Err(context.failed(|| "len of nil pointer".into()));
            }
            value => {
                let name = value.type_name();
                return Err(context.failed(|| format!("len of type {name}")));
            }
        };
        Ok(Value::Int(length as i64))
    }),
    Function::new("print", "A", |context, args| {
        Ok(Value::String(fmt::sprint(context.budget, args.0)?))
    }),
    Function::new("printf", "sA", |context, args| {
        let text = fmt::sprintf(context.budget, args.text(0)?, args.from(1))?;
        Ok(Value::String(text))
    }),
    Function::new("println", "A", |context, args| {
        Ok(Value::String(fmt::sprintln(context.budget, args.0)?))
    }),
];

fn is_at_most(a: &Value, b: &Value) -> Result<bool, Fault> {
    Ok(less(a, b)? || equal(a, b)?)
}

/// A comparison, which fails for values that cannot be compared.
fn comparison(
    context: &mut Context,
    compare: fn(&Value, &Value) -> Result<bool, Fault>,
    (a, b): (&Value, &Value),
) -> Result<bool, Fault> {
    compare(a, b).map_err(|_| {
        let (a, b) = (a.type_name(), b.type_name());
        context.failed(|| format!("incompatible types for comparison: {a} and {b}"))
    })
}

fn index(context: &mut Context, args: Arguments) -> Result<Value, Fault> {
    let mut item = args.any(0)?.clone();
    if item.is_nil() {
        return Err(context.failed(|| "index of untyped nil".into()));
    }
    for index in args.from(1) {
        item = match (&item, index) {
            (Value::Map(map), Value::String(key)) => map.get(key).unwrap_or(Value::Nil),
            (Value::Strings(map), Value::String(key)) => {
                Value::String(map.get(key).cloned().unwrap_or_default())
            }
            (Value::List(list), index) => {
                let at = position(context, index, list.len())?;
                list.get(at).unwrap_or(Value::Nil)
            }
            (Value::String(text), index) => {
                let at = position(context, index, text.len())?;
                Value::Uint8(text.get(at).copied().unwrap_or_default())
            }
            (Value::Map(_) | Value::Strings(_), index) => {
                let name = index.type_name();
                let message = || format!("value has type {name}; should be string");
                return Err(context.failed(message));
            }
            (item, _) => {
                let name = item.type_name();
                return Err(context.failed(|| format!("can't index item of type {name}")));
            }
        };
    }
    Ok(item)
}

/// An index that lies within.
fn position(context: &mut Context, index: &Value, length: usize) -> Result<usize, Fault> {
    let Some(number) = index.integer() else {
        let name = index.type_name();
        return Err(context.failed(|| format!("cannot index slice/array with type {name}")));
    };
    usize::try_from(number)
        .ok()
        .filter(|at| *at < length)
        .ok_or_else(|| context.failed(|| format!("index out of range: {number}")))
}
