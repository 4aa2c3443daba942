//! What a command line can fail with: message, hint, exit code.

use std::io;

use zeroize::Zeroizing;

use crate::{
    args, certificate, cluster, commands, controller, input, manifest, output, private_keys,
    sealed_manifest,
};

const FAILED: u8 = 1;
const WRONG_COMMAND_LINE: u8 = 2;

/// Why a command line failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Usage(#[from] args::Error),
    /// Wrong in a way that only the work itself notices.
    #[error(transparent)]
    Mode(#[from] args::ModeError),
    #[error(transparent)]
    Input(#[from] input::Error),
    #[error(transparent)]
    Certificate(#[from] certificate::Error),
    #[error(transparent)]
    Cluster(#[from] cluster::Error),
    #[error(transparent)]
    Manifest(#[from] manifest::Error),
    #[error(transparent)]
    Controller(#[from] controller::Error),
    #[error(transparent)]
    Sealed(#[from] sealed_manifest::Error),
    #[error(transparent)]
    PrivateKeys(#[from] private_keys::Error),
    #[error(transparent)]
    Explain(#[from] commands::explain::Error),
    #[error(transparent)]
    Merge(#[from] commands::merge::Error),
    #[error(transparent)]
    ReEncrypt(#[from] commands::re_encrypt::Error),
    #[error(transparent)]
    Recover(#[from] commands::recover::Error),
    #[error(transparent)]
    Seal(#[from] commands::seal::Error),
    #[error(transparent)]
    SealRaw(#[from] commands::seal_raw::Error),
    #[error(transparent)]
    Validate(#[from] commands::validate::Error),
    #[error(transparent)]
    Output(#[from] output::Error),
}

impl Error {
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => WRONG_COMMAND_LINE,
            Self::Mode(error) if error.is_wrong_command_line() => WRONG_COMMAND_LINE,
            _ => FAILED,
        }
    }

    /// What is wrong, line by line: a line break in a name is no end of a line. Some hold values.
    pub(crate) fn lines(&self) -> Vec<Zeroizing<String>> {
        let lines = match self {
            Self::Explain(commands::explain::Error::Broken(causes)) => return causes.lines(),
            Self::Controller(error) => error.lines(),
            Self::Recover(commands::recover::Error::Unseal(sealing::Error::Items(failures))) => {
                failures.lines()
            }
            Self::Validate(commands::validate::Error::Undecryptable(lines)) => lines.clone(),
            other => vec![other.to_string()],
        };
        lines.into_iter().map(Zeroizing::new).collect()
    }

    /// The next thing to do, where there is one.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Mode(error) => error.hint(),
            Self::Certificate(error) => error.hint(),
            Self::Cluster(error) => error.hint(),
            Self::Controller(error) => error.hint(),
            Self::Manifest(error) => error.hint(),
            Self::Sealed(error) => error.0.hint(),
            Self::Merge(error) => error.hint(),
            Self::ReEncrypt(error) => error.hint(),
            Self::Seal(error) => error.hint(),
            _ => None,
        }
    }
}

/// The cause of an I/O error as Go words it: lower case, without the number.
pub(crate) fn cause(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(letters).collect()
    })
}

/// The innermost source of an error: wrappers only say which layer it passed through.
pub(crate) fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    match innermost.downcast_ref::<io::Error>() {
        Some(error) => cause(error),
        None => innermost.to_string(),
    }
}
