//! The bearer token of a file, as client-go reads it: trimmed, anew within a minute, and anew after it was refused.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::{AUTHORIZATION, HeaderValue};
use http::{Request, StatusCode};
use kube::Client;
use kube::client::Body;
use tokio::time::Instant;
use tower::service_fn;
use zeroize::Zeroizing;

const FRESH: Duration = Duration::from_secs(60);

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file could not be read.
    #[error("cannot read the token file `{}`: {}", .0.display(), .1)]
    Read(PathBuf, std::io::Error),
    /// What it holds cannot stand in a header; it is not quoted.
    #[error("the token file `{}` holds no token", .0.display())]
    Content(PathBuf),
}

struct TokenFile {
    path: PathBuf,
    /// The header that was made of it last, and until when it is good.
    read: Mutex<(HeaderValue, Instant)>,
}

/// A client that sends the token of a file, which is there now.
pub(crate) fn authorized(client: Client, path: &Path) -> Result<Client, Error> {
    let namespace = client.default_namespace().to_owned();
    let file = Arc::new(TokenFile {
        path: path.to_owned(),
        read: Mutex::new((read(path)?, Instant::now() + FRESH)),
    });
    let authorized = service_fn(move |mut request: Request<Body>| {
        let (file, client) = (Arc::clone(&file), client.clone());
        async move {
            let header = file.header();
            request.headers_mut().insert(AUTHORIZATION, header);
            let answer = client.send(request).await;
            if matches!(&answer, Ok(answer) if answer.status() == StatusCode::UNAUTHORIZED) {
                file.expire();
            }
            answer
        }
    });
    Ok(Client::new(authorized, namespace))
}

impl TokenFile {
    /// A file that went away is no reason to forget what it held.
    fn header(&self) -> HeaderValue {
        let mut cached = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if now >= cached.1 {
            match read(&self.path) {
                Ok(header) => *cached = (header, now + FRESH),
                Err(error) => {
                    tracing::warn!("{error}");
                    cached.1 = now + FRESH;
                }
            }
        }
        cached.0.clone()
    }

    fn expire(&self) {
        self.read.lock().unwrap_or_else(PoisonError::into_inner).1 = Instant::now();
    }
}

fn read(path: &Path) -> Result<HeaderValue, Error> {
    let text = std::fs::read_to_string(path).map(Zeroizing::new);
    let text = text.map_err(|error| Error::Read(path.to_owned(), error))?;
    let content = || Error::Content(path.to_owned());
    if text.trim().is_empty() {
        return Err(content());
    }
    let bearer = Zeroizing::new(format!("Bearer {}", text.trim()));
    let mut header = HeaderValue::from_str(&bearer).map_err(|_| content())?;
    header.set_sensitive(true);
    Ok(header)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http::Response;

    use super::*;

    /// A client whose server answers with this status, and with the token that it saw.
    fn client(status: u16, path: &Path) -> Result<Client, Error> {
        let echo = service_fn(move |request: Request<Body>| async move {
            let token = request.headers()[AUTHORIZATION].as_bytes().to_vec();
            let answer = Response::builder().status(status).body(Body::from(token));
            Ok::<_, Infallible>(answer.unwrap())
        });
        authorized(Client::new(echo, "default"), path)
    }

    async fn seen(client: &Client) -> String {
        let request = Request::get("/").body(Body::empty()).unwrap();
        let answer = client.send(request).await.unwrap();
        let bytes = answer.into_body().collect_bytes().await.unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn trims_the_token_and_reads_it_anew_within_a_minute() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "first\n").unwrap();
        let client = client(200, file.path()).unwrap();
        assert_eq!(seen(&client).await, "Bearer first");
        std::fs::write(file.path(), "second\r\n").unwrap();
        assert_eq!(seen(&client).await, "Bearer first");
        tokio::time::advance(FRESH).await;
        assert_eq!(seen(&client).await, "Bearer second");
        std::fs::remove_file(file.path()).unwrap();
        tokio::time::advance(FRESH).await;
        assert_eq!(seen(&client).await, "Bearer second");
    }

    #[tokio::test(start_paused = true)]
    async fn reads_a_token_anew_that_was_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "first").unwrap();
        let client = client(401, file.path()).unwrap();
        assert_eq!(seen(&client).await, "Bearer first");
        std::fs::write(file.path(), "second").unwrap();
        assert_eq!(seen(&client).await, "Bearer second");
    }

    #[test]
    fn says_what_is_wrong_with_a_file_and_quotes_nothing_of_it() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for content in ["", "\n", "s3c\nret"] {
            std::fs::write(file.path(), content).unwrap();
            let error = read(file.path()).unwrap_err().to_string();
            assert!(error.ends_with("holds no token"), "{error}");
        }
        assert!(matches!(read(Path::new("/none")), Err(Error::Read(..))));
    }
}
