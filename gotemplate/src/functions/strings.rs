//! Texts cut, joined, filled and replaced.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::context::Context;
use crate::error::Fault;
use crate::fmt::quote;
use crate::function::{Arguments, Function};
use crate::functions::text_of;
use crate::text::{self, Text, chars, decode, find, is_space, trim_space};
use crate::value::{Element, Value};

pub(super) static FUNCTIONS: [Function; 34] = [
    Function::new("abbrev", "is", |context, args| {
        abbreviate(context, 0, args.int(0)?, args.text(1)?)
    }),
    Function::new("abbrevboth", "iis", |context, args| {
        abbreviate(context, args.int(0)?, args.int(1)?, args.text(2)?)
    }),
    Function::new("trunc", "is", |context, args| {
        let (length, text) = (args.int(0)?, args.text(1)?);
        let size = text.len() as i64;
        match length {
            0.. if size > length => context.text(&text[..length as usize]),
            ..0 if size.saturating_add(length) > 0 => {
                context.text(&text[(size + length) as usize..])
            }
            _ => Ok(Value::String(text.clone())),
        }
    }),
    Function::new("trim", "s", |context, args| {
        context.text(trim_space(args.text(0)?))
    }),
    Function::new("trimall", "ss", trim_all),
    Function::new("trimAll", "ss", trim_all),
    Function::new("trimPrefix", "ss", |context, args| {
        let text = args.text(1)?;
        context.text(text.strip_prefix(&**args.text(0)?).unwrap_or(text))
    }),
    Function::new("trimSuffix", "ss", |context, args| {
        let text = args.text(1)?;
        context.text(text.strip_suffix(&**args.text(0)?).unwrap_or(text))
    }),
    Function::new("nospace", "s", |context, args| {
        let bytes = args.text(0)?;
        if !bytes.iter().any(|byte| is_space(char::from(*byte))) {
            return Ok(Value::String(bytes.clone()));
        }
        // Bytes are taken for characters here, as in Go.
        let kept = bytes.iter().map(|byte| char::from(*byte));
        let kept: String = kept.filter(|c| !is_space(*c)).collect();
        context.text(kept.into_bytes())
    }),
    Function::new("initials", "s", |context, args| {
        let mut initials = String::new();
        let mut was_gap = true;
        for c in args.text(0)?.iter().map(|byte| char::from(*byte)) {
            if is_space(c) {
                was_gap = true;
            } else if std::mem::take(&mut was_gap) {
                initials.push(c);
            }
        }
        context.text(initials.into_bytes())
    }),
    Function::new("substr", "iis", |context, args| {
        let (start, end, text) = (args.int(0)?, args.int(1)?, args.text(2)?);
        let size = text.len() as i64;
        let start = if start < 0 { 0 } else { start };
        let is_open = args.int(0)? >= 0 && (end < 0 || end > size);
        let end = if is_open { size } else { end };
        let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
        let part = range.and_then(|(start, end)| text.get(start..end));
        context.text(part.ok_or(Fault::Failed)?)
    }),
    Function::new("repeat", "is", |context, args| {
        let count = usize::try_from(args.int(0)?).map_err(|_| Fault::Failed)?;
        let text = args.text(1)?;
        let size = text.len().checked_mul(count).ok_or(Fault::Failed)?;
        context.budget.allocate(size)?;
        context.text(text.repeat(count))
    }),
    Function::new("contains", "ss", |_, args| {
        Ok(Value::Bool(find(args.text(1)?, args.text(0)?).is_some()))
    }),
    Function::new("hasPrefix", "ss", |_, args| {
        Ok(Value::Bool(args.text(1)?.starts_with(args.text(0)?)))
    }),
    Function::new("hasSuffix", "ss", |_, args| {
        Ok(Value::Bool(args.text(1)?.ends_with(args.text(0)?)))
    }),
    Function::new("quote", "A", |context, args| {
        join_present(context, args, |context, value| {
            let text = text_of(context.budget, value)?;
            context.budget.allocate(text.len().saturating_mul(4))?;
            Ok(quote(&text, '"', false))
        })
    }),
    Function::new("squote", "A", |context, args| {
        join_present(context, args, |context, value| {
            let text = text_of(context.budget, value)?;
            Ok([b"'", text.as_slice(), b"'"].concat())
        })
    }),
    Function::new("cat", "A", |context, args| {
        join_present(context, args, |context, value| {
            text_of(context.budget, value)
        })
    }),
    Function::new("indent", "is", |context, args| {
        let text = indented(context, args)?;
        context.text(text)
    }),
    Function::new("nindent", "is", |context, args| {
        let text = indented(context, args)?;
        context.text([b"\n", text.as_slice()].concat())
    }),
    Function::new("replace", "sss", |context, args| {
        let text = replace(context, args.text(2)?, args.text(0)?, args.text(1)?)?;
        context.text(text)
    }),
    Function::new("plural", "ssi", |_, args| {
        let is_one = args.int(2)? == 1;
        Ok(Value::String(
            args.text(if is_one { 0 } else { 1 })?.clone(),
        ))
    }),
    Function::new("toString", "a", |context, args| {
        let text = text_of(context.budget, args.any(0)?)?;
        context.text(text)
    }),
    Function::new("join", "sa", |context, args| {
        let texts = texts_of(context, args.any(1)?)?;
        let mut joined = context.budget.buffer();
        for (i, text) in texts.iter().enumerate() {
            if i > 0 {
                joined.write(args.text(0)?)?;
            }
            joined.write(text)?;
        }
        context.text(joined.into_bytes())
    }),
    Function::new("toStrings", "a", |context, args| match args.any(0)? {
        Value::List(list) if list.element == Element::String => Ok(Value::List(list.clone())),
        value => {
            let texts = texts_of(context, value)?;
            string_list(context, texts)
        }
    }),
    Function::new("sortAlpha", "a", |context, args| {
        if let Value::List(list) = args.any(0)? {
            context.budget.spend(20 * list.len() as u64)?;
            if list.element == Element::String {
                list.sort_texts();
                return Ok(Value::List(list.clone()));
            }
            let mut texts = texts_of(context, args.any(0)?)?;
            texts.sort();
            return string_list(context, texts);
        }
        let text = text_of(context.budget, args.any(0)?)?;
        string_list(context, vec![text.into()])
    }),
    Function::new("split", "ss", |context, args| {
        let parts = parts(args.text(1)?, args.text(0)?, usize::MAX);
        numbered(context, parts)
    }),
    Function::new("splitn", "sis", |context, args| {
        let limit = usize::try_from(args.int(1)?).unwrap_or(usize::MAX);
        numbered(context, parts(args.text(2)?, args.text(0)?, limit))
    }),
    Function::new("splitList", "ss", |context, args| {
        context.strings(parts(args.text(1)?, args.text(0)?, usize::MAX))
    }),
    Function::new("shuffle", "s", |context, args| {
        let mut shuffled: Vec<char> = chars(args.text(0)?).collect();
        context.budget.allocate(shuffled.len().saturating_mul(8))?;
        for i in (1..shuffled.len()).rev() {
            let other = context.random_below(i as u64 + 1)?;
            shuffled.swap(i, other as usize);
        }
        context.text(shuffled.into_iter().collect::<String>().into_bytes())
    }),
    Function::new("hello", "", |context, _| context.text(*b"Hello!")),
    Function::new("fail", "s", |_, _| Err(Fault::Failed)),
    Function::new("wrap", "is", |context, args| {
        super::wrap::wrap(context, args.int(0)?, args.text(1)?, b"\n", false)
    }),
    Function::new("wrapWith", "iss", |context, args| {
        let line_end: &[u8] = match args.text(1)? {
            text if text.is_empty() => b"\n",
            text => text,
        };
        super::wrap::wrap(context, args.int(0)?, args.text(2)?, line_end, true)
    }),
];

