//! URLs as maps of their parts.

use std::collections::BTreeMap;

use crate::context::Context;
use crate::error::Fault;
use crate::function::{Arguments, Function};
use crate::text::Text;
use crate::url::{Url, User, Wiped};
use crate::value::Value;

pub(super) static FUNCTIONS: [Function; 2] = [
    Function::new("urlParse", "s", parse),
    Function::new("urlJoin", "m", join),
];

fn parse(context: &mut Context, args: Arguments) -> Result<Value, Fault> {
    let text = args.text(0)?;
    context.budget.spend_at_once(text.len() as u64 / 4)?;
    context.budget.allocate(text.len().saturating_mul(4))?;
    let Some(url) = Url::parse(text) else {
        let text = String::from_utf8_lossy(text);
        return Err(context.failed(|| format!("unable to parse url: parse {text:?}")));
    };
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
        map.insert(Text::from(name), context.text(part)?);
    }
    context.map(map)
}

fn join(context: &mut Context, args: Arguments) -> Result<Value, Fault> {
    let map = args.map(0)?;
    let mut part = |name: &str| match map.get(name.as_bytes()) {
        None => Ok(Wiped::default()),
        Some(Value::String(text)) => {
            context.budget.spend_at_once(text.len() as u64 / 2)?;
            context.budget.allocate(text.len().saturating_mul(8))?;
            Ok(text.to_vec().into())
        }
        Some(other) => {
            let kind = other.type_name();
            let message =
                || format!("unable to parse {name} key, must be of type string, but {kind} found");
            Err(context.failed(message))
        }
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
    if !user.is_empty() {
        let text = Wiped::new([b"proto://", user.as_slice(), b"@host"].concat());
        let parsed = Url::parse(&text);
        let invalid = || "unable to parse userinfo in dict".into();
        url.user = parsed.ok_or_else(|| context.failed(invalid))?.user;
    }
    context.made(url.to_text())
}
