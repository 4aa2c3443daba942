//! The HTTP paths: alive means "we serve", ready means "keys loaded, watches synced".
//!
//! What opens values here has no template among its arguments: that is what keeps a remote caller from
//! asking questions about them.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header::CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::{Json, Router};
use bytes::Bytes;
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::sync::watch::Receiver;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::key_ring::KeyRing;
use crate::re_encrypt::re_encrypt;
use crate::request::Sent;

/// As much as the API server itself takes.
const BODY: usize = 3 << 20;

/// What the paths can reach.
#[derive(Clone)]
pub(crate) struct Served {
    keys: Arc<KeyRing>,
    ready: Receiver<bool>,
    accept_deprecated: bool,
    /// One request at a time opens values; reconciling has threads of its own.
    opening: Arc<Semaphore>,
}

impl Served {
    pub(crate) fn new(keys: Arc<KeyRing>, ready: Receiver<bool>, config: &Config) -> Self {
        Self {
            keys,
            ready,
            accept_deprecated: config.accept_deprecated_data,
            opening: Arc::new(Semaphore::new(1)),
        }
    }

    /// Does what takes RSA where it may block.
    async fn open<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let _turn = self.opening.acquire().await;
        tokio::task::spawn_blocking(work).await.ok()
    }
}

/// Listens at an address; as in Go, nothing before the colon means every address there is.
pub async fn listen(address: &str) -> std::io::Result<TcpListener> {
    if !address.starts_with(':') {
        return TcpListener::bind(address).await;
    }
    match TcpListener::bind(format!("[::]{address}")).await {
        Err(_) => TcpListener::bind(format!("0.0.0.0{address}")).await, // a machine without IPv6
        listening => listening,
    }
}

/// Answers until it is told to stop; then open requests are finished.
pub(crate) async fn serve(listener: TcpListener, served: Served, stop: CancellationToken) {
    // Upstream looks at no method, and probes of every kind rely on it.
    let paths = Router::new()
        .route("/healthz", any(healthz))
        .route("/readyz", any(readyz))
        .route("/v1/cert.pem", any(certificate))
        .route("/v1/verify", any(verify))
        .route("/v1/rotate", any(rotate))
        .layer(DefaultBodyLimit::max(BODY))
        .fallback(not_found)
        .with_state(served);
    if let Ok(addr) = listener.local_addr() {
        tracing::info!(%addr, "HTTP server serving");
    }
    let served = axum::serve(listener, paths)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await;
    if let Err(error) = served {
        tracing::error!(%error, "HTTP server failed");
    }
}

async fn healthz() -> &'static str {
    "ok\n"
}

async fn readyz(State(served): State<Served>) -> (StatusCode, &'static str) {
    if *served.ready.borrow() {
        (StatusCode::OK, "ok\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
    }
}

async fn certificate(State(served): State<Served>) -> Response {
    match served.keys.current(Timestamp::now()) {
        Some(current) => (
            [(CONTENT_TYPE, "application/x-pem-file")],
            current.certificate.as_pem().to_owned(),
        )
            .into_response(),
        None => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "cannot get certificate\n",
        )
            .into_response(),
    }
}

/// Whether a SealedSecret opens; its templates are not looked at.
async fn verify(State(served): State<Served>, body: Bytes) -> StatusCode {
    let Some(sent) = Sent::only(&body) else {
        return StatusCode::INTERNAL_SERVER_ERROR;
    };
    let (keys, accept_deprecated) = (served.keys.snapshot(&[]), served.accept_deprecated);
    match served
        .open(move || sent.opens(&keys, accept_deprecated))
        .await
    {
        Some(true) => StatusCode::OK,
        Some(false) => StatusCode::CONFLICT,
        None => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// A SealedSecret, re-encrypted to the current key.
async fn rotate(State(served): State<Served>, body: Bytes) -> Response {
    let current = served.keys.current(Timestamp::now());
    let (Some(sent), Some(current)) = (Sent::first(&body), current) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let (keys, accept_deprecated) = (served.keys.snapshot(&[]), served.accept_deprecated);
    let work = move || re_encrypt(sent, &keys, &current.certificate, accept_deprecated);
    match served.open(work).await.flatten() {
        Some(object) => Json(object).into_response(),
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn not_found() -> (StatusCode, &'static str) {
    (StatusCode::NOT_FOUND, "404 page not found\n")
}
