//! JSON from and to values.

use crate::context::Context;
use crate::error::Fault;
use crate::function::{Arguments, Function};
use crate::json::{Style, decode, encode};
use crate::text::Text;
use crate::value::Value;

const HTML: Style = Style {
    escapes_html: true,
    is_pretty: false,
};
const PRETTY: Style = Style {
    escapes_html: true,
    is_pretty: true,
};
const RAW: Style = Style {
    escapes_html: false,
    is_pretty: false,
};

pub(super) static FUNCTIONS: [Function; 8] = [
    Function::new("fromJson", "s", |context, args| {
        let decoded = decode(context, args.text(0)?);
        or_when_failed(decoded, Value::Nil)
    }),
    Function::new("mustFromJson", "s", |context, args| {
        decode(context, args.text(0)?)
    }),
    Function::new("toJson", "a", |context, args| {
        or_empty(encoded(context, args, HTML))
    }),
    Function::new("mustToJson", "a", |context, args| {
        encoded(context, args, HTML)
    }),
    Function::new("toPrettyJson", "a", |context, args| {
        or_empty(encoded(context, args, PRETTY))
    }),
    Function::new("mustToPrettyJson", "a", |context, args| {
        encoded(context, args, PRETTY)
    }),
    Function::new("toRawJson", "a", |context, args| {
        encoded(context, args, RAW)
    }),
    Function::new("mustToRawJson", "a", |context, args| {
        encoded(context, args, RAW)
    }),
];

fn encoded(context: &mut Context, args: Arguments, style: Style) -> Result<Value, Fault> {
    match encode(context.budget, args.any(0)?, style) {
        Ok(json) => context.grown(json),
        Err(Fault::Failed) => Err(context.failed(|| "json: unsupported value".into())),
        Err(fault) => Err(fault),
    }
}

fn or_empty(result: Result<Value, Fault>) -> Result<Value, Fault> {
    or_when_failed(result, Value::String(Text::default()))
}

/// A failure gives another value; an exhausted budget stays one.
fn or_when_failed(result: Result<Value, Fault>, other: Value) -> Result<Value, Fault> {
    match result {
        Err(Fault::Failed) => Ok(other),
        result => result,
    }
}
