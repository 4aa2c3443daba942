//! `services/NAME/proxy`: forwards a request to whatever stands behind a Service.

use std::net::SocketAddr;

use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::answer::{self, Response};
use crate::cluster::Call;
use crate::status::Status;

/// Headers that belong to one hop, and the credentials, which are for the API server alone.
const NOT_FORWARDED: &[HeaderName] = &[
    header::AUTHORIZATION,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::HOST,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::TE,
];

pub(crate) async fn answer(call: &Call<'_>, rest: &str) -> Result<Response, Status> {
    let id = call.name.as_deref().unwrap_or_default();
    let (scheme, name, port) =
        parts(id).ok_or_else(|| Status::bad_request(format!("invalid service request {id:?}")))?;
    let service = call.cluster.store.get(
        &call.resource.key(),
        &(call.namespace.clone(), name.to_owned()),
    );
    let service = service.ok_or_else(|| no_endpoints(name))?;
    check_port(&service, name, port)?;
    let backend = call
        .cluster
        .backend(&call.namespace, name)
        .ok_or_else(|| no_endpoints(name))?;
    if scheme == "https" {
        return Err(unreachable_backend(
            "http: server gave HTTP response to HTTPS client",
        ));
    }
    forward(call, backend, rest).await
}

/// `name`, `name:port` or `scheme:name:port`.
fn parts(id: &str) -> Option<(&str, &str, &str)> {
    let parts: Vec<&str> = id.split(':').collect();
    match *parts.as_slice() {
        [name] => Some(("", name, "")),
        [name, port] => Some(("", name, port)),
        [scheme @ ("http" | "https" | ""), name, port] => Some((scheme, name, port)),
        _ => None,
    }
    .filter(|(_, name, _)| !name.is_empty())
}

/// As on the real server, a number stands for the name of the port that has it, and no port at all for a
/// port without a name.
fn check_port(service: &Value, name: &str, port: &str) -> Result<(), Status> {
    let ports = || service["spec"]["ports"].as_array().into_iter().flatten();
    if let Ok(number) = port.parse::<u16>() {
        return match ports().any(|candidate| candidate["port"] == number) {
            true => Ok(()),
            false => Err(Status::unavailable(format!(
                "no service port {number} found for service {name:?}"
            ))),
        };
    }
    match ports().any(|candidate| candidate["name"].as_str().unwrap_or_default() == port) {
        true => Ok(()),
        false => Err(no_endpoints(name)),
    }
}

fn no_endpoints(service: &str) -> Status {
    Status::unavailable(format!("no endpoints available for service {service:?}"))
}

fn unreachable_backend(why: impl std::fmt::Display) -> Status {
    Status::unavailable(format!("error trying to reach service: {why}"))
}

async fn forward(call: &Call<'_>, backend: SocketAddr, rest: &str) -> Result<Response, Status> {
    let stream = TcpStream::connect(backend).await.map_err(|error| {
        let why = if error.kind() == std::io::ErrorKind::ConnectionRefused {
            "connection refused".to_owned()
        } else {
            error.to_string()
        };
        unreachable_backend(format!("dial tcp {backend}: connect: {why}"))
    })?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(unreachable_backend)?;
    // dropped, and with it the connection, once the answer is here
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let response = sender
        .send_request(outgoing(call, backend, rest)?)
        .await
        .map_err(unreachable_backend)?;
    let (parts, body) = response.into_parts();
    let body = body
        .collect()
        .await
        .map_err(unreachable_backend)?
        .to_bytes();
    let mut response = answer::with_type(StatusCode::OK, "text/plain", body.to_vec());
    *response.status_mut() = parts.status;
    *response.headers_mut() = parts.headers;
    for name in NOT_FORWARDED {
        response.headers_mut().remove(name);
    }
    Ok(response)
}

fn outgoing(
    call: &Call<'_>,
    backend: SocketAddr,
    rest: &str,
) -> Result<http::Request<Full<bytes::Bytes>>, Status> {
    let request = call.request;
    let path = if rest.is_empty() { "/" } else { rest };
    let target = if request.query.raw.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{}", request.query.raw)
    };
    let target: PathAndQuery = target
        .parse()
        .map_err(|_| Status::bad_request("the path to forward is malformed"))?;
    let mut outgoing = http::Request::new(Full::new(request.body.clone()));
    *outgoing.method_mut() = request.method.clone();
    *outgoing.uri_mut() = Uri::from(target);
    for (name, value) in request
        .headers
        .iter()
        .filter(|(name, _)| !NOT_FORWARDED.contains(name))
    {
        outgoing.headers_mut().append(name, value.clone());
    }
    let host = HeaderValue::from_str(&backend.to_string()).map_err(unreachable_backend)?;
    outgoing.headers_mut().insert(header::HOST, host);
    outgoing
        .headers_mut()
        .append("x-forwarded-for", HeaderValue::from_static("127.0.0.1"));
    Ok(outgoing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_named_in_three_ways() {
        assert_eq!(parts("sealer"), Some(("", "sealer", "")));
        assert_eq!(parts("sealer:http"), Some(("", "sealer", "http")));
        assert_eq!(parts("http:sealer:"), Some(("http", "sealer", "")));
        assert_eq!(parts("a:b:c:d"), None);
        assert_eq!(parts("ftp:sealer:"), None);
    }
}
