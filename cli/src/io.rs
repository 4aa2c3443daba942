//! Everything a command touches besides files and the network, so that a test can be one more caller.

use std::collections::HashMap;
use std::io::{IsTerminal, Read, Write};

use jiff::Timestamp;

use crate::Error;

/// The streams, environment and clock that a command line runs with.
pub struct Io {
    pub stdin: Box<dyn Read + Send>,
    pub stdout: Box<dyn Write + Send>,
    pub stderr: Box<dyn Write + Send>,
    /// Environment variables; those that are not Unicode are left out.
    pub environment: HashMap<String, String>,
    pub now: Timestamp,
    pub stdin_is_terminal: bool,
}

impl Io {
    /// The process's own; the one place where the environment is read.
    pub fn of_process() -> Self {
        let unicode = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self {
            stdin: Box::new(std::io::stdin()),
            stdout: Box::new(std::io::stdout()),
            stderr: Box::new(std::io::stderr()),
            environment: std::env::vars_os().filter_map(unicode).collect(),
            now: Timestamp::now(),
            stdin_is_terminal: std::io::stdin().is_terminal(),
        }
    }

    /// The first of these variables that is set and not empty.
    pub(crate) fn variable(&self, names: &[&str]) -> Option<&str> {
        names
            .iter()
            .filter_map(|name| self.environment.get(*name))
            .map(String::as_str)
            .find(|v| !v.is_empty())
    }

    /// Says something that is not data. A closed stderr must not stop the work.
    pub(crate) fn note(&mut self, line: &str) {
        let _ = writeln!(self.stderr, "{line}");
    }

    pub(crate) fn warn(&mut self, warning: &str) {
        self.note(&format!("warning: {warning}"));
    }

    pub(crate) fn report(&mut self, error: &Error) {
        self.note(&format!("error: {error}"));
        if let Some(hint) = error.hint() {
            self.note(&format!("hint: {hint}"));
        }
        if let Error::Usage(error) = error {
            self.note(error.usage());
        }
    }
}
