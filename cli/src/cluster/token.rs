//! A bearer token that the kubeconfig, or the pod, keeps in a file. As Go's client has it, and kube
//! does not: the space around it is no part of it, it wins over a token that is written out beside
//! it, and a file that has gone or is empty leaves the last one in use.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::header::{AUTHORIZATION, HeaderValue};
use http::{HeaderMap, Request};
use kube::client::Body;
use kube::config::AuthInfo;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::error;

/// A token counts for a minute, and is read anew ten seconds before that is over.
const FRESH: Duration = Duration::from_secs(50);

/// Why a file gives no token; what is in it is secret.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("open {}: {cause}", path.display())]
    Open { path: PathBuf, cause: String },
    #[error("read empty token from file \"{}\"", .0.display())]
    Empty(PathBuf),
    #[error("the token in file \"{}\" cannot be sent: it holds a line break or another control character", .0.display())]
    Unusable(PathBuf),
    // kube would panic.
    #[error("the token cannot be sent: it holds a line break or another control character")]
    UnusableText,
}

/// A token and the file that holds the next one.
struct TokenFile {
    path: PathBuf,
    header: HeaderValue,
    read_at: Instant,
}

/// Takes the token's file out of what is known of a user; what it returns adds the token to requests.
/// Who shows a password, or a token of a provider, shows no other. A token that is written out is
/// taken as it is, like Go's client takes it.
pub(super) fn take(
    user: &mut AuthInfo,
) -> Result<Option<impl Fn(Request<Body>) -> Request<Body> + Clone + use<>>, Error> {
    let is_shown_otherwise = user.username.is_some() || user.auth_provider.is_some();
    let path = user.token_file.take().filter(|_| !is_shown_otherwise);
    let file = path.map(|path| TokenFile::read(path.into(), Instant::now()));
    let file = match file {
        Some(Ok(file)) => file,
        Some(Err(error)) if user.token.is_none() => return Err(error),
        Some(Err(_)) | None => {
            check(user)?;
            return Ok(None);
        }
    };
    user.token = None;
    let file = Arc::new(Mutex::new(file));
    Ok(Some(move |mut request: Request<Body>| {
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        file.show(request.headers_mut(), Instant::now());
        request
    }))
}

/// Whether the token that is written out can be sent.
fn check(user: &AuthInfo) -> Result<(), Error> {
    let alone = AuthInfo {
        token: user.token.clone(),
        ..AuthInfo::default()
    };
    // Written like a file, so that the type that keeps it stays kube's own business.
    let written = serde_json::to_value(alone).ok();
    let token = written.and_then(|mut user| Some(user.get_mut("token")?.take()));
    match token {
        Some(Value::String(token)) => header(&Zeroizing::new(token)).map(drop),
        _ => Some(()),
    }
    .ok_or(Error::UnusableText)
}

fn header(token: &str) -> Option<HeaderValue> {
    let text = Zeroizing::new(format!("Bearer {token}"));
    let mut header = HeaderValue::from_bytes(text.as_bytes()).ok()?;
    header.set_sensitive(true);
    Some(header)
}

impl TokenFile {
    fn read(path: PathBuf, now: Instant) -> Result<Self, Error> {
        let text = std::fs::read_to_string(&path).map_err(|error| Error::Open {
            path: path.clone(),
            cause: error::cause(&error),
        })?;
        let text = Zeroizing::new(text);
        let token = text.trim();
        if token.is_empty() {
            return Err(Error::Empty(path));
        }
        match header(token) {
            None => Err(Error::Unusable(path)),
            Some(header) => Ok(Self {
                path,
                header,
                read_at: now,
            }),
        }
    }

    fn show(&mut self, headers: &mut HeaderMap, now: Instant) {
        if now.duration_since(self.read_at) > FRESH
            && let Ok(next) = Self::read(self.path.clone(), now)
        {
            *self = next;
        }
        headers.insert(AUTHORIZATION, self.header.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(file: &mut TokenFile, now: Instant) -> String {
        let mut headers = HeaderMap::new();
        file.show(&mut headers, now);
        headers[AUTHORIZATION].to_str().unwrap().to_owned()
    }

    #[test]
    fn is_read_again_within_a_minute_and_kept_when_its_file_is_gone_or_empty() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, " first\n").unwrap();
        let begin = Instant::now();
        let mut file = TokenFile::read(path.clone(), begin).unwrap();
        std::fs::write(&path, "second\r\n").unwrap();
        let after = |seconds| begin + Duration::from_secs(seconds);
        assert_eq!(shown(&mut file, after(49)), "Bearer first");
        assert_eq!(shown(&mut file, after(60)), "Bearer second");
        std::fs::write(&path, "\n").unwrap();
        assert_eq!(shown(&mut file, after(120)), "Bearer second");
        std::fs::remove_file(&path).unwrap();
        assert_eq!(shown(&mut file, after(240)), "Bearer second");
        std::fs::write(&path, "third").unwrap();
        assert_eq!(shown(&mut file, after(241)), "Bearer third");
    }
}
