//! What can be wrong with a template: where and of which class, never with a value.

use std::fmt;

/// A template that does not parse, or failed while rendering.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("template: {name}:{line}:{column}: {class}")]
pub struct Error {
    name: String,
    line: usize,
    column: usize,
    class: Class,
}

/// The kinds of failure: the first two are told by parsing, the others by rendering.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// The source does not parse; the text may quote the source, never a value.
    Syntax(String),
    /// A function that does not exist; the name is the source's.
    UnknownFunction(String),
    /// A value of a type that cannot be used there.
    Type,
    /// A function, by name, was given too few or too many arguments.
    Arguments(&'static str),
    /// A function, by name, failed.
    Function(&'static str),
    /// A template that is called is not defined.
    UndefinedTemplate,
    /// A limit of the caller was reached.
    Budget(Resource),
}

/// What a budget is kept for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    /// The length of the source.
    Source,
    /// How deep things stand in one another.
    Nesting,
    /// The work done.
    Steps,
    /// The bytes allocated.
    Memory,
    /// The length of the output.
    Output,
    /// The time by the clock.
    Time,
}

/// Why a function or an operation failed, before its place is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Its arguments do not suit it.
    Failed,
    /// A limit was reached.
    Budget(Resource),
}

/// A class and the byte of the source where it happened.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) offset: usize,
    pub(crate) class: Class,
}

impl Fault {
    /// What it means at a place of the source, for an operation without a name.
    pub(crate) fn at(self, offset: usize) -> Failure {
        let class = match self {
            Self::Budget(resource) => Class::Budget(resource),
            Self::Failed => Class::Type,
        };
        Failure { offset, class }
    }
}

impl Error {
    pub(crate) fn new(name: &str, source: &str, failure: Failure) -> Self {
        let before = source.get(..failure.offset).unwrap_or(source);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            name: name.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            class: failure.class,
        }
    }

    /// The name of the template.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The line, counted from one.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The column in characters, counted from one.
    pub fn column(&self) -> usize {
        self.column
    }

    /// What kind of failure it is.
    pub fn class(&self) -> &Class {
        &self.class
    }
}

/// A piece of the source between quotes, or its start.
pub(crate) fn quoted(source: &str) -> String {
    format!("{:?}", shortened(source))
}

/// The start of a piece of the source: a message is no place for a megabyte.
pub(crate) fn shortened(source: &str) -> String {
    const CHARS: usize = 200;
    match source.char_indices().nth(CHARS) {
        Some((end, _)) => format!("{}...", &source[..end]),
        None => source.to_owned(),
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(message) => f.write_str(message),
            Self::UnknownFunction(name) => write!(f, "function {name:?} not defined"),
            Self::Type => f.write_str("wrong type of value"),
            Self::Arguments(name) => write!(f, "wrong number of arguments for {name}"),
            Self::Function(name) => write!(f, "error calling {name}"),
            Self::UndefinedTemplate => f.write_str("template not defined"),
            Self::Budget(resource) => write!(f, "budget exceeded: {resource}"),
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Source => "source",
            Self::Nesting => "nesting",
            Self::Steps => "steps",
            Self::Memory => "memory",
            Self::Output => "output",
            Self::Time => "time",
        })
    }
}
