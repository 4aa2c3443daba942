//! Everything a command touches besides files and the network, so that a test can be one more caller.

use std::collections::HashMap;
use std::io::{Cursor, IsTerminal, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::Error;
use crate::printable::printable;

/// The streams, environment and clock that a command line runs with.
pub struct Io {
    pub stdin: Box<dyn Read + Send>,
    pub stdout: Box<dyn Write + Send>,
    pub stderr: Box<dyn Write + Send>,
    /// Environment variables; those that are not Unicode are left out.
    pub environment: HashMap<String, String>,
    pub now: Timestamp,
    pub stdin_is_terminal: bool,
    pub stderr_is_terminal: bool,
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
            stderr_is_terminal: std::io::stderr().is_terminal(),
        }
    }

    /// Streams in memory, an empty environment and the clock; with what will be printed.
    pub fn in_memory(stdin: impl Into<Vec<u8>>) -> (Self, Printed) {
        let printed = Printed::default();
        let io = Self {
            stdin: Box::new(Cursor::new(stdin.into())),
            stdout: Box::new(printed.stdout.clone()),
            stderr: Box::new(printed.stderr.clone()),
            environment: HashMap::new(),
            now: Timestamp::now(),
            stdin_is_terminal: false,
            stderr_is_terminal: false,
        };
        (io, printed)
    }

    /// The first of these variables that is set and not empty.
    pub(crate) fn variable(&self, names: &[&str]) -> Option<&str> {
        names
            .iter()
            .filter_map(|name| self.environment.get(*name))
            .map(String::as_str)
            .find(|v| !v.is_empty())
    }

    /// Says something that is not data, in one line, whatever names it holds. A closed stderr must
    /// not stop the work.
    pub(crate) fn note(&mut self, line: &str) {
        let _ = writeln!(self.stderr, "{}", printable(line));
    }

    pub(crate) fn warn(&mut self, warning: &str) {
        self.note(&format!("warning: {warning}"));
    }

    pub(crate) fn report(&mut self, error: &Error) {
        let mut lines = error.lines().into_iter();
        let first = lines.next().unwrap_or_default();
        self.note(&Zeroizing::new(["error: ", &first].concat()));
        lines.for_each(|line| self.note(&line));
        if let Some(hint) = error.hint() {
            self.note(&format!("hint: {hint}"));
        }
        if let Error::Usage(error) = error {
            error.usage().lines().for_each(|line| self.note(line));
        }
    }

    /// Asks at the terminal. Where there is none, or nobody says yes, the answer is no.
    pub(crate) fn confirm(&mut self, question: &str) -> bool {
        if !self.stdin_is_terminal || !self.stderr_is_terminal {
            return false;
        }
        let _ = write!(self.stderr, "{} [y/N] ", printable(question));
        let _ = self.stderr.flush();
        // Letter by letter: what stands behind the answer is the input.
        let (mut answer, mut letter) = (Vec::new(), [0]);
        while matches!(self.stdin.read(&mut letter), Ok(1)) && letter != *b"\n" {
            answer.extend(letter);
        }
        matches!(answer.trim_ascii(), b"y" | b"Y" | b"yes" | b"Yes" | b"YES")
    }
}

/// What a command printed to streams in memory.
#[derive(Clone, Default)]
pub struct Printed {
    stdout: Kept,
    stderr: Kept,
}

impl Printed {
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    pub fn stderr(&self) -> String {
        self.stderr.text()
    }
}

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Kept {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
