//! Errors as Go tells them, for those who hold the values anyway.

use std::fmt;

use zeroize::Zeroizing;

use crate::error::{Class, Error};
use crate::eval::{Failed, Source};
use crate::lex::{Kind, Token, lex};

/// Why a template failed, as Go tells it: where, in which action, and what the function said. The text may
/// hold values, so it has no `Display`, and `Debug` leaves it out.
pub struct Explanation {
    error: Error,
    text: Zeroizing<String>,
}

impl Explanation {
    pub(crate) fn new(source: Source, failed: Failed, message: Option<Zeroizing<String>>) -> Self {
        let offset = failed.failure.offset;
        let template = String::from_utf8_lossy(failed.template);
        let (offset, action) = action(source.text, offset, &failed.failure.class);
        let (line, column) = place(source.text, offset);
        let error = Error::new(source.name, source.text, failed.failure);
        let message = message.unwrap_or_default();
        let said = match error.class() {
            Class::UndefinedTemplate => format!("template {} not defined", *message),
            Class::Function(name) if message.is_empty() => format!("error calling {name}"),
            Class::Function(name) => format!("error calling {name}: {}", *message),
            Class::Type | Class::Arguments(_) if !message.is_empty() => message.to_string(),
            class => class.to_string(),
        };
        let said = Zeroizing::new(said);
        let text = format!(
            "template: {}:{line}:{column}: executing {template:?} at <{action}>: {}",
            source.name, *said
        );
        Self {
            error,
            text: text.into(),
        }
    }

    /// The error without a value in it.
    pub fn error(&self) -> &Error {
        &self.error
    }

    /// The whole text. Every caller has a reason to show values: it was asked to by who holds them.
    pub fn expose(&self) -> &str {
        &self.text
    }
}

/// An error of parsing as Go tells it; it never holds a value.
impl From<Error> for Explanation {
    fn from(error: Error) -> Self {
        let (name, line, class) = (error.name(), error.line(), error.class());
        let text = format!("template: {name}:{line}: {class}").into();
        Self { error, text }
    }
}

impl fmt::Debug for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Explanation")
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

/// The line, counted from one, and the column in bytes, counted from zero, as Go has them.
fn place(source: &str, offset: usize) -> (usize, usize) {
    let before = source.get(..offset).unwrap_or(source);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, offset - line_start)
}

/// What stands at a place, and the place where Go sees it: a whole command where a function failed, a single
/// word otherwise.
fn action(source: &str, offset: usize, class: &Class) -> (usize, String) {
    let all = lex(source).tokens;
    let tokens = from(&all, offset);
    match class {
        Class::Function(_) | Class::Arguments(_) => {
            let command = &tokens[..command_end(tokens)];
            (offset, text(source, command))
        }
        Class::UndefinedTemplate => {
            let command = &tokens[..command_end(tokens)];
            (
                offset,
                format!("{{{{template {}}}}}", text(source, command)),
            )
        }
        _ => {
            let word = &tokens[..word_end(tokens)];
            // A chain of fields is where its second field is.
            let place = match word {
                [first, second, ..] if first.kind != Kind::LeftParen => second.start(),
                _ => offset,
            };
            (place, text(source, word))
        }
    }
}

/// The word at a place, as it is written.
pub(crate) fn word(source: &str, offset: usize) -> String {
    let all = lex(source).tokens;
    let tokens = from(&all, offset);
    text(source, &tokens[..word_end(tokens)])
}

/// The tokens from a place on.
fn from(tokens: &[Token], offset: usize) -> &[Token] {
    let first = tokens.partition_point(|token| token.start() < offset);
    &tokens[first..]
}

fn text(source: &str, tokens: &[Token]) -> String {
    let mut text = String::new();
    for token in tokens {
        match token.kind {
            Kind::Space => text.push(' '),
            _ => text.push_str(token.text(source)),
        }
    }
    text.trim_end().to_owned()
}

/// Where a command ends: before a pipe, or what closes the parentheses or the action around it.
fn command_end(tokens: &[Token]) -> usize {
    let mut depth = 0usize;
    for (i, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::LeftParen => depth += 1,
            Kind::RightParen if depth > 0 => depth -= 1,
            Kind::RightParen => return i,
            Kind::Pipe if depth == 0 => return i,
            Kind::Close | Kind::Eof | Kind::Error => return i,
            _ => {}
        }
    }
    tokens.len()
}

/// Where a word ends, with its fields.
fn word_end(tokens: &[Token]) -> usize {
    let own = match tokens.first().map(|token| token.kind) {
        None | Some(Kind::Close | Kind::Eof | Kind::Error) => return 0,
        Some(Kind::LeftParen) => (command_end(&tokens[1..]) + 2).min(tokens.len()),
        Some(_) => 1,
    };
    let fields = tokens[own..]
        .iter()
        .take_while(|token| token.kind == Kind::Field);
    own + fields.count()
}
