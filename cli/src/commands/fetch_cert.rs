//! `--fetch-cert`: the certificate, byte for byte.

use std::path::PathBuf;

use crate::certificate::{self, Source};
use crate::cluster::ClusterAccess;
use crate::input::Input;
use crate::output::Output;
use crate::{Error, Io};

pub(crate) struct FetchCert {
    pub(crate) certificate: Source,
    pub(crate) cluster: ClusterAccess,
    pub(crate) secret_file: Option<PathBuf>,
    pub(crate) output: Output,
}

impl FetchCert {
    pub(crate) async fn run(self, io: &mut Io) -> Result<(), Error> {
        if let Some(path) = &self.secret_file {
            Input::open(Some(path), io)?; // not used, but never ignored when it is missing
        }
        let bytes = self.certificate.fetch(&self.cluster, io).await?;
        if let Err(error) = certificate::usable(&bytes, io.now) {
            io.warn(&format!("nothing can be sealed to this: {error}"));
        }
        Ok(self.output.write(&[bytes], io)?)
    }
}
