//! URLs as maps of their parts.

use std::collections::BTreeMap;

use crate::context::Context;
use crate::error::Fault;
use crate::function::{Arguments, Function};
use crate::text::Text;
use crate::url::{Url, User};
use crate::value::Value;

pub(super) static FUNCTIONS: [Function; 2] = [
    Function::new("urlParse", "s", parse),
    Function::new("urlJoin", "m", join),
];

fn parse(context: &mut Context, args: Arguments) -> Result<Value, Fault> {
    context
        .budget
        .allocate(args.text(0)?.len().saturating_mul(4))?;
    let url = Url::parse(args.text(0)?).ok_or(Fault::Failed)?;
    let user = url.user.as_ref().map(User::to_text).unwrap_or_default();
    let parts: [(&str, &[u8]); 8] = [
        ("scheme", &url.scheme),
        ("host", &url.host),
        ("hostname", url.hostname()),
        ("path", &url.path),
        ("query", &url.query),
        ("opaque", &url.opaque),
        ("fragment", &url.fragment),
        ("userinfo", &user),
    ];
    let mut map = BTreeMap::new();
    for (name, part) in parts {
        map.insert(Text::from(name.as_bytes()), context.text(part)?);
    }
    context.map(map)
}

fn join(context: &mut Context, args: Arguments) -> Result<Value, Fault> {
    let map = args.map(0)?;
    let mut size = 0usize;
    let mut part = |name: &str| match map.get(name.as_bytes()) {
        None => Ok(Vec::new()),
        Some(Value::String(text)) => {
            size = size.saturating_add(text.len());
            Ok(text.to_vec())
        }
        Some(_) => Err(Fault::Failed),
    };
    let mut url = Url {
        scheme: part("scheme")?,
        host: part("host")?,
        path: part("path")?,
        query: part("query")?,
        opaque: part("opaque")?,
        fragment: part("fragment")?,
        user: None,
    };
    let user = part("userinfo")?;
    context.budget.allocate(size.saturating_mul(4))?;
    if !user.is_empty() {
        let text = [b"proto://", user.as_slice(), b"@host"].concat();
        url.user = Url::parse(&text).ok_or(Fault::Failed)?.user;
    }
    context.text(url.to_text())
}
