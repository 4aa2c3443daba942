//! Regular expressions.

use crate::context::Context;
use crate::error::Fault;
use crate::function::{Arguments, Function};
use crate::pattern::quote_meta;
use crate::value::{Element, Value};

pub(super) static FUNCTIONS: [Function; 13] = [
    Function::new("regexMatch", "ss", |context, args| {
        match is_match(context, args) {
            Err(Fault::Failed) => Ok(Value::Bool(false)),
            result => result,
        }
    }),
    Function::new("mustRegexMatch", "ss", is_match),
    Function::new("regexFind", "ss", find),
    Function::new("mustRegexFind", "ss", find),
    Function::new("regexFindAll", "ssi", find_all),
    Function::new("mustRegexFindAll", "ssi", find_all),
    Function::new("regexReplaceAll", "sss", |context, args| {
        replace(context, args, false)
    }),
    Function::new("mustRegexReplaceAll", "sss", |context, args| {
        replace(context, args, false)
    }),
    Function::new("regexReplaceAllLiteral", "sss", |context, args| {
        replace(context, args, true)
    }),
    Function::new("mustRegexReplaceAllLiteral", "sss", |context, args| {
        replace(context, args, true)
    }),
    Function::new("regexSplit", "ssi", split),
    Function::new("mustRegexSplit", "ssi", split),
    Function::new("regexQuoteMeta", "s", |context, args| {
        let quoted = quote_meta(context.budget, args.text(0)?)?;
        context.grown(quoted)
    }),
];

fn is_match(context: &mut Context, args: Arguments) -> Result<Value, Fault> {
    let pattern = context.pattern(args.text(0)?)?;
    Ok(Value::Bool(
        pattern.is_match(context.budget, args.text(1)?)?,
    ))
}

fn find(context: &mut Context, args: Arguments) -> Result<Value, Fault> {
    let pattern = context.pattern(args.text(0)?)?;
    let text = args.text(1)?;
    let found = pattern.find_all(context.budget, text, 1)?;
    let (start, end) = found.first().copied().unwrap_or_default();
    context.text(&text[start..end])
}

fn find_all(context: &mut Context, args: Arguments) -> Result<Value, Fault> {
    let pattern = context.pattern(args.text(0)?)?;
    let text = args.text(1)?;
    let limit = usize::try_from(args.int(2)?).unwrap_or(usize::MAX);
    let found = pattern.find_all(context.budget, text, limit)?;
    if found.is_empty() {
        return Ok(Context::nil_list(Element::String));
    }
    context.strings(found.into_iter().map(|(start, end)| &text[start..end]))
}

fn replace(context: &mut Context, args: Arguments, is_literal: bool) -> Result<Value, Fault> {
    let pattern = context.pattern(args.text(0)?)?;
    let (text, replacement) = (args.text(1)?, args.text(2)?);
    let replaced = pattern.replace_all(context.budget, text, replacement, is_literal)?;
    context.grown(replaced)
}

fn split(context: &mut Context, args: Arguments) -> Result<Value, Fault> {
    let pattern = context.pattern(args.text(0)?)?;
    let text = args.text(1)?;
    let limit = usize::try_from(args.int(2)?).unwrap_or(usize::MAX);
    if limit == 0 {
        return Ok(Context::nil_list(Element::String));
    }
    if text.is_empty() && !args.text(0)?.is_empty() {
        return context.strings([b"".as_slice()]);
    }
    let mut parts = Vec::new();
    let (mut start, mut last_end) = (0, 0);
    for (match_start, match_end) in pattern.find_all(context.budget, text, limit)? {
        if parts.len() + 1 == limit {
            break;
        }
        last_end = match_start;
        if match_end != 0 {
            context.budget.push(&mut parts, &text[start..match_start])?;
        }
        start = match_end;
    }
    if last_end != text.len() {
        context.budget.push(&mut parts, &text[start..])?;
    }
    context.strings(parts)
}
