//! Lists made, taken apart and searched.

use std::rc::Rc;

use crate::compare::deep_equal;
use crate::context::Context;
use crate::error::Fault;
use crate::function::{Arguments, Function, Run};
use crate::functions::numbers::to_int;
use crate::value::{Element, List, Value};

pub(super) static FUNCTIONS: [Function; 30] = [
    Function::new("list", "A", |context, args| context.list(args.0.to_vec())),
    Function::new("tuple", "A", |context, args| context.list(args.0.to_vec())),
    Function::new("append", "aa", PUSH),
    Function::new("push", "aa", PUSH),
    Function::new("mustAppend", "aa", PUSH),
    Function::new("mustPush", "aa", PUSH),
    Function::new("prepend", "aa", PREPEND),
    Function::new("mustPrepend", "aa", PREPEND),
    Function::new("first", "a", FIRST),
    Function::new("mustFirst", "a", FIRST),
    Function::new("last", "a", LAST),
    Function::new("mustLast", "a", LAST),
    Function::new("rest", "a", |context, args| {
        tail_or_head(context, args, 1, 0)
    }),
    Function::new("mustRest", "a", |context, args| {
        tail_or_head(context, args, 1, 0)
    }),
    Function::new("initial", "a", |context, args| {
        tail_or_head(context, args, 0, 1)
    }),
    Function::new("mustInitial", "a", |context, args| {
        tail_or_head(context, args, 0, 1)
    }),
    Function::new("reverse", "a", REVERSE),
    Function::new("mustReverse", "a", REVERSE),
    Function::new("compact", "a", COMPACT),
    Function::new("mustCompact", "a", COMPACT),
    Function::new("uniq", "a", uniq),
    Function::new("mustUniq", "a", uniq),
    Function::new("without", "aA", without),
    Function::new("mustWithout", "aA", without),
    Function::new("has", "aa", has),
    Function::new("mustHas", "aa", has),
    Function::new("slice", "aA", slice),
    Function::new("mustSlice", "aA", slice),
    Function::new("chunk", "ia", chunk),
    Function::new("mustChunk", "ia", chunk),
];

pub(super) const CONCAT: Run = |context, args| {
    if args.len() == 0 {
        return Ok(Context::nil_list(Element::Any));
    }
    let mut all = Vec::new();
    for i in 0..args.len() {
        let part = list(context, args, i)?.elements();
        for element in part.iter().flat_map(|part| part.iter()) {
            context.budget.push(&mut all, element.clone())?;
        }
    }
    if all.is_empty() {
        return Ok(Context::nil_list(Element::Any));
    }
    context.list(all)
};

const PUSH: Run = |context, args| {
    let mut elements = elements(context, args, 0)?;
    elements.push(args.any(1)?.clone());
    context.list(elements)
};

const PREPEND: Run = |context, args| {
    let mut elements = elements(context, args, 0)?;
    elements.insert(0, args.any(1)?.clone());
    context.list(elements)
};

const FIRST: Run = |context, args| {
    let first = list(context, args, 0)?.get(0);
    Ok(first.unwrap_or(Value::Nil))
};

const LAST: Run = |context, args| {
    let list = list(context, args, 0)?;
    let last = list.len().checked_sub(1).and_then(|last| list.get(last));
    Ok(last.unwrap_or(Value::Nil))
};

const REVERSE: Run = |context, args| {
    let mut elements = elements(context, args, 0)?;
    elements.reverse();
    context.list(elements)
};

const COMPACT: Run = |context, args| {
    let mut elements = elements(context, args, 0)?;
    elements.retain(|element| !element.is_empty());
    context.list(elements)
};

fn list<'a>(
    context: &mut Context,
    args: Arguments<'a>,
    index: usize,
) -> Result<&'a Rc<List>, Fault> {
    let value = args.any(index)?;
    match value {
        Value::List(list) => Ok(list),
        other => {
            let name = other.type_name();
            Err(context.failed(|| format!("list should be type of slice or array but {name}")))
        }
    }
}

/// The elements of a list, paid for; there is room for one more.
fn elements(context: &mut Context, args: Arguments, index: usize) -> Result<Vec<Value>, Fault> {
    let list = list(context, args, index)?;
    context.pay_for_elements(list.len() + 1)?;
    let mut elements = Vec::with_capacity(list.len() + 1);
    let old = list.elements();
    elements.extend(old.iter().flat_map(|old| old.iter()).cloned());
    Ok(elements)
}

/// The list without so many elements at its ends; an empty one becomes nil.
fn tail_or_head(
    context: &mut Context,
    args: Arguments,
    start: usize,
    end: usize,
) -> Result<Value, Fault> {
    let elements = elements(context, args, 0)?;
    if elements.is_empty() {
        return Ok(Context::nil_list(Element::Any));
    }
    context.list(elements[start..elements.len() - end].to_vec())
}

fn contains(context: &mut Context, values: &[Value], wanted: &Value) -> Result<bool, Fault> {
    for value in values {
        if deep_equal(context.budget, wanted, value)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn uniq(context: &mut Context, args: Arguments) -> Result<Value, Fault> {
    let mut kept = Vec::new();
    for element in elements(context, args, 0)? {
        if !contains(context, &kept, &element)? {
            kept.push(element);
        }
    }
    context.list(kept)
}

fn without(context: &mut Context, args: Arguments) -> Result<Value, Fault> {
    let mut kept = Vec::new();
    for element in elements(context, args, 0)? {
        if !contains(context, args.from(1), &element)? {
            kept.push(element);
        }
    }
    context.list(kept)
}

fn has(context: &mut Context, args: Arguments) -> Result<Value, Fault> {
    if args.any(1)?.is_nil() {
        return Ok(Value::Bool(false));
    }
    let elements = elements(context, args, 1)?;
    let found = contains(context, &elements, args.any(0)?)?;
    Ok(Value::Bool(found))
}

fn slice(context: &mut Context, args: Arguments) -> Result<Value, Fault> {
    let list = list(context, args, 0)?;
    if list.len() == 0 {
        return Ok(Value::Nil);
    }
    let bound = |index, default| match args.0.get(index) {
        Some(value) => usize::try_from(to_int(value)).map_err(|_| Fault::Failed),
        None => Ok(default),
    };
    let (start, end) = (bound(1, 0)?, bound(2, list.len())?);
    if start > end || end > list.len() {
        let message = || "reflect.Value.Slice: slice index out of bounds".into();
        return Err(context.failed(message));
    }
    context.pay_for_elements(0)?;
    Ok(Value::List(Rc::new(list.slice(start, end))))
}

fn chunk(context: &mut Context, args: Arguments) -> Result<Value, Fault> {
    let elements = elements(context, args, 1)?;
    let size = usize::try_from(args.int(0)?).map_err(|_| Fault::Failed)?;
    if size == 0 {
        return Err(Fault::Failed);
    }
    let mut chunks = Vec::new();
    for chunk in elements.chunks(size) {
        let chunk = context.list(chunk.to_vec())?;
        context.budget.push(&mut chunks, chunk)?;
    }
    context.list_of(Element::List, chunks)
}
