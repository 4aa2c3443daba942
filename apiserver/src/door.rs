//! The two doors to the state machine: a tower service within the process, and HTTPS on the loopback
//! interface for whoever has the token.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::header;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Body as HttpBody;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::answer::{self, Body, Response};
use crate::cluster::Cluster;
use crate::request::{Query, Request};
use crate::status::Status;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What the real server reads of a request at most.
const LARGEST_BODY: usize = 3 * 1024 * 1024;

/// The door within the process; `kube::Client::new` takes it.
#[derive(Clone)]
pub struct Service {
    pub(crate) cluster: Arc<Cluster>,
}

impl<B> tower::Service<http::Request<B>> for Service
where
    B: HttpBody + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let cluster = self.cluster.clone();
        Box::pin(async move { Ok(answer(&cluster, request).await) })
    }
}

async fn answer<B>(cluster: &Arc<Cluster>, request: http::Request<B>) -> Response
where
    B: HttpBody + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    if cluster.is_away() {
        return answer::refusal(Status::unavailable("the server is starting"));
    }
    let (parts, body) = request.into_parts();
    let body = match Limited::new(body, LARGEST_BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            return answer::refusal(Status::too_large(LARGEST_BODY));
        }
        Err(_) => {
            return answer::refusal(Status::bad_request("cannot read the body of the request"));
        }
    };
    let path = parts.uri.path().to_owned();
    let query = Query::parse(parts.uri.query().unwrap_or_default());
    cluster
        .answer(Request {
            method: parts.method,
            path,
            query,
            headers: parts.headers,
            body,
        })
        .await
}

/// Accepts connections until it is dropped, and them with it.
pub(crate) async fn listen(
    listener: TcpListener,
    tls: TlsAcceptor,
    cluster: Arc<Cluster>,
    token: Arc<str>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(stream, tls.clone(), cluster.clone(), token.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    // most likely too many are open
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, tls: TlsAcceptor, cluster: Arc<Cluster>, token: Arc<str>) {
    let stream = match tls.accept(stream).await {
        Ok(stream) => stream,
        Err(error) => return tracing::debug!(%error, "no TLS handshake"),
    };
    let service = service_fn(|request: http::Request<hyper::body::Incoming>| {
        let (cluster, token) = (cluster.clone(), token.clone());
        async move {
            Ok::<_, Infallible>(match is_known(&request, &token) {
                true => answer(&cluster, request).await,
                false => answer::refusal(Status::unauthorized()),
            })
        }
    });
    if let Err(error) = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await
    {
        tracing::debug!(%error, "a connection ended early");
    }
}

fn is_known<B>(request: &http::Request<B>, token: &str) -> bool {
    let sent = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    sent.and_then(|sent| sent.strip_prefix("Bearer ")) == Some(token)
}
