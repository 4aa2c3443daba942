//! Streams, environment and clock that belong to nobody but the test.

use cli::Io;

/// A moment at which the certificate of the fixtures is valid.
pub(crate) const NOW: &str = "2027-01-01T00:00:00Z";

/// What a command line printed.
#[derive(Default)]
pub(crate) struct Output {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

pub(crate) struct Printed(cli::Printed);

impl Printed {
    pub(crate) fn take(&self) -> Output {
        Output {
            stdout: self.0.stdout(),
            stderr: self.0.stderr(),
        }
    }
}

pub(crate) fn io(
    stdin: &[u8],
    env: impl Iterator<Item = (String, String)>,
    now: &str,
) -> (Io, Printed) {
    let (mut io, printed) = Io::in_memory(stdin);
    io.environment = env.collect();
    io.now = now.parse().unwrap();
    (io, Printed(printed))
}

pub(crate) fn fixture(name: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name);
    std::fs::read_to_string(path).unwrap()
}