/// The text with what is beyond a width, or before an offset, replaced by three dots.
fn abbreviate(context: &mut Context, offset: i64, width: i64, text: &Text) -> Result<Value, Fault> {
    let size = text.len() as i64;
    if width < 4 || offset > 0 && width < 7 || size <= width {
        return Ok(Value::String(text.clone()));
    }
    let kept = width - 3;
    let mut offset = offset.min(size);
    if size - offset < kept {
        offset = size - kept;
    }
    let part = |from: i64, to: i64| &text[from as usize..to as usize];
    if offset <= 4 {
        return context.text([part(0, kept), b"..."].concat());
    }
    if width < 7 {
        // Only an offset that was moved comes here; Go then gives nothing.
        return context.text(b"".as_slice());
    }
    if offset + kept < size {
        let middle = part(offset, offset + kept - 3);
        return context.text([b"...", middle, b"..."].concat());
    }
    context.text([b"...", part(size - kept, size)].concat())
}

fn trim_all(context: &mut Context, args: Arguments) -> Result<Value, Fault> {
    let cut: Vec<char> = chars(args.text(0)?).collect();
    let text = args.text(1)?;
    context
        .budget
        .spend((text.len() as u64).saturating_mul(cut.len() as u64) / 64)?;
    let is_cut = |c| cut.contains(&c);
    context.text(text::trim_end_by(text::trim_start_by(text, is_cut), is_cut))
}

