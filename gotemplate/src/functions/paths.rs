//! Slash-separated paths; those of the operating system are the same here.

use zeroize::Zeroizing;

use crate::context::Context;
use crate::error::Fault;
use crate::function::Function;
use crate::value::Value;

pub(super) static FUNCTIONS: [Function; 10] = [
    Function::new("base", "s", |context, args| {
        context.text(base(args.text(0)?))
    }),
    Function::new("osBase", "s", |context, args| {
        context.text(base(args.text(0)?))
    }),
    Function::new("dir", "s", |context, args| {
        let path = dir(context, args.text(0)?)?;
        context.made(path)
    }),
    Function::new("osDir", "s", |context, args| {
        let path = dir(context, args.text(0)?)?;
        context.made(path)
    }),
    Function::new("clean", "s", |context, args| {
        let path = clean(context, args.text(0)?)?;
        context.made(path)
    }),
    Function::new("osClean", "s", |context, args| {
        let path = clean(context, args.text(0)?)?;
        context.made(path)
    }),
    Function::new("ext", "s", |context, args| context.text(ext(args.text(0)?))),
    Function::new("osExt", "s", |context, args| {
        context.text(ext(args.text(0)?))
    }),
    Function::new("isAbs", "s", |_, args| {
        Ok(Value::Bool(args.text(0)?.starts_with(b"/")))
    }),
    Function::new("osIsAbs", "s", |_, args| {
        Ok(Value::Bool(args.text(0)?.starts_with(b"/")))
    }),
];

/// The last element.
fn base(path: &[u8]) -> &[u8] {
    if path.is_empty() {
        return b".";
    }
    let end = path.iter().rposition(|byte| *byte != b'/');
    let Some(end) = end else {
        return b"/";
    };
    let start = memchr::memrchr(b'/', &path[..=end]).map_or(0, |slash| slash + 1);
    &path[start..=end]
}

/// Everything but the last element, cleaned.
fn dir(context: &mut Context, path: &[u8]) -> Result<Vec<u8>, Fault> {
    let end = memchr::memrchr(b'/', path).map_or(0, |slash| slash + 1);
    clean(context, &path[..end])
}

/// The suffix of the last element from its last dot on.
fn ext(path: &[u8]) -> &[u8] {
    let start = memchr::memrchr(b'/', path).map_or(0, |slash| slash + 1);
    match memchr::memrchr(b'.', &path[start..]) {
        Some(dot) => &path[start + dot..],
        None => b"",
    }
}

/// The shortest path that means the same.
fn clean(context: &mut Context, path: &[u8]) -> Result<Vec<u8>, Fault> {
    context.budget.spend_at_once(path.len() as u64 / 16)?;
    let is_rooted = path.starts_with(b"/");
    let mut elements: Vec<&[u8]> = Vec::new();
    for element in path.split(|byte| *byte == b'/') {
        match element {
            b"" | b"." => {}
            b".." if elements.last().is_some_and(|last| *last != b"..") => {
                elements.pop();
            }
            b".." if is_rooted => {}
            element => context.budget.push(&mut elements, element)?,
        }
    }
    context.budget.allocate(2 * path.len())?;
    let joined = Zeroizing::new(elements.join(&b'/'));
    Ok(match (is_rooted, joined.is_empty()) {
        (true, _) => [b"/", joined.as_slice()].concat(),
        (false, true) => b".".to_vec(),
        (false, false) => joined.to_vec(),
    })
}
