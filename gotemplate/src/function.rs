//! Functions by name, and the arguments they are called with.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::context::Context;
use crate::date::Time;
use crate::error::Fault;
use crate::functions;
use crate::text::Text;
use crate::value::{Map, Value};

/// A function that templates can call.
pub(crate) struct Function {
    pub(crate) name: &'static str,
    /// A letter for each parameter, see [`Parameter`]; a last one in upper case stands for any number.
    parameters: &'static str,
    pub(crate) run: Run,
}

/// How a function is run.
pub(crate) type Run = fn(&mut Context, Arguments) -> Result<Value, Fault>;

/// What a function takes in one place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parameter {
    /// `s`
    String,
    /// `i`
    Int,
    /// `f`
    Float,
    /// `b`
    Bool,
    /// `m`: `map[string]interface {}`
    Map,
    /// `t`: `time.Time`
    Time,
    /// `d`: `time.Duration`
    Duration,
    /// `p`: `*semver.Version`
    Version,
    /// `a`: `interface {}`
    Any,
    /// `v`: any value, or none
    Value,
}

impl Parameter {
    /// Go's name of the type.
    pub(crate) fn type_name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Int => "int",
            Self::Float => "float64",
            Self::Bool => "bool",
            Self::Map => "map[string]interface {}",
            Self::Time => "time.Time",
            Self::Duration => "time.Duration",
            Self::Version => "*semver.Version",
            Self::Any | Self::Value => "interface {}",
        }
    }
}

impl Function {
    pub(crate) const fn new(name: &'static str, parameters: &'static str, run: Run) -> Self {
        Self {
            name,
            parameters,
            run,
        }
    }

    /// The function of a name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        static BY_NAME: LazyLock<HashMap<&str, &Function>> = LazyLock::new(|| {
            let all = functions::ALL.iter().copied().flatten();
            all.map(|function| (function.name, function)).collect()
        });
        BY_NAME.get(name).copied()
    }

    /// The least number of arguments.
    pub(crate) fn fixed(&self) -> usize {
        self.parameters.len() - usize::from(self.is_variadic())
    }

    pub(crate) fn is_variadic(&self) -> bool {
        self.parameters.ends_with(|c: char| c.is_ascii_uppercase())
    }

    /// What it takes at a place.
    pub(crate) fn parameter(&self, index: usize) -> Parameter {
        let last = self.parameters.len().saturating_sub(1);
        let letter = self.parameters.as_bytes().get(index.min(last));
        match letter.copied().unwrap_or(b'a').to_ascii_lowercase() {
            b's' => Parameter::String,
            b'i' => Parameter::Int,
            b'f' => Parameter::Float,
            b'b' => Parameter::Bool,
            b'm' => Parameter::Map,
            b't' => Parameter::Time,
            b'd' => Parameter::Duration,
            b'p' => Parameter::Version,
            b'v' => Parameter::Value,
            _ => Parameter::Any,
        }
    }
}

/// Arguments that already fit the parameters.
#[derive(Clone, Copy)]
pub(crate) struct Arguments<'a>(pub(crate) &'a [Value]);

impl<'a> Arguments<'a> {
    pub(crate) fn any(self, index: usize) -> Result<&'a Value, Fault> {
        self.0.get(index).ok_or(Fault::Failed)
    }

    pub(crate) fn text(self, index: usize) -> Result<&'a Text, Fault> {
        match self.any(index)? {
            Value::String(text) => Ok(text),
            _ => Err(Fault::Failed),
        }
    }

    pub(crate) fn int(self, index: usize) -> Result<i64, Fault> {
        match self.any(index)? {
            Value::Int(value) => Ok(*value),
            _ => Err(Fault::Failed),
        }
    }

    pub(crate) fn float(self, index: usize) -> Result<f64, Fault> {
        match self.any(index)? {
            Value::Float(value) => Ok(*value),
            _ => Err(Fault::Failed),
        }
    }

    pub(crate) fn bool(self, index: usize) -> Result<bool, Fault> {
        match self.any(index)? {
            Value::Bool(value) => Ok(*value),
            _ => Err(Fault::Failed),
        }
    }

    pub(crate) fn map(self, index: usize) -> Result<&'a Map, Fault> {
        match self.any(index)? {
            Value::Map(map) => Ok(map),
            _ => Err(Fault::Failed),
        }
    }

    pub(crate) fn time(self, index: usize) -> Result<&'a Time, Fault> {
        match self.any(index)? {
            Value::Time(time) => Ok(time),
            _ => Err(Fault::Failed),
        }
    }

    /// The arguments from a place on.
    pub(crate) fn from(self, index: usize) -> &'a [Value] {
        self.0.get(index..).unwrap_or_default()
    }

    pub(crate) fn len(self) -> usize {
        self.0.len()
    }
}
