//! The HTTP paths: alive means "we serve", ready means "keys loaded, watches synced".
//!
//! What opens values here has no template among its arguments: that is what keeps a remote caller from
//! asking questions about them. It works on one thread, within a budget, and gives way to reconciling.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, Request, State};
use axum::http::header::{CONTENT_TYPE, EXPECT, RETRY_AFTER};
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::{Json, Router};
use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio::sync::watch::Receiver;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::Shared;
use crate::audit::{Audit, Purpose};
use crate::body::{self, Bodies};
use crate::budget::Budget;
use crate::config::Config;
use crate::cores::Cores;
use crate::effort::{FAILURES, ForRequest, Stopwatch};
use crate::key_ring::KeyRing;
use crate::listener::Peer;
use crate::metrics::{self, Metrics};
use crate::rate_limit::{RateLimiter, whole_seconds};
use crate::re_encrypt::re_encrypt;
use crate::request::{Failed, Opened, Sent};

const VERIFY: &str = "/v1/verify";
const RE_ENCRYPT: &str = "/v1/rotate";
const FORWARDED_FOR: &str = "x-forwarded-for";
/// Reading so many bytes takes about as long as one RSA operation, and costs as much.
const BYTES: usize = 16 << 10;
/// When there is no room for a body, there soon will be.
const SOON: Duration = Duration::from_secs(1);

/// What the paths can reach.
#[derive(Clone)]
pub(crate) struct Served {
    keys: Arc<KeyRing>,
    ready: Receiver<bool>,
    accept_deprecated: bool,
    rate_limiter: Arc<RateLimiter>,
    budget: Arc<Budget>,
    bodies: Bodies,
    /// One request at a time opens values; reconciling has threads of its own.
    opening: Arc<Semaphore>,
    /// While reconciling is on every core, requests wait.
    cores: Arc<Cores>,
    metrics: Arc<Metrics>,
    audit: Arc<Audit>,
}

impl Served {
    pub(crate) fn new(shared: &Shared, ready: Receiver<bool>, config: &Config) -> Self {
        let http = &config.http;
        Self {
            keys: Arc::clone(&shared.keys),
            ready,
            accept_deprecated: config.accept_deprecated_data,
            rate_limiter: Arc::new(RateLimiter::new(http.rate_limit)),
            budget: Arc::new(Budget::new(http.rsa_rate_limit)),
            bodies: Bodies::new(http.max_request_bytes, http.deadlines.body),
            opening: Arc::new(Semaphore::new(1)),
            cores: Arc::clone(&shared.cores),
            metrics: Arc::clone(&shared.metrics),
            audit: Arc::clone(&shared.audit),
        }
    }

    /// The paths, those included that may be switched off.
    pub(crate) fn paths(self, verifies: bool, re_encrypts: bool) -> Router {
        let mut limited = Router::new();
        if verifies {
            limited = limited.route(VERIFY, any(verify));
        }
        if re_encrypts {
            limited = limited.route(RE_ENCRYPT, any(rotate));
        }
        if verifies || re_encrypts {
            limited = limited.route_layer(from_fn_with_state(self.clone(), limit));
        }
        // Upstream looks at no method, and probes of every kind rely on it.
        let counted = limited
            .route("/v1/cert.pem", any(certificate))
            .route_layer(from_fn_with_state(self.clone(), count));
        counted
            .route("/healthz", any(healthz))
            .route("/readyz", any(readyz))
            .fallback(not_found)
            .with_state(self)
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
async fn verify(
    State(served): State<Served>,
    Extension(Peer(peer)): Extension<Peer>,
    request: Request,
) -> Result<StatusCode, Refusal> {
    let opened = served.open(peer, request, Sent::only, Purpose::Verify, |_, _| ());
    match opened.await {
        Ok(()) => Ok(StatusCode::OK),
        Err(Refusal::Failed(Failed::DoesNotOpen)) => Ok(StatusCode::CONFLICT),
        Err(refusal) => Err(refusal),
    }
}

/// A SealedSecret, re-encrypted to the current key.
async fn rotate(
    State(served): State<Served>,
    Extension(Peer(peer)): Extension<Peer>,
    request: Request,
) -> Result<Response, Refusal> {
    let current = served.keys.current(Timestamp::now());
    let move_to_current = |sent, opened| re_encrypt(sent, opened, &current?.certificate);
    let purpose = Purpose::ReEncrypt;
    let moved = served.open(peer, request, Sent::first, purpose, move_to_current);
    let moved = moved.await?.ok_or(Refusal::NotThis)?;
    Ok(Json(moved).into_response())
}

pub(crate) async fn not_found() -> (StatusCode, &'static str) {
    (StatusCode::NOT_FOUND, "404 page not found\n")
}

/// Why a request gets no other answer.
#[derive(Debug)]
enum Refusal {
    Body(body::Error),
    /// It holds no SealedSecret.
    NotThis,
    Failed(Failed),
    /// It comes too early.
    Wait(Duration),
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let wait = match self {
            Self::Body(body::Error::TooLarge) => {
                return (StatusCode::PAYLOAD_TOO_LARGE, "request body too large\n").into_response();
            }
            Self::Body(body::Error::Broken) => return StatusCode::BAD_REQUEST.into_response(),
            Self::NotThis | Self::Failed(Failed::DoesNotOpen) => {
                return StatusCode::INTERNAL_SERVER_ERROR.into_response();
            }
            Self::Failed(Failed::Spent) => {
                return (StatusCode::UNPROCESSABLE_ENTITY, "too many attempts\n").into_response();
            }
            Self::Body(body::Error::NoRoom) => SOON,
            Self::Wait(wait) => wait,
        };
        let headers = [(RETRY_AFTER, whole_seconds(wait).to_string())];
        (StatusCode::TOO_MANY_REQUESTS, headers, "limit exceeded\n").into_response()
    }
}

impl Served {
    /// Reads what a denied request has to say: a client that is still sending would see no answer. Who
    /// asks first whether to send it has not begun.
    async fn discard(&self, request: Request) {
        if !request.headers().contains_key(EXPECT) {
            self.bodies.discard(request.into_body()).await;
        }
    }

