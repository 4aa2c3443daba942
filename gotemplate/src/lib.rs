#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod budget;
mod buffer;
mod compare;
mod context;
mod data;
mod date;
mod decimal;
mod environment;
mod error;
mod eval;
mod explain;
mod fmt;
mod function;
mod functions;
mod json;
mod lex;
mod literal;
mod methods;
mod parse;
mod pattern;
mod scope;
mod semver;
mod text;
mod tree;
mod url;
mod value;

pub use budget::{BCRYPT_STEPS, Budget, Clock, Limits};
pub use data::Data;
pub use environment::{Environment, Randomness};
pub use error::{Class, Error, Resource};
pub use explain::Explanation;

use context::Context;
use eval::Source;
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
        Self::parse_within(name, source, &mut Budget::new(limits))
    }

    /// Parses a template and pays for it from a budget.
    pub fn parse_within(name: &str, source: &str, budget: &mut Budget) -> Result<Self, Error> {
        let trees = parse::parse(source, name, budget)
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
        let mut context = Context::new(budget, environment);
        eval::render(self.source(), dot.to_value(), &mut context)
            .map_err(|failed| Error::new(&self.name, &self.source, failed.failure))
    }

    /// Renders the template like [`Template::render`], and explains a failure to somebody who may see the
    /// values of the data.
    pub fn explain(
        &self,
        dot: &Data,
        environment: &Environment,
        budget: &mut Budget,
    ) -> Result<Vec<u8>, Explanation> {
        let mut context = Context::explaining(budget, environment);
        let source = self.source();
        eval::render(source, dot.to_value(), &mut context)
            .map_err(|failed| Explanation::new(source, failed, context.take_message()))
    }

    fn source(&self) -> Source<'_> {
        Source {
            name: &self.name,
            text: &self.source,
            trees: &self.trees,
        }
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
