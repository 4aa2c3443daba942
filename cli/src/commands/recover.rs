//! `--recovery-unseal`: SealedSecrets and private keys from a backup in, Secrets out. No cluster
//! is asked.

use std::path::PathBuf;
use std::time::{Instant, SystemTime};

use aws_lc_rs::rand;
use sealing::{Renderer, unseal};
use zeroize::Zeroizing;

use crate::Io;
use crate::format::Format;
use crate::input::Input;
use crate::output::{Output, Readers};
use crate::private_keys::PrivateKeys;
use crate::progress::Progress;
use crate::sealed_manifest::{self, Others, SealedManifest};

pub(crate) struct Recover {
    pub(crate) key_files: Vec<PathBuf>,
    pub(crate) secret_file: Option<PathBuf>,
    pub(crate) format: Format,
    pub(crate) output: Output,
}

/// Why a SealedSecret cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no SealedSecrets found in the input")]
    NoInput,
    #[error("{0}")]
    Unseal(#[from] sealing::Error),
    #[error("cannot print the Secret: {0}")]
    Print(#[from] serde_json::Error),
}

impl Recover {
    pub(crate) async fn run(self, io: &mut Io) -> Result<(), crate::Error> {
        let input = Input::open(self.secret_file.as_deref(), io)?;
        let keys = PrivateKeys::read(&self.key_files, io)?.keys;
        let sealed = sealed_manifest::read(input.read(io)?, Others::Refuse, io)
            .map_err(sealed_manifest::Error)?;
        if sealed.objects.is_empty() {
            return Err(Error::NoInput.into());
        }
        let renderer = Renderer::new(SystemTime::now, Instant::now, |buffer| {
            rand::fill(buffer).is_ok()
        });
        let recover = |manifest: SealedManifest| -> Result<Zeroizing<String>, Error> {
            let mut secret = unseal(&manifest.object, &keys, &renderer)?.secret;
            // It would name a SealedSecret by an uid that only a cluster knows.
            secret.metadata.owner_references = None;
            Ok(self.format.print_secret(&secret)?)
        };
        let progress = Progress::new("recovered", sealed.objects.len());
        let printed = progress.through(sealed.objects, recover, io);
        let printed = printed.into_iter().collect::<Result<Vec<_>, _>>()?;
        let printed: Vec<&str> = printed.iter().map(|one| one.as_str()).collect();
        Ok(self.output.write_for(Readers::Owner, &printed, io)?)
    }
}
