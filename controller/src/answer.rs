//! An answer of the API server, read within bounds. It is decoded here: a client that cannot decode one would log
//! it whole, and it may hold Secrets.

use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;
use kube::core::Status;
use zeroize::Zeroizing;

use crate::cluster::{Late, in_time};

/// No answer is longer: an object has 1.5 MiB, or a few times that where somebody allowed it, and of more than one
/// there are pages.
pub(crate) const MOST: usize = 16 << 20;
/// What a refusal says of itself is short.
const REFUSAL: usize = 64 << 10;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The API server refused, or could not be reached.
    #[error("{}", api_text(.0))]
    Api(#[from] kube::Error),
    #[error(transparent)]
    Late(#[from] Late),
    /// It is not what was asked for; its text is not told.
    #[error("the API server's answer does not decode")]
    Decode,
    #[error("the API server's answer is longer than {0} bytes")]
    TooLong(usize),
}

impl Error {
    /// The HTTP status of a refusal.
    pub(crate) fn code(&self) -> Option<u16> {
        match self {
            Self::Api(kube::Error::Api(status)) => Some(status.code),
            _ => None,
        }
    }
}

fn api_text(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        error => error.to_string(),
    }
}

/// Asks for something and waits until the answer begins; a refusal is an error.
pub(crate) async fn begin(
    client: &Client,
    request: Request<Vec<u8>>,
) -> Result<Response<Body>, Error> {
    let answer = in_time(client.send(request.map(Body::from))).await??;
    let code = answer.status();
    if code.is_success() {
        return Ok(answer);
    }
    let text = read(answer.into_body(), REFUSAL).await.unwrap_or_default();
    Err(kube::Error::Api(Box::new(refusal(code, &text))).into())
}

/// Reads the whole body of an answer, of so many bytes at most.
pub(crate) async fn read(mut body: Body, most: usize) -> Result<Zeroizing<Vec<u8>>, Error> {
    let mut bytes = Zeroizing::new(Vec::new());
    let whole = async {
        while let Some(frame) = body.frame().await {
            let frame = frame?;
            let data = frame.data_ref().map_or(&[][..], |data| data);
            if data.len() > most - bytes.len() {
                return Err(Error::TooLong(most));
            }
            bytes.extend_from_slice(data);
        }
        Ok(())
    };
    in_time(whole).await??;
    Ok(bytes)
}

/// What a refusal says; one without an API status comes from something in between, and is not quoted.
fn refusal(code: StatusCode, text: &[u8]) -> Status {
    let said = serde_json::from_slice::<Status>(text).ok();
    let unsaid = || Status::failure(&format!("the answer is {code}"), "").with_code(code.as_u16());
    Status {
        code: code.as_u16(),
        ..said.unwrap_or_else(unsaid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_nothing_that_is_no_status() {
        let told = refusal(StatusCode::BAD_GATEWAY, b"<html>s3cret</html>");
        assert_eq!(told.message, "the answer is 502 Bad Gateway");
        let told = refusal(StatusCode::GONE, br#"{"message":"too old","code":410}"#);
        assert_eq!((&*told.message, told.code), ("too old", 410));
    }

    #[tokio::test]
    async fn reads_no_more_than_it_may() {
        let read = async |most| read(Body::from(b"12345".to_vec()), most).await;
        assert_eq!(**read(5).await.unwrap(), *b"12345");
        assert!(matches!(read(4).await, Err(Error::TooLong(4))));
    }
}
