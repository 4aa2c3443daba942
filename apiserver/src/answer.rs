//! Responses: JSON bodies, refusals, and the body type that both doors send.

use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use serde::Serialize;

use crate::status::Status;

pub(crate) type Body = UnsyncBoxBody<Bytes, Infallible>;
pub(crate) type Response = http::Response<Body>;

pub(crate) fn json(code: StatusCode, content: &impl Serialize) -> Response {
    match serde_json::to_vec(content) {
        Ok(text) => with_type(code, "application/json", text),
        Err(error) => refusal(Status::internal(format!(
            "cannot write the answer: {error}"
        ))),
    }
}

pub(crate) fn refusal(status: Status) -> Response {
    if status.is_text() {
        let text = format!("{}\n", status.message);
        return with_type(status.code, "text/plain; charset=utf-8", text.into_bytes());
    }
    let code = status.code;
    let retry = (code == StatusCode::GATEWAY_TIMEOUT).then(|| HeaderValue::from_static("1"));
    let text = status.into_json().to_string();
    let mut response = with_type(code, "application/json", text.into_bytes());
    if let Some(seconds) = retry {
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    response
}

pub(crate) fn with_type(code: StatusCode, media_type: &'static str, content: Vec<u8>) -> Response {
    let mut response = http::Response::new(Full::from(content).boxed_unsync());
    *response.status_mut() = code;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// Adds a `Warning` header (RFC 7234 §5.5) for each text, as kubectl prints them.
pub(crate) fn warn(mut response: Response, warnings: &[String]) -> Response {
    for warning in warnings {
        let quoted = warning.replace('\\', "\\\\").replace('"', "\\\"");
        if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{quoted}\"")) {
            response.headers_mut().append(header::WARNING, value);
        }
    }
    response
}
