//! The HTTP paths: alive means "we serve", ready means "keys loaded, watches synced".
//!
//! What is here reaches the certificate and nothing else: no key, no value, no template.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header::CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use tokio::net::TcpListener;
use tokio::sync::watch::Receiver;
use tokio_util::sync::CancellationToken;

use crate::key_ring::KeyRing;

#[derive(Clone)]
struct Served {
    keys: Arc<KeyRing>,
    ready: Receiver<bool>,
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
pub(crate) async fn serve(
    listener: TcpListener,
    keys: Arc<KeyRing>,
    ready: Receiver<bool>,
    stop: CancellationToken,
) {
    // Upstream looks at no method, and probes of every kind rely on it.
    let paths = Router::new()
        .route("/healthz", any(healthz))
        .route("/readyz", any(readyz))
        .route("/v1/cert.pem", any(certificate))
        .fallback(not_found)
        .with_state(Served { keys, ready });
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
    match served.keys.current() {
        Some(certificate) => (
            [(CONTENT_TYPE, "application/x-pem-file")],
            certificate.as_pem().to_owned(),
        )
            .into_response(),
        None => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "cannot get certificate\n",
        )
            .into_response(),
    }
}

async fn not_found() -> (StatusCode, &'static str) {
    (StatusCode::NOT_FOUND, "404 page not found\n")
}