    /// Opens what a request holds and makes something of it, where that may block. Only one request does
    /// so at a time, and it stops when its client goes.
    async fn open<T: Send + 'static>(
        &self,
        peer: IpAddr,
        request: Request,
        read: fn(&[u8]) -> Option<Sent>,
        purpose: Purpose,
        then: impl FnOnce(Sent, Opened) -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let body = self.bodies.read(request.into_body()).await;
        let body = body.map_err(Refusal::Body)?;
        let turn = Arc::clone(&self.opening).acquire_owned().await;
        // Those before it may have spent what there was when it came.
        if let Some(wait) = self.budget.wait(peer, Instant::now()) {
            return Err(Refusal::Wait(wait));
        }
        let length = u32::try_from(body.bytes.len() / BYTES).unwrap_or(u32::MAX);
        self.budget.spend(peer, length, Instant::now());
        let gone = CancellationToken::new();
        let mut effort = ForRequest {
            failures_left: FAILURES,
            budget: Arc::clone(&self.budget),
            peer,
            gone: gone.clone(),
            cores: Arc::clone(&self.cores),
            watch: Stopwatch::new(self.metrics.rsa_seconds(metrics::HTTP)),
        };
        let _leaves = gone.drop_guard();
        let (keys, accept_deprecated) = (self.keys.snapshot(&[]), self.accept_deprecated);
        let audit = Arc::clone(&self.audit);
        let work = move || {
            let _turn = turn;
            let sent = read(&body.bytes).ok_or(Refusal::NotThis)?;
            drop(body);
            let opened = sent.open(&keys, accept_deprecated, &mut effort);
            let keys = opened.as_ref().ok().map(Opened::keys);
            let now = Timestamp::now();
            audit.note(purpose, Some(peer), &sent.sealed, keys.as_ref(), now);
            Ok(then(sent, opened.map_err(Refusal::Failed)?))
        };
        let work = tokio::task::spawn_blocking(work).await;
        work.unwrap_or(Err(Refusal::NotThis))
    }
}

/// Lets in what its bucket and its peer's budget allow.
async fn limit(
    State(served): State<Served>,
    Extension(Peer(peer)): Extension<Peer>,
    request: Request,
    next: Next,
) -> Response {
    let now = Instant::now();
    let caller = request.headers().get(FORWARDED_FOR);
    let caller = caller.map_or(&[][..], |value| value.as_bytes());
    let turn = served.rate_limiter.take(caller, request.uri().path(), now);
    let wait = turn.wait.or_else(|| served.budget.wait(peer, now));
    let mut answer = match wait {
        None => next.run(request).await,
        Some(wait) => {
            served.discard(request).await;
            Refusal::Wait(wait).into_response()
        }
    };
    turn.tell(answer.headers_mut());
    answer
}

async fn count(State(served): State<Served>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let method = known(request.method());
    let metrics = &served.metrics;
    let timer = metrics.http_seconds.with_label_values(&[&*path, method]);
    let timer = timer.start_timer();
    let answer = next.run(request).await;
    timer.observe_duration();
    let code = answer.status();
    let labels = [&*path, code.as_str(), method];
    metrics.http_requests.with_label_values(&labels).inc();
    answer
}

/// A method in lower case; anybody can make one up, and each would be a series of its own.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "get",
        Method::POST => "post",
        Method::PUT => "put",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        Method::HEAD => "head",
        Method::OPTIONS => "options",
        Method::CONNECT => "connect",
        Method::TRACE => "trace",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests;
