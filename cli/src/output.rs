//! Where a command writes to: stdout, or a file that appears whole or not at all.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::{Io, error};

/// The target of a command's data.
pub(crate) enum Output {
    Stdout,
    File(PathBuf),
}

/// Why the data could not be written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot write to stdout: {0}")]
    Stdout(String),
    #[error("cannot write `{}`: {cause}", path.display())]
    File { path: PathBuf, cause: String },
}

/// Who may read a file that is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Those who could read what it replaces, or its owner if it is new.
    AsBefore,
    /// Its owner: there are values in it.
    Owner,
}

impl Output {
    /// A file that its name says to be YAML.
    pub(crate) fn is_yaml_file(&self) -> bool {
        match self {
            Self::Stdout => false,
            Self::File(path) => path
                .extension()
                .is_some_and(|extension| extension == "yaml" || extension == "yml"),
        }
    }

    /// Writes what is given in pieces.
    pub(crate) fn write(&self, pieces: &[impl AsRef<[u8]>], io: &mut Io) -> Result<(), Error> {
        self.write_for(Readers::AsBefore, pieces, io)
    }

    pub(crate) fn write_for(
        &self,
        readers: Readers,
        pieces: &[impl AsRef<[u8]>],
        io: &mut Io,
    ) -> Result<(), Error> {
        match self {
            Self::Stdout => match write_all(pieces, readers, &mut io.stdout) {
                // Whoever read us has seen enough.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                Err(error) => Err(Error::Stdout(error::cause(&error))),
                Ok(()) => Ok(()),
            },
            Self::File(path) => replace(path, readers, pieces).map_err(|error| Error::File {
                path: path.clone(),
                cause: error::cause(&error),
            }),
        }
    }
}

/// A pipe takes so many bytes at once.
const TOGETHER: usize = 64 << 10;

/// Writes small pieces together; values are not copied for that.
fn write_all(
    pieces: &[impl AsRef<[u8]>],
    readers: Readers,
    target: &mut impl Write,
) -> io::Result<()> {
    let size = match readers {
        Readers::AsBefore => TOGETHER,
        Readers::Owner => 0,
    };
    let mut target = BufWriter::with_capacity(size, target);
    let mut each = pieces.iter();
    let written = each.try_for_each(|piece| target.write_all(piece.as_ref()));
    let written = written.and_then(|()| target.flush());
    let _ = target.into_parts(); // or what failed would be tried again
    written
}

/// An existing file keeps its mode, a new one can be read by its owner only; a link is followed.
fn replace(path: &Path, readers: Readers, pieces: &[impl AsRef<[u8]>]) -> io::Result<()> {
    let existing = fs::metadata(path).ok();
    if existing.as_ref().is_some_and(|metadata| metadata.is_dir()) {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if existing
        .as_ref()
        .is_some_and(|metadata| !metadata.is_file())
    {
        // A device or a pipe cannot be replaced.
        let mut device = fs::OpenOptions::new().write(true).open(path)?;
        return write_all(pieces, readers, &mut device);
    }
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = target
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let mut file = NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
    write_all(pieces, readers, &mut file)?;
    if let Some(metadata) = existing.filter(|_| readers == Readers::AsBefore) {
        file.as_file().set_permissions(metadata.permissions())?;
    }
    file.as_file().sync_all()?;
    file.persist(&target).map_err(|error| error.error)?;
    Ok(())
}
