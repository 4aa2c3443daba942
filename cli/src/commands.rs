//! One file per command.

pub(crate) mod explain;
mod fetch_cert;
pub(crate) mod merge;
pub(crate) mod re_encrypt;
pub(crate) mod recover;
pub(crate) mod seal;
pub(crate) mod seal_raw;
pub(crate) mod validate;

pub(crate) use explain::Explain;
pub(crate) use fetch_cert::FetchCert;
pub(crate) use merge::Merge;
pub(crate) use re_encrypt::ReEncrypt;
pub(crate) use recover::Recover;
pub(crate) use seal::Seal;
pub(crate) use seal_raw::SealRaw;
pub(crate) use validate::Validate;
