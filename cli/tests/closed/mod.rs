//! Streams, environment and clock that belong to nobody but the test.

use std::io::{Cursor, Write};
use std::sync::{Arc, Mutex};

use cli::Io;

/// A moment at which the certificate of the fixtures is valid.
pub(crate) const NOW: &str = "2027-01-01T00:00:00Z";

/// What a command line printed.
#[derive(Default)]
pub(crate) struct Output {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

#[derive(Clone, Default)]
pub(crate) struct Printed {
    stdout: Shared,
    stderr: Shared,
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Printed {
    pub(crate) fn take(&self) -> Output {
        let text = |stream: &Shared| String::from_utf8(stream.0.lock().unwrap().clone()).unwrap();
        Output {
            stdout: text(&self.stdout),
            stderr: text(&self.stderr),
        }
    }
}

pub(crate) fn io(
    stdin: &[u8],
    env: impl Iterator<Item = (String, String)>,
    now: &str,
) -> (Io, Printed) {
    let printed = Printed::default();
    let io = Io {
        stdin: Box::new(Cursor::new(stdin.to_vec())),
        stdout: Box::new(printed.stdout.clone()),
        stderr: Box::new(printed.stderr.clone()),
        environment: env.collect(),
        now: now.parse().unwrap(),
        stdin_is_terminal: false,
    };
    (io, printed)
}

pub(crate) fn fixture(name: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name);
    std::fs::read_to_string(path).unwrap()
}
