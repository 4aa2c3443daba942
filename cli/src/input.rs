//! Where a command reads from: a file or stdin.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::{Io, error};

/// An input that was found, but not read yet.
pub(crate) enum Input {
    Stdin,
    File(File, PathBuf),
}

/// Why an input cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("Could not read file specified with --secret-file: {0}")]
    SecretFile(String),
    #[error("cannot read stdin: {0}")]
    Stdin(String),
    #[error("open {}: {}", path.display(), error::cause(source))]
    Open { path: PathBuf, source: io::Error },
    #[error("cannot read `{}`: {cause}", path.display())]
    Read { path: PathBuf, cause: String },
    #[error("the input is larger than 256 MiB")]
    TooLarge,
}

/// No manifest comes near it, and a device that never ends must not fill the memory.
const LARGEST: u64 = 256 << 20;

impl Input {
    /// Opens `--secret-file`, or takes stdin; a terminal is told what is waited for.
    pub(crate) fn open(secret_file: Option<&Path>, io: &mut Io) -> Result<Self, Error> {
        let Some(path) = secret_file else {
            if io.stdin_is_terminal {
                io.note("(tty detected: expecting json/yaml k8s resource in stdin)");
            }
            return Ok(Self::Stdin);
        };
        let file = open(path).map_err(|error| Error::SecretFile(error.to_string()))?;
        Ok(Self::File(file, path.to_owned()))
    }

    /// Reads everything; it may hold plain values.
    pub(crate) fn read(self, io: &mut Io) -> Result<Zeroizing<Vec<u8>>, Error> {
        match self {
            Self::Stdin => read_stdin(io),
            Self::File(file, path) => read_to_end(file, &path),
        }
    }
}

/// Reads all of stdin.
pub(crate) fn read_stdin(io: &mut Io) -> Result<Zeroizing<Vec<u8>>, Error> {
    let bytes = read_all(&mut io.stdin);
    within_limit(bytes.map_err(|error| Error::Stdin(error::cause(&error)))?)
}

/// Reads a whole file.
pub(crate) fn read_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    read_to_end(open(path)?, path)
}

fn open(path: &Path) -> Result<File, Error> {
    let fail = |source| Error::Open {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(fail)?;
    match file.metadata() {
        Ok(metadata) if metadata.is_dir() => Err(fail(io::ErrorKind::IsADirectory.into())),
        _ => Ok(file),
    }
}

fn read_to_end(file: File, path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    let bytes = read_all(file).map_err(|error| Error::Read {
        path: path.to_owned(),
        cause: error::cause(&error),
    })?;
    within_limit(bytes)
}

fn read_all(source: impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    source.take(LARGEST + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn within_limit(bytes: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, Error> {
    if bytes.len() as u64 > LARGEST {
        Err(Error::TooLarge)
    } else {
        Ok(bytes)
    }
}
