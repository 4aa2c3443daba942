//! Which of the flags decides what is done. The first that matches does, in upstream's order.

use std::path::PathBuf;

use super::csv::List;
use super::{Flags, given, path};
use crate::Io;
use crate::commands::{FetchCert, Merge, ReEncrypt, Recover, Seal, SealRaw, Validate};
use crate::output::Output;

/// What a command line asks for.
pub(crate) enum Command {
    /// `--help`, `--version` and `--completion`.
    Print(String),
    Recover(Recover),
    Validate(Validate),
    ReEncrypt(ReEncrypt),
    FetchCert(FetchCert),
    Merge(Merge),
    SealRaw(SealRaw),
    Seal(Seal),
}

/// Flags that do not go together.
#[derive(Debug, thiserror::Error)]
pub enum ModeError {
    #[error("--from-file requires --raw")]
    FromFileWithoutRaw,
    #[error("must provide only one --from-file when encrypting a single item with --raw")]
    SeveralFiles,
    #[error("--offline requires --recovery-private-key")]
    OfflineWithoutKey,
}

impl Flags {
    pub(super) fn lift(self, io: &mut Io) -> Result<Command, ModeError> {
        if self.from_file.iter().any(|list| !list.0.is_empty()) && !self.raw {
            return Err(ModeError::FromFileWithoutRaw);
        }
        if self.recovery_unseal {
            return Ok(Command::Recover(self.recover()));
        }
        if !self.offline && io.stderr_is_terminal && !self.recovery_private_key.is_empty() {
            io.warn("ignoring --recovery-private-key because unseal command not chosen with --recovery-unseal");
        }
        Ok(if self.validate {
            Command::Validate(self.validate()?)
        } else if self.re_encrypt || self.rotate {
            Command::ReEncrypt(self.re_encrypt()?)
        } else if self.fetch_cert {
            Command::FetchCert(self.fetch_cert())
        } else if let Some(target) = path(self.merge_into.clone()) {
            Command::Merge(self.merge(target))
        } else if self.raw {
            Command::SealRaw(self.seal_raw()?)
        } else {
            Command::Seal(self.seal())
        })
    }

    fn recover(self) -> Recover {
        let output = self.output();
        Recover {
            key_files: files(self.recovery_private_key),
            secret_file: path(self.secret_file),
            format: output.format(self.format),
            output,
        }
    }

    fn validate(self) -> Result<Validate, ModeError> {
        let keys = self.offline_keys()?;
        Ok(Validate {
            controller: self.certificate.lift().controller,
            cluster: self.kubectl.lift(),
            secret_file: path(self.secret_file),
            keys,
        })
    }

    fn re_encrypt(self) -> Result<ReEncrypt, ModeError> {
        let keys = self.offline_keys()?;
        Ok(ReEncrypt {
            output: self.output(),
            certificate: self.certificate.lift(),
            cluster: self.kubectl.lift(),
            secret_file: path(self.secret_file),
            keys,
            format: self.format,
        })
    }

    fn fetch_cert(self) -> FetchCert {
        FetchCert {
            output: self.output(),
            certificate: self.certificate.lift(),
            cluster: self.kubectl.lift(),
            secret_file: path(self.secret_file),
        }
    }

    fn merge(self, target: PathBuf) -> Merge {
        Merge {
            certificate: self.certificate.lift(),
            cluster: self.kubectl.lift(),
            secret_file: path(self.secret_file),
            scope: self.scope,
            allow_empty_data: self.allow_empty_data,
            target,
            format: self.format,
        }
    }

    fn seal_raw(self) -> Result<SealRaw, ModeError> {
        Ok(SealRaw {
            output: self.output(),
            certificate: self.certificate.lift(),
            cluster: self.kubectl.lift(),
            secret_file: path(self.secret_file),
            from_file: single_file(self.from_file)?,
            name: given(self.name),
            scope: self.scope.unwrap_or_default(),
        })
    }

    fn seal(self) -> Seal {
        let output = self.output();
        Seal {
            certificate: self.certificate.lift(),
            cluster: self.kubectl.lift(),
            secret_file: path(self.secret_file),
            name: given(self.name),
            scope: self.scope,
            force_scope: self.force_scope,
            allow_empty_data: self.allow_empty_data,
            copy_metadata: self.copy_metadata,
            format: output.format(self.format),
            output,
        }
    }

    fn output(&self) -> Output {
        path(self.sealed_secret_file.clone()).map_or(Output::Stdout, Output::File)
    }

    /// The keys to use instead of the controller, if that is asked for.
    fn offline_keys(&self) -> Result<Option<Vec<PathBuf>>, ModeError> {
        if !self.offline {
            return Ok(None);
        }
        let keys = files(self.recovery_private_key.clone());
        if keys.is_empty() {
            return Err(ModeError::OfflineWithoutKey);
        }
        Ok(Some(keys))
    }
}

fn files(lists: Vec<List>) -> Vec<PathBuf> {
    lists
        .into_iter()
        .flat_map(|list| list.0)
        .map(PathBuf::from)
        .collect()
}

/// The one file of a list; its key does not matter.
fn single_file(lists: Vec<List>) -> Result<Option<PathBuf>, ModeError> {
    let files: Vec<String> = lists.into_iter().flat_map(|list| list.0).collect();
    match files.as_slice() {
        [] => Ok(None),
        [file] => {
            let path = file.split_once('=').map_or(&**file, |(_key, path)| path);
            Ok(Some(PathBuf::from(path)))
        }
        _ => Err(ModeError::SeveralFiles),
    }
}
