//! Private keys from a backup: PEM files, key Secrets, and lists of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sealing::{Certificate, Plaintext, PrivateKey, base64, key};

use crate::Io;
use crate::input;
use crate::manifest;

const KEY: &str = "tls.key";
const CERTIFICATE: &str = "tls.crt";

/// Keys that open sealed values, and the certificates that came with them.
#[derive(Default)]
pub(crate) struct PrivateKeys {
    pub(crate) keys: Vec<Arc<PrivateKey>>,
    certificates: Vec<Certificate>,
}

/// Why a file of keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Input(#[from] input::Error),
    // The wording is upstream's; scripts know it.
    #[error("secret must contain a 'tls.data' key")]
    NoKey,
    #[error("unexpected private key type {0}")]
    NotRsa(&'static str),
    #[error("cannot read the private key of Secret `{name}`: {cause}")]
    Key { name: String, cause: key::Error },
}

impl PrivateKeys {
    /// Reads every file; what holds no key is warned about.
    pub(crate) fn read(files: &[PathBuf], io: &mut Io) -> Result<Self, Error> {
        let mut keys = Self::default();
        for file in files {
            let before = keys.keys.len();
            let why = keys.read_file(file, io)?;
            if keys.keys.len() == before {
                let why = why.unwrap_or_else(|| "there is no private key in it".to_owned());
                io.warn(&format!("`{}` is of no use: {why}", file.display()));
            }
        }
        Ok(keys)
    }

    /// The newest certificate that came with the keys.
    pub(crate) fn newest_certificate(self) -> Option<Certificate> {
        self.certificates
            .into_iter()
            .max_by_key(Certificate::not_before)
    }

    /// Adds the keys of a file; says why it has none, where that is known.
    fn read_file(&mut self, file: &Path, io: &mut Io) -> Result<Option<String>, Error> {
        let bytes = input::read_file(file)?;
        let mut why = None;
        let mut is_pem = false;
        for block in pem_blocks(&bytes) {
            is_pem = true;
            match PrivateKey::from_pem(block) {
                Ok(key) => self.keys.push(Arc::new(key)),
                Err(key::Error::NoKey) if is_encrypted(block) => {
                    why = Some("the private key in it is encrypted".to_owned());
                }
                Err(key::Error::NoKey) => {}
                Err(error) => why = Some(error.to_string()),
            }
        }
        if is_pem {
            return Ok(why);
        }
        let Ok(secrets) = manifest::read_keys(bytes, io) else {
            return Ok(None); // an error would describe the file of keys
        };
        for manifest in secrets {
            let secret = manifest.secret;
            let name = secret.metadata.name.unwrap_or_default();
            let key = secret.data.get(KEY).ok_or(Error::NoKey)?;
            self.keys.push(Arc::new(read_key(name, key)?));
            let certificate = secret.data.get(CERTIFICATE);
            // A certificate is public.
            let certificate = certificate.and_then(|pem| Certificate::from_pem(pem.expose()).ok());
            self.certificates.extend(certificate);
        }
        Ok(None)
    }
}

fn read_key(name: String, key: &Plaintext) -> Result<PrivateKey, Error> {
    // A key is what the value is.
    let pem = key.expose();
    PrivateKey::from_pem(pem).map_err(|cause| match cause {
        key::Error::NotRsa => Error::NotRsa(type_of(pem)),
        cause => Error::Key { name, cause },
    })
}

/// What Go calls a key that is no RSA key.
fn type_of(pem: &[u8]) -> &'static str {
    const ED25519: [u8; 5] = [0x06, 0x03, 0x2b, 0x65, 0x70];
    let text = String::from_utf8_lossy(pem);
    let body: String = text
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .collect();
    let der = base64::decode(&body).map(Plaintext::new);
    // Only its algorithm is looked at.
    let is_ed25519 = der.is_ok_and(|der| der.expose().windows(5).take(24).any(|w| w == ED25519));
    if is_ed25519 {
        "ed25519.PrivateKey"
    } else {
        "*ecdsa.PrivateKey"
    }
}

/// PKCS #8 says it in the first line, OpenSSL's own format in the second.
fn is_encrypted(block: &[u8]) -> bool {
    let lines = block.split(|byte| *byte == b'\n').take(2);
    lines
        .flat_map(|line| line.windows(b"ENCRYPTED".len()))
        .any(|word| word == b"ENCRYPTED")
}

/// Every block of a PEM text, from its first line on.
fn pem_blocks(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    const BEGIN: &[u8] = b"-----BEGIN ";
    let begins_line = |at: usize| at == 0 || bytes[at - 1] == b'\n';
    let starts: Vec<usize> = (0..bytes.len())
        .filter(|&at| bytes[at..].starts_with(BEGIN) && begins_line(at))
        .collect();
    let ends: Vec<usize> = starts
        .iter()
        .skip(1)
        .copied()
        .chain([bytes.len()])
        .collect();
    starts
        .into_iter()
        .zip(ends)
        .map(|(start, end)| &bytes[start..end])
}
