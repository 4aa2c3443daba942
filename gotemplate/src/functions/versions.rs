//! Semantic versions.

use crate::context::Context;
use crate::error::Fault;
use crate::function::Function;
use crate::semver::{Constraints, Version};
use crate::value::Value;

/// Longer texts are no versions that anybody has; matching them would cost too much.
const LONGEST: usize = 4096;

pub(super) static FUNCTIONS: [Function; 2] = [
    Function::new("semver", "s", |context, args| {
        let version = version(context, args.text(0)?)?;
        context.version(version)
    }),
    Function::new("semverCompare", "ss", |context, args| {
        let text = args.text(0)?;
        context.budget.spend(100 + 10 * text.len() as u64)?;
        let Some(constraints) = utf8(text).and_then(Constraints::parse) else {
            let text = String::from_utf8_lossy(text);
            return Err(context.failed(|| format!("improper constraint: {text}")));
        };
        let version = version(context, args.text(1)?)?;
        Ok(Value::Bool(constraints.allow(&version)))
    }),
];

fn version(context: &mut Context, text: &[u8]) -> Result<Version, Fault> {
    context.budget.spend(10 + text.len() as u64)?;
    let version = utf8(text).and_then(Version::parse);
    version.ok_or_else(|| context.failed(|| "Invalid Semantic Version".into()))
}

fn utf8(text: &[u8]) -> Option<&str> {
    if text.len() > LONGEST {
        return None;
    }
    std::str::from_utf8(text).ok()
}
