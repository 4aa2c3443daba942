//! `--raw`: one value in, one sealed value out, without a line break.

use std::path::PathBuf;

use sealing::{Plaintext, Scope, envelope, seal_value};

use crate::Io;
use crate::certificate::Source;
use crate::cluster::ClusterAccess;
use crate::input::{self, Input};
use crate::output::Output;

pub(crate) struct SealRaw {
    pub(crate) certificate: Source,
    pub(crate) cluster: ClusterAccess,
    pub(crate) secret_file: Option<PathBuf>,
    pub(crate) from_files: Vec<PathBuf>,
    pub(crate) name: Option<String>,
    pub(crate) scope: Scope,
    pub(crate) output: Output,
}

/// Why a value cannot be sealed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("must provide only one --from-file when encrypting a single item with --raw")]
    SeveralFiles,
    #[error("must provide the --namespace flag with --raw and --scope {0}")]
    NoNamespace(&'static str),
    #[error("must provide the --name flag with --raw and --scope strict")]
    NoName,
    #[error(transparent)]
    Seal(#[from] envelope::Error),
}

impl SealRaw {
    pub(crate) async fn run(self, io: &mut Io) -> Result<(), crate::Error> {
        if let Some(path) = &self.secret_file {
            Input::open(Some(path), io)?;
            io.warn("--raw does not read --secret-file; use --from-file");
        }
        let certificate = self.certificate.certificate(&self.cluster, io).await?;
        let label = self.scope.label(&self.namespace(io)?, &self.name()?);
        let bytes = match self.from_files.as_slice() {
            [_, _, ..] => return Err(Error::SeveralFiles.into()),
            [path] => input::read_file(path)?,
            [] => {
                if io.stdin_is_terminal {
                    io.note("(tty detected: expecting a secret to encrypt in stdin)");
                }
                input::read_stdin(io)?
            }
        };
        let sealed =
            seal_value(&Plaintext::from(bytes), &certificate, &label).map_err(Error::Seal)?;
        Ok(self.output.write(&[sealed], io)?)
    }

    fn namespace(&self, io: &Io) -> Result<String, crate::Error> {
        match (self.scope, &self.cluster.namespace) {
            (Scope::ClusterWide, _) => Ok(String::new()),
            (_, Some(namespace)) => Ok(namespace.clone()),
            (scope, None) => {
                let default = self.cluster.default_namespace(io)?;
                Ok(default.ok_or(Error::NoNamespace(scope.as_str()))?)
            }
        }
    }

    fn name(&self) -> Result<String, Error> {
        match (self.scope, &self.name) {
            (Scope::Strict, None) => Err(Error::NoName),
            (_, name) => Ok(name.clone().unwrap_or_default()),
        }
    }
}