/// The texts of all arguments that are not nil, with spaces between them.
fn join_present(
    context: &mut Context,
    args: Arguments,
    text: fn(&mut Context, &Value) -> Result<Vec<u8>, Fault>,
) -> Result<Value, Fault> {
    let mut joined = Vec::new();
    let present = args.0.iter().filter(|value| !value.is_nil());
    for (i, value) in present.enumerate() {
        let text = text(context, value)?;
        context.budget.allocate(text.len() + 1)?;
        if i > 0 {
            joined.push(b' ');
        }
        joined.extend_from_slice(&text);
    }
    context.text(joined)
}

fn indented(context: &mut Context, args: Arguments) -> Result<Vec<u8>, Fault> {
    let spaces = usize::try_from(args.int(0)?).map_err(|_| Fault::Failed)?;
    let text = args.text(1)?;
    let lines = memchr::memchr_iter(b'\n', text).count() + 1;
    let size = lines.saturating_mul(spaces).saturating_add(text.len());
    context.budget.allocate(size)?;
    let mut indented = Vec::with_capacity(size);
    for (i, line) in text.split(|byte| *byte == b'\n').enumerate() {
        if i > 0 {
            indented.push(b'\n');
        }
        indented.resize(indented.len() + spaces, b' ');
        indented.extend_from_slice(line);
    }
    Ok(indented)
}

fn replace(context: &mut Context, text: &[u8], old: &[u8], new: &[u8]) -> Result<Vec<u8>, Fault> {
    context.budget.spend(text.len() as u64 / 8)?;
    let mut replaced = context.budget.buffer();
    let mut rest = text;
    if old.is_empty() {
        // Nothing stands before each character and at the end.
        replaced.write(new)?;
        while let Some((_, width)) = decode(rest) {
            context.budget.spend(1)?;
            replaced.write(&rest[..width])?;
            replaced.write(new)?;
            rest = &rest[width..];
        }
        return Ok(replaced.into_bytes());
    }
    while let Some(at) = find(rest, old) {
        context.budget.spend(1)?;
        replaced.write(&rest[..at])?;
        replaced.write(new)?;
        rest = &rest[at + old.len()..];
    }
    replaced.write(rest)?;
    Ok(replaced.into_bytes())
}

/// The texts of a list without what is nil, or of a single value.
pub(super) fn texts_of(context: &mut Context, value: &Value) -> Result<Vec<Text>, Fault> {
    let values = match value {
        Value::List(list) => list.to_vec(),
        Value::Nil | Value::Missing => Vec::new(),
        value => vec![value.clone()],
    };
    context.pay_for_elements(values.len())?;
    let mut texts = Vec::with_capacity(values.len());
    for value in values {
        match value {
            Value::String(text) => texts.push(text),
            Value::Nil | Value::Missing => {}
            value => texts.push(text_of(context.budget, &value)?.into()),
        }
    }
    Ok(texts)
}

fn string_list(context: &mut Context, texts: Vec<Text>) -> Result<Value, Fault> {
    let values = texts.into_iter().map(Value::String).collect();
    context.list_of(Element::String, values)
}

/// The parts between separators, at most so many; without a separator, the characters.
fn parts<'t>(text: &'t [u8], separator: &'t [u8], limit: usize) -> impl Iterator<Item = &'t [u8]> {
    let mut rest = (limit > 0).then_some(text);
    let mut count = 0;
    std::iter::from_fn(move || {
        let text = rest?;
        count += 1;
        if count >= limit {
            rest = None;
            return (!text.is_empty() || !separator.is_empty()).then_some(text);
        }
        if separator.is_empty() {
            let (_, width) = decode(text)?;
            rest = Some(&text[width..]);
            return Some(&text[..width]);
        }
        match find(text, separator) {
            Some(at) => {
                rest = Some(&text[at + separator.len()..]);
                Some(&text[..at])
            }
            None => {
                rest = None;
                Some(text)
            }
        }
    })
}

/// Parts by the names `_0`, `_1` and so on.
fn numbered<'t>(
    context: &mut Context,
    parts: impl Iterator<Item = &'t [u8]>,
) -> Result<Value, Fault> {
    let mut map = BTreeMap::new();
    for (i, part) in parts.enumerate() {
        context.budget.allocate(part.len() + 128)?;
        map.insert(Text::from(format!("_{i}").into_bytes()), Text::from(part));
    }
    Ok(Value::Strings(Arc::new(map)))
}
