#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod budget;
mod compare;
mod context;
mod data;
mod date;
mod decimal;
mod environment;
mod error;
mod eval;
mod fmt;
mod function;
mod functions;
mod json;
mod lex;
mod literal;
mod methods;
mod parse;
mod pattern;
mod semver;
mod text;
mod tree;
mod url;
mod value;

pub use budget::{BCRYPT_STEPS, Budget, Limits};
pub use data::Data;
pub use environment::{Environment, Randomness};
pub use error::{Class, Error, Resource};

use error::Failure;
use tree::Trees;

/// A parsed template, with all that it defines.
pub struct Template {
    name: String,
    source: String,
    trees: Trees,
}

impl Template {
    /// Parses a template; `name` is what errors call it.
    pub fn parse(name: &str, source: &str, limits: &Limits) -> Result<Self, Error> {
        if source.len() > limits.source_bytes {
            let class = Class::Budget(Resource::Source);
            return Err(Error::new(name, source, Failure { offset: 0, class }));
        }
        let trees = parse::parse(source, name, limits.nesting)
            .map_err(|failure| Error::new(name, source, failure))?;
        Ok(Self {
            name: name.to_owned(),
            source: source.to_owned(),
            trees,
        })
    }

    /// Renders the template with the data as dot, paying from a budget.
    pub fn render(
        &self,
        dot: &Data,
        environment: &Environment,
        budget: &mut Budget,
    ) -> Result<Vec<u8>, Error> {
        let root = self.name.as_bytes();
        eval::render(&self.trees, root, dot.to_value(), budget, environment)
            .map_err(|failure| Error::new(&self.name, &self.source, failure))
    }
}

/// The names of all functions that templates can call, in order.
pub fn function_names() -> Vec<&'static str> {
    let all = functions::ALL.iter().copied().flatten();
    let mut names: Vec<&str> = all.map(|function| function.name).collect();
    names.sort_unstable();
    names.dedup();
    names
}
