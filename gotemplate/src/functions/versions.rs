//! Semantic versions.

use std::rc::Rc;

use crate::error::Fault;
use crate::function::Function;
use crate::semver::{Constraints, Version};
use crate::value::Value;

/// Longer texts are no versions that anybody has; matching them would cost too much.
const LONGEST: usize = 4096;

pub(super) static FUNCTIONS: [Function; 2] = [
    Function::new("semver", "s", |context, args| {
        context.budget.spend(args.text(0)?.len() as u64)?;
        Ok(Value::Version(Rc::new(version(args.text(0)?)?)))
    }),
    Function::new("semverCompare", "ss", |context, args| {
        let constraints = utf8(args.text(0)?)?;
        context.budget.spend(10 * constraints.len() as u64)?;
        let constraints = Constraints::parse(constraints).ok_or(Fault::Failed)?;
        let version = version(args.text(1)?)?;
        Ok(Value::Bool(constraints.allow(&version)))
    }),
];

fn version(text: &[u8]) -> Result<Version, Fault> {
    Version::parse(utf8(text)?).ok_or(Fault::Failed)
}

fn utf8(text: &[u8]) -> Result<&str, Fault> {
    if text.len() > LONGEST {
        return Err(Fault::Failed);
    }
    std::str::from_utf8(text).map_err(|_| Fault::Failed)
}
