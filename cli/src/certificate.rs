//! The certificate to seal to: from a file, a URL, or the controller in the cluster.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::Uri;
use jiff::{SignedDuration, Timestamp};
use reqwest::redirect::{Action, Attempt, Policy};
use sealing::{Certificate, Fingerprint};

use crate::cluster::ClusterAccess;
use crate::controller::ControllerService;
use crate::progress::Progress;
use crate::{Io, error, input, proxy};

const FETCH_TIMEOUT: Duration = Duration::from_secs(30);
const MOST_REDIRECTS: usize = 10;
/// A certificate has a few KiB; whoever sends on and on fills no memory.
const LARGEST: usize = 1 << 20;
const WARNED_BEFORE_EXPIRY: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Where the certificate comes from, and which one it must be.
pub(crate) struct Source {
    pub(crate) origin: Origin,
    pub(crate) pin: Option<Fingerprint>,
    pub(crate) controller: ControllerService,
}

pub(crate) enum Origin {
    /// A file or a URL.
    Location(String),
    Controller,
}

/// Why there is no certificate to seal to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    File(#[from] input::Error),
    #[error("cannot fetch {location:?}: {cause}")]
    Location { location: String, cause: String },
    #[error("cannot fetch certificate: {0}")]
    Fetch(String),
    #[error(transparent)]
    Unusable(#[from] sealing::certificate::Error),
    #[error("the fingerprint of the certificate is {found}, not the one of `--cert-fingerprint`")]
    NotPinned { found: Fingerprint },
}

impl Error {
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::File(input::Error::Open { path, source })
                if source.kind() == io::ErrorKind::NotFound =>
            {
                Some(format!(
                    "save one with `kubeseal --fetch-cert > {}`",
                    path.display()
                ))
            }
            _ => None,
        }
    }
}

impl Source {
    /// The certificate's bytes, as they are stored or served.
    pub(crate) async fn fetch(
        &self,
        cluster: &ClusterAccess,
        io: &mut Io,
    ) -> Result<Vec<u8>, crate::Error> {
        let bytes = match &self.origin {
            Origin::Location(location) => from_location(location, self.pin.is_some(), io).await?,
            Origin::Controller => {
                let controller = self.controller.reach(cluster, io).await?;
                let answer = controller.get("cert.pem", "application/x-pem-file, */*");
                let answer = Progress::waiting("waiting for the certificate", answer, io)
                    .await
                    .map_err(Error::Fetch)?;
                if !answer.status.is_success() {
                    return Err(Error::Fetch(answer.refusal("get")).into());
                }
                answer.body
            }
        };
        if self.pin.is_some() {
            self.check_pin(&Certificate::from_pem(&bytes).map_err(Error::Unusable)?)?;
        }
        Ok(bytes)
    }

    /// Refuses any certificate but the one that is pinned, if one is.
    pub(crate) fn check_pin(&self, certificate: &Certificate) -> Result<(), Error> {
        let found = certificate.fingerprint();
        match &self.pin {
            Some(pin) if pin != found => Err(Error::NotPinned {
                found: found.clone(),
            }),
            _ => Ok(()),
        }
    }

    /// The certificate, if it can be sealed to now.
    pub(crate) async fn certificate(
        &self,
        cluster: &ClusterAccess,
        io: &mut Io,
    ) -> Result<Certificate, crate::Error> {
        let certificate = usable(&self.fetch(cluster, io).await?, io.now)?;
        warn_of_expiry(&certificate, io);
        Ok(certificate)
    }
}

/// Reads a certificate and checks that its time is not over.
pub(crate) fn usable(pem: &[u8], now: Timestamp) -> Result<Certificate, Error> {
    let certificate = Certificate::from_pem(pem)?;
    certificate.check_not_expired(now)?;
    Ok(certificate)
}

pub(crate) fn warn_of_expiry(certificate: &Certificate, io: &mut Io) {
    if io.now + WARNED_BEFORE_EXPIRY > certificate.not_after() {
        let end = certificate.not_after().strftime("%B %-d, %Y");
        io.warn(&format!(
            "the certificate expires on {end}; fetch the controller's newest one"
        ));
    }
}

