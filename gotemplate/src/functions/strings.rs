//! Texts cut, joined, filled and replaced.

use std::collections::BTreeMap;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::buffer::Buffer;
use crate::context::Context;
use crate::error::Fault;
use crate::fmt::quote;
use crate::function::{Arguments, Function};
use crate::functions::sort::sorted;
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
        let mut kept = Buffer::new();
        for c in bytes.iter().map(|byte| char::from(*byte)) {
            if !is_space(c) {
                kept.push(context.budget, c)?;
            }
        }
        context.grown(kept)
    }),
    Function::new("initials", "s", |context, args| {
        let mut initials = Buffer::new();
        let mut was_gap = true;
        for c in args.text(0)?.iter().map(|byte| char::from(*byte)) {
            if is_space(c) {
                was_gap = true;
            } else if std::mem::take(&mut was_gap) {
                initials.push(context.budget, c)?;
            }
        }
        context.grown(initials)
    }),
    Function::new("substr", "iis", |context, args| {
        let (start, end, text) = (args.int(0)?, args.int(1)?, args.text(2)?);
        let size = text.len() as i64;
        let start = if start < 0 { 0 } else { start };
        let is_open = args.int(0)? >= 0 && (end < 0 || end > size);
        let end = if is_open { size } else { end };
        let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
        let part = range.and_then(|(start, end)| text.get(start..end));
        match part {
            Some(part) => context.text(part),
            None => {
                let bounds = if start > end {
                    format!("[{start}:{end}]")
                } else {
                    format!("[:{end}] with length {size}")
                };
                let message = || format!("runtime error: slice bounds out of range {bounds}");
                Err(context.failed(message))
            }
        }
    }),
    Function::new("repeat", "is", |context, args| {
        let negative = || "strings: negative Repeat count".into();
        let count = usize::try_from(args.int(0)?).map_err(|_| context.failed(negative))?;
        let text = args.text(1)?;
        let overflow = || "strings: Repeat output length overflow".into();
        let size = text.len().checked_mul(count);
        let size = size.ok_or_else(|| context.failed(overflow))?;
        context.budget.allocate(size)?;
        context.made(text.repeat(count))
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
        join_present(context, args, |context, value, joined| {
            let text = text_of(context.budget, value)?;
            let quoted = quote(context.budget, &text, '"', false)?;
            joined.write(context.budget, quoted.as_bytes())
        })
    }),
    Function::new("squote", "A", |context, args| {
        join_present(context, args, |context, value, joined| {
            let text = text_of(context.budget, value)?;
            joined.write(context.budget, b"'")?;
            joined.write(context.budget, &text)?;
            joined.write(context.budget, b"'")
        })
    }),
    Function::new("cat", "A", |context, args| {
        join_present(context, args, |context, value, joined| {
            let text = text_of(context.budget, value)?;
            joined.write(context.budget, &text)
        })
    }),
    Function::new("indent", "is", |context, args| indented(context, args, b"")),
    Function::new("nindent", "is", |context, args| {
        indented(context, args, b"\n")
    }),
    Function::new("replace", "sss", |context, args| {
        let text = replace(context, args.text(2)?, args.text(0)?, args.text(1)?)?;
        context.grown(text)
    }),
    Function::new("plural", "ssi", |_, args| {
        let is_one = args.int(2)? == 1;
        Ok(Value::String(
            args.text(if is_one { 0 } else { 1 })?.clone(),
        ))
    }),
    Function::new("toString", "a", |context, args| {
        Ok(Value::String(text_of(context.budget, args.any(0)?)?))
    }),
    Function::new("join", "sa", |context, args| {
        let texts = texts_of(context, args.any(1)?)?;
        let mut joined = Buffer::new();
        for (i, text) in texts.iter().enumerate() {
            if i > 0 {
                joined.write(context.budget, args.text(0)?)?;
            }
            joined.write(context.budget, text)?;
        }
        context.grown(joined)
    }),
    Function::new("toStrings", "a", |context, args| match args.any(0)? {
        Value::List(list) if list.element == Element::String => Ok(Value::List(list.clone())),
        value => {
            let texts = texts_of(context, value)?;
            string_list(context, texts)
        }
    }),
    Function::new("sortAlpha", "a", |context, args| {
        let value = args.any(0)?;
        let Value::List(list) = value else {
            let text = text_of(context.budget, value)?;
            return string_list(context, vec![text]);
        };
        let texts = texts_of(context, value)?;
        let texts = sorted(context.budget, texts)?;
        if list.element == Element::String {
            list.replace(&texts);
            return Ok(value.clone());
        }
        string_list(context, texts)
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
        let mut shuffled = all_chars(context, args.text(0)?)?;
        for i in (1..shuffled.len()).rev() {
            let other = context.random_below(i as u64 + 1)?;
            shuffled.swap(i, other as usize);
        }
        let mut text = Buffer::new();
        for c in shuffled.iter() {
            text.push(context.budget, *c)?;
        }
        context.grown(text)
    }),
    Function::new("hello", "", |context, _| context.text(b"Hello!")),
    Function::new("fail", "s", |context, args| {
        let message = String::from_utf8_lossy(args.text(0)?);
        Err(context.failed(|| message.into_owned()))
    }),
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
        return context.joined(&[part(0, kept), b"..."]);
    }
    if width < 7 {
        // Only an offset that was moved comes here; Go then gives nothing.
        return context.text(b"");
    }
    if offset + kept < size {
        let middle = part(offset, offset + kept - 3);
        return context.joined(&[b"...", middle, b"..."]);
    }
    context.joined(&[b"...", part(size - kept, size)])
}

