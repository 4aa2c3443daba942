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

/// The kinds of failure.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// An action has no end.
    UnclosedAction,
    /// A quoted string has no end.
    UnterminatedString,
    /// An action says nothing.
    MissingValue,
    /// A function that does not exist; the name is the source's.
    UnknownFunction(String),
    /// A part of the language that is not supported.
    Unsupported,
    /// A limit of the caller was reached.
    Budget,
}

/// A place in the source, counted from one; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Error {
    pub(crate) fn new(name: &str, source: &str, offset: usize, class: Class) -> Self {
        Self::at(name, Position::of(source, offset), class)
    }

    pub(crate) fn at(name: &str, position: Position, class: Class) -> Self {
        Self {
            name: name.to_owned(),
            line: position.line,
            column: position.column,
            class,
        }
    }

    /// What kind of failure it is.
    pub fn class(&self) -> &Class {
        &self.class
    }
}

impl Position {
    pub(crate) fn of(source: &str, offset: usize) -> Self {
        let before = source.get(..offset).unwrap_or(source);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnclosedAction => f.write_str("unclosed action"),
            Self::UnterminatedString => f.write_str("unterminated quoted string"),
            Self::MissingValue => f.write_str("missing value for command"),
            Self::UnknownFunction(name) => write!(f, "function {name:?} not defined"),
            Self::Unsupported => f.write_str("unsupported action"),
            Self::Budget => f.write_str("budget exceeded"),
        }
    }
}
