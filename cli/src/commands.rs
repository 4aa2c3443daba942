//! One file per command.

mod fetch_cert;
pub(crate) mod seal;
pub(crate) mod seal_raw;

pub(crate) use fetch_cert::FetchCert;
pub(crate) use seal::Seal;
pub(crate) use seal_raw::SealRaw;