async fn from_location(location: &str, is_pinned: bool, io: &mut Io) -> Result<Vec<u8>, Error> {
    let Some((scheme, rest)) = scheme(location) else {
        return Ok(input::read_file(Path::new(location))?.to_vec());
    };
    let url = format!("{scheme}:{rest}");
    let fail = |cause| Error::Location {
        location: without_password(location),
        cause,
    };
    match scheme.as_str() {
        "file" => Ok(input::read_file(&file_path(&url))?.to_vec()),
        "http" | "https" => {
            if scheme == "http" && !is_pinned {
                io.warn("the certificate comes over plain http: anyone on the way can put another one in its place");
            }
            from_url(&url, io).await.map_err(fail)
        }
        other => Err(fail(format!("unsupported protocol scheme {other:?}"))),
    }
}

/// The scheme of a URL, in lower case, and what is behind its colon; a single letter is a drive of
/// Windows.
fn scheme(location: &str) -> Option<(String, &str)> {
    let (scheme, rest) = location.split_once(':')?;
    let is_scheme = scheme.len() > 1
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    is_scheme.then(|| (scheme.to_ascii_lowercase(), rest))
}

fn file_path(location: &str) -> PathBuf {
    let url = reqwest::Url::parse(location).ok();
    match url.and_then(|url| url.to_file_path().ok()) {
        Some(path) if location.starts_with("file:/") => path,
        // Without a slash it begins in this folder, and a host says nothing.
        _ => {
            let path = location.trim_start_matches("file:");
            let path = path
                .strip_prefix("//")
                .map_or(path, |rest| rest.find('/').map_or(rest, |at| &rest[at..]));
            PathBuf::from(path)
        }
    }
}

async fn from_url(location: &str, io: &mut Io) -> Result<Vec<u8>, String> {
    let uri: Uri = location.parse().map_err(|_| "not a URL".to_owned())?;
    let mut builder = reqwest::Client::builder()
        .timeout(FETCH_TIMEOUT)
        .redirect(Policy::custom(follow))
        .no_proxy();
    if let Some(address) = proxy::proxy_for(&uri, io) {
        let all =
            reqwest::Proxy::all(address.to_string()).map_err(|error| error::root_cause(&error))?;
        builder = builder.proxy(all);
    }
    let fetch = async {
        let response = builder.build()?.get(location).send().await?;
        let status = response.status();
        if status != reqwest::StatusCode::OK {
            return Ok(Err(status.to_string()));
        }
        Ok(body_of(response)
            .await?
            .ok_or_else(|| "the answer is larger than 1 MiB".to_owned()))
    };
    Progress::waiting("waiting for the certificate", fetch, io)
        .await
        .map_err(|error: reqwest::Error| error::root_cause(&error.without_url()))?
}

/// The body, if it is not too large.
async fn body_of(mut response: reqwest::Response) -> reqwest::Result<Option<Vec<u8>>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > LARGEST {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

/// Follows as many redirects as Go does, but none from an address that cannot be faked to one that can.
fn follow(attempt: Attempt<'_>) -> Action {
    let leaves_https = attempt.url().scheme() != "https"
        && attempt.previous().iter().any(|url| url.scheme() == "https");
    if leaves_https {
        attempt.error("it is redirected from https to http")
    } else if attempt.previous().len() > MOST_REDIRECTS {
        attempt.error("stopped after 10 redirects")
    } else {
        attempt.follow()
    }
}

/// The address without what stands in front of its host: an error may end up in a log. A password may hold what
/// ends a host, so all before the last `@` goes; where that makes it no URL, wherever the `@` stands.
fn without_password(location: &str) -> String {
    let Some((scheme, rest)) = location.split_once(':') else {
        return location.to_owned();
    };
    let end = match reqwest::Url::parse(location) {
        Ok(_) => rest.find(['?', '#']).unwrap_or(rest.len()),
        Err(_) => rest.len(),
    };
    match rest[..end].rfind('@') {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]),
        None => location.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_an_address_without_its_password() {
        for (location, said) in [
            ("https://user:pa/ss@host/cert", "https://host/cert"),
            ("https://user:pa?ss@host/cert", "https://host/cert"),
            ("https://user:pa#ss@host/cert", "https://host/cert"),
            ("https://user:p@ss@host/cert", "https://host/cert"),
            ("https:user:pass@host/cert", "https://host/cert"),
            ("ftp://token@host/cert", "ftp://host/cert"),
            (
                "https://host/cert?to=a@example.org",
                "https://host/cert?to=a@example.org",
            ),
            ("https://host:8443/cert", "https://host:8443/cert"),
            ("https:cert", "https:cert"),
        ] {
            assert_eq!(without_password(location), said, "{location}");
        }
    }
}
