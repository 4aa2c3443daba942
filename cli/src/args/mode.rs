//! Which of the flags decides what is done. The first that matches does, in upstream's order.

use std::path::PathBuf;

use super::csv::List;
use super::{Flags, given, path};
use crate::Io;
use crate::commands::explain::Values;
use crate::commands::{Explain, FetchCert, Merge, ReEncrypt, Recover, Seal, SealRaw, Validate};
use crate::format::Format;
use crate::output::Output;

/// What a command line asks for.
pub(crate) enum Command {
    /// `--help`, `--version` and `--completion`.
    Print(String),
    Explain(Explain),
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
    #[error("--offline requires --recovery-private-key")]
    OfflineWithoutKey,
    #[error("--cert-fingerprint cannot be held with --re-encrypt: the controller chooses the key")]
    PinOfController,
    #[error("explain needs the values: private keys, or the plain Secret on stdin")]
    ExplainWithoutValues,
    #[error("{0}")]
    Format(String),
}

impl ModeError {
    /// Whether the command line itself is wrong; upstream calls only some of them so.
    pub(crate) fn is_wrong_command_line(&self) -> bool {
        matches!(self, Self::PinOfController | Self::ExplainWithoutValues)
    }

    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::PinOfController => Some(
                "leave it out, or re-encrypt with `--offline --recovery-private-key` and `--cert`"
                    .to_owned(),
            ),
            Self::ExplainWithoutValues => Some(
                "`kubeseal explain -f sealed.yaml --recovery-private-key keys.yaml`, or \
                 `kubeseal explain -f sealed.yaml < secret.yaml`"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}

impl Flags {
    pub(super) fn explain(self) -> Result<Command, ModeError> {
        let keys = files(self.recovery_private_key);
        let sealed_file = path(self.secret_file);
        let values = match (keys.is_empty(), &sealed_file) {
            (false, _) => Values::Keys(keys),
            (true, Some(_)) => Values::Stdin,
            (true, None) => return Err(ModeError::ExplainWithoutValues),
        };
        Ok(Command::Explain(Explain {
            sealed_file,
            values,
        }))
    }

    pub(super) fn lift(self, io: &mut Io) -> Result<Command, ModeError> {
        if self.from_file.iter().any(|list| !list.0.is_empty()) && !self.raw {
            return Err(ModeError::FromFileWithoutRaw);
        }
        if self.recovery_unseal {
            return Ok(Command::Recover(self.recover()?));
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
            Command::Merge(self.merge(target)?)
        } else if self.raw {
            Command::SealRaw(self.seal_raw())
        } else {
            Command::Seal(self.seal()?)
        })
    }

    fn recover(self) -> Result<Recover, ModeError> {
        let output = self.output();
        Ok(Recover {
            format: self.format(&output)?.unwrap_or_default(),
            key_files: files(self.recovery_private_key),
            secret_file: path(self.secret_file),
            output,
        })
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
        let output = self.output();
        let format = self.format(&output)?;
        let certificate = self.certificate.lift();
        if keys.is_none() && certificate.pin.is_some() {
            return Err(ModeError::PinOfController);
        }
        Ok(ReEncrypt {
            format,
            output,
            certificate,
            cluster: self.kubectl.lift(),
            secret_file: path(self.secret_file),
            keys,
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

    fn merge(self, target: PathBuf) -> Result<Merge, ModeError> {
        Ok(Merge {
            format: self.format(&Output::Stdout)?,
            certificate: self.certificate.lift(),
            cluster: self.kubectl.lift(),
            secret_file: path(self.secret_file),
            scope: self.scope,
            allow_empty_data: self.allow_empty_data,
            allow_values_in_metadata: self.allow_values_in_metadata,
            target,
        })
    }

    fn seal_raw(self) -> SealRaw {
        SealRaw {
            output: self.output(),
            certificate: self.certificate.lift(),
            cluster: self.kubectl.lift(),
            secret_file: path(self.secret_file),
            from_files: from_files(self.from_file),
            name: given(self.name),
            scope: self.scope.unwrap_or_default(),
        }
    }

    fn seal(self) -> Result<Seal, ModeError> {
        let output = self.output();
        Ok(Seal {
            format: self.format(&output)?.unwrap_or_default(),
            certificate: self.certificate.lift(),
            cluster: self.kubectl.lift(),
            secret_file: path(self.secret_file),
            name: given(self.name),
            scope: self.scope,
            force_scope: self.force_scope,
            allow_empty_data: self.allow_empty_data,
            allow_values_in_metadata: self.allow_values_in_metadata,
            copy_metadata: self.copy_metadata,
            output,
        })
    }

    fn output(&self) -> Output {
        path(self.sealed_secret_file.clone()).map_or(Output::Stdout, Output::File)
    }

    /// The syntax to print: what the name of the file says, else what was asked for. Whoever prints
    /// no manifest never minds.
    fn format(&self, output: &Output) -> Result<Option<Format>, ModeError> {
        if output.is_yaml_file() {
            return Ok(Some(Format::Yaml));
        }
        let asked = self.format.as_deref().map(str::parse).transpose();
        asked.map_err(ModeError::Format)
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

/// The files of the lists; their keys do not matter.
fn from_files(lists: Vec<List>) -> Vec<PathBuf> {
    let path = |file: String| match file.split_once('=') {
        Some((_key, path)) => path.into(),
        None => file.into(),
    };
    lists
        .into_iter()
        .flat_map(|list| list.0)
        .map(path)
        .collect()
}
