//! Texts made safe for HTML, JavaScript and URLs.

use crate::context::Context;
use crate::error::Fault;
use crate::fmt;
use crate::function::{Arguments, Function};
use crate::text::{is_print, runes};
use crate::url;
use crate::value::Value;

pub(super) static FUNCTIONS: [Function; 3] = [
    Function::new("html", "A", |context, args| {
        let text = joined(context, args)?;
        let mut escaped = context.budget.buffer();
        for byte in text {
            match byte {
                0 => escaped.write("\u{fffd}".as_bytes())?,
                b'"' => escaped.write(b"&#34;")?,
                b'\'' => escaped.write(b"&#39;")?,
                b'&' => escaped.write(b"&amp;")?,
                b'<' => escaped.write(b"&lt;")?,
                b'>' => escaped.write(b"&gt;")?,
                byte => escaped.write(&[byte])?,
            }
        }
        context.text(escaped.into_bytes())
    }),
    Function::new("js", "A", |context, args| {
        let text = joined(context, args)?;
        let mut escaped = context.budget.buffer();
        let mut offset = 0;
        for (c, width) in runes(&text) {
            let original = &text[offset..offset + width];
            offset += width;
            match c {
                '\\' | '\'' | '"' => escaped.write(&[b'\\', c as u8])?,
                '<' | '>' | '&' | '=' | '\0'..'\u{20}' => {
                    escaped.write(format!("\\u{:04X}", u32::from(c)).as_bytes())?;
                }
                c if c.is_ascii() || is_print(c) => escaped.write(original)?,
                c => escaped.write(format!("\\u{:04X}", u32::from(c)).as_bytes())?,
            }
        }
        context.text(escaped.into_bytes())
    }),
    Function::new("urlquery", "A", |context, args| {
        let text = joined(context, args)?;
        context.budget.allocate(text.len().saturating_mul(3))?;
        context.text(url::escape_query(&text))
    }),
];

/// The arguments as one text.
fn joined(context: &mut Context, args: Arguments) -> Result<Vec<u8>, Fault> {
    if let [Value::String(text)] = args.0 {
        return Ok(text.to_vec());
    }
    let values: Vec<Value> = args
        .0
        .iter()
        .map(|value| match value {
            Value::Nil | Value::Missing => Value::String((*b"<no value>").into()),
            value => value.clone(),
        })
        .collect();
    fmt::sprint(context.budget, &values)
}