/// The characters of a text, paid for.
fn all_chars(context: &mut Context, text: &[u8]) -> Result<Zeroizing<Vec<char>>, Fault> {
    context.budget.allocate(4 * text.len())?;
    let mut all = Zeroizing::new(Vec::with_capacity(text.len()));
    all.extend(chars(text));
    Ok(all)
}

fn trim_all(context: &mut Context, args: Arguments) -> Result<Value, Fault> {
    let cut = all_chars(context, args.text(0)?)?;
    let text = args.text(1)?;
    let comparisons = (text.len() as u64).saturating_mul(cut.len() as u64);
    context.budget.spend_at_once(comparisons / 32)?;
    let is_cut = |c| cut.contains(&c);
    context.text(text::trim_end_by(text::trim_start_by(text, is_cut), is_cut))
}

/// The texts of all arguments that are not nil, with spaces between them.
fn join_present(
    context: &mut Context,
    args: Arguments,
    write: fn(&mut Context, &Value, &mut Buffer) -> Result<(), Fault>,
) -> Result<Value, Fault> {
    let mut joined = Buffer::new();
    let present = args.0.iter().filter(|value| !value.is_nil());
    for (i, value) in present.enumerate() {
        if i > 0 {
            joined.write(context.budget, b" ")?;
        }
        write(context, value, &mut joined)?;
    }
    context.grown(joined)
}

/// The lines of a text after spaces, behind a prefix.
fn indented(context: &mut Context, args: Arguments, prefix: &[u8]) -> Result<Value, Fault> {
    let negative = || "strings: negative Repeat count".into();
    let spaces = usize::try_from(args.int(0)?).map_err(|_| context.failed(negative))?;
    let mut indented = Buffer::new();
    indented.write(context.budget, prefix)?;
    for (i, line) in args.text(1)?.split(|byte| *byte == b'\n').enumerate() {
        if i > 0 {
            indented.write(context.budget, b"\n")?;
        }
        indented.fill(context.budget, b' ', spaces)?;
        indented.write(context.budget, line)?;
    }
    context.grown(indented)
}

fn replace(context: &mut Context, text: &[u8], old: &[u8], new: &[u8]) -> Result<Buffer, Fault> {
    let mut replaced = Buffer::new();
    let mut rest = text;
    if old.is_empty() {
        // Nothing stands before each character and at the end.
        replaced.write(context.budget, new)?;
        while let Some((_, width)) = decode(rest) {
            context.budget.spend(1)?;
            replaced.write(context.budget, &rest[..width])?;
            replaced.write(context.budget, new)?;
            rest = &rest[width..];
        }
        return Ok(replaced);
    }
    let finder = memchr::memmem::Finder::new(old);
    while let Some(at) = finder.find(rest) {
        context.budget.spend(1 + at as u64 / 64)?;
        replaced.write(context.budget, &rest[..at])?;
        replaced.write(context.budget, new)?;
        rest = &rest[at + old.len()..];
    }
    replaced.write(context.budget, rest)?;
    Ok(replaced)
}

/// The texts of a list without what is nil, or of a single value.
pub(super) fn texts_of(context: &mut Context, value: &Value) -> Result<Vec<Text>, Fault> {
    let Value::List(list) = value else {
        return match value {
            Value::Nil | Value::Missing => Ok(Vec::new()),
            value => Ok(vec![text_of(context.budget, value)?]),
        };
    };
    context.pay_for_elements(list.len())?;
    let mut texts = Vec::with_capacity(list.len());
    for value in list.elements().iter().flat_map(|values| values.iter()) {
        if !value.is_nil() {
            texts.push(text_of(context.budget, value)?);
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

/// What a part takes beside its bytes, its name included.
const NUMBERED: usize = 256;

/// Parts by the names `_0`, `_1` and so on.
fn numbered<'t>(
    context: &mut Context,
    parts: impl Iterator<Item = &'t [u8]>,
) -> Result<Value, Fault> {
    let mut map = BTreeMap::new();
    for (i, part) in parts.enumerate() {
        context.budget.allocate(part.len() + NUMBERED)?;
        let name = Text::from(format!("_{i}").into_bytes());
        map.insert(name, Text::from(part));
    }
    Ok(Value::Strings(Arc::new(map)))
}
