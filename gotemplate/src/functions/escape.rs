//! Texts made safe for HTML, JavaScript and URLs.

use crate::buffer::Buffer;
use crate::context::Context;
use crate::error::Fault;
use crate::fmt;
use crate::function::{Arguments, Function};
use crate::text::{Text, is_print, runes};
use crate::url;
use crate::value::Value;

pub(super) static FUNCTIONS: [Function; 3] = [
    Function::new("html", "A", |context, args| {
        let text = joined(context, args)?;
        context.budget.spend_at_once(text.len() as u64 / 8)?;
        let mut escaped = Buffer::new();
        for byte in text.iter() {
            let byte = match byte {
                0 => "\u{fffd}".as_bytes(),
                b'"' => b"&#34;",
                b'\'' => b"&#39;",
                b'&' => b"&amp;",
                b'<' => b"&lt;",
                b'>' => b"&gt;",
                byte => std::slice::from_ref(byte),
            };
            escaped.write(context.budget, byte)?;
        }
        context.grown(escaped)
    }),
    Function::new("js", "A", |context, args| {
        let text = joined(context, args)?;
        context.budget.spend_at_once(text.len() as u64 / 2)?;
        let mut escaped = Buffer::new();
        let mut offset = 0;
        for (c, width) in runes(&text) {
            let original = &text[offset..offset + width];
            offset += width;
            match c {
                '\\' | '\'' | '"' => escaped.write(context.budget, &[b'\\', c as u8])?,
                '<' | '>' | '&' | '=' | '\0'..'\u{20}' => {
                    escaped.write(context.budget, code(c).as_bytes())?;
                }
                c if c.is_ascii() || is_print(c) => escaped.write(context.budget, original)?,
                c => escaped.write(context.budget, code(c).as_bytes())?,
            }
        }
        context.grown(escaped)
    }),
    Function::new("urlquery", "A", |context, args| {
        let text = joined(context, args)?;
        context.budget.spend_at_once(text.len() as u64 / 2)?;
        context.budget.allocate(text.len().saturating_mul(3))?;
        context.made(url::escape_query(&text))
    }),
];

fn code(c: char) -> String {
    format!("\\u{:04X}", u32::from(c))
}

/// The arguments as one text.
fn joined(context: &mut Context, args: Arguments) -> Result<Text, Fault> {
    if let [Value::String(text)] = args.0 {
        return Ok(text.clone());
    }
    let values: Vec<Value> = args
        .0
        .iter()
        .map(|value| match value {
            Value::Nil | Value::Missing => Value::String("<no value>".into()),
            value => value.clone(),
        })
        .collect();
    fmt::sprint(context.budget, &values)
}
