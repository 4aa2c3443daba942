//! The connections of a listener: how many there are, and how long each may take for what it does.
//!
//! ```text
//! accepted ──▶ header ──▶ answering ──▶ idle ──▶ header ──▶ …
//! ```
//!
//! Each stage has its deadline. Where there are too many, the oldest that waits for a header goes.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{self, AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::config::Deadlines;

const CONNECTIONS: usize = 256;
/// More of a header is no header.
const HEADER: usize = 64 << 10;
/// After a connection could not be accepted, for example because there are too many open files.
const PAUSE: Duration = Duration::from_millis(100);

/// Who sent a request.
#[derive(Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// Listens at an address; as in Go, nothing before the colon means every address there is.
pub async fn listen(address: &str) -> io::Result<TcpListener> {
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
    paths: Router,
    deadlines: Deadlines,
    stop: CancellationToken,
) {
    let connections = Arc::new(Connections::default());
    let open = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let connection = connections.admit(deadlines);
                let peer = Peer(peer.ip().to_canonical());
                open.spawn(connection.answer(stream, peer, paths.clone(), stop.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(PAUSE).await;
            }
        }
    }
    open.close();
    open.wait().await;
}

/// The open connections of one listener, the oldest first.
#[derive(Default)]
struct Connections {
    open: Mutex<BTreeMap<u64, Arc<Progress>>>,
}

/// What a connection is doing, and until when.
struct Progress {
    deadlines: Deadlines,
    stage: watch::Sender<(Stage, Instant)>,
    /// Cancelled when another connection needs its place.
    displaced: CancellationToken,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Header,
    Answering,
    Idle,
}

struct Connection {
    number: u64,
    progress: Arc<Progress>,
    among: Arc<Connections>,
}

impl Connections {
    /// Makes room for a new connection. It is never the new one that goes: that may be a probe.
    fn admit(self: &Arc<Self>, deadlines: Deadlines) -> Connection {
        let mut open = self.lock();
        while open.len() >= CONNECTIONS {
            let rank = |(number, progress): (&u64, &Arc<Progress>)| {
                (progress.stage.borrow().0 == Stage::Answering, *number)
            };
            let Some((_, oldest)) = open.iter().map(rank).min() else {
                break;
            };
            if let Some(progress) = open.remove(&oldest) {
                progress.displaced.cancel();
            }
        }
        let number = open.last_key_value().map_or(0, |(last, _)| last + 1);
        let progress = Arc::new(Progress {
            deadlines,
            stage: watch::Sender::new((Stage::Header, Instant::now() + deadlines.header)),
            displaced: CancellationToken::new(),
        });
        open.insert(number, Arc::clone(&progress));
        Connection {
            number,
            progress,
            among: Arc::clone(self),
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Progress>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress {
    fn enter(&self, stage: Stage) {
        let time = match stage {
            Stage::Header => self.deadlines.header,
            Stage::Answering => self.deadlines.answer,
            Stage::Idle => self.deadlines.idle,
        };
        self.stage.send_replace((stage, Instant::now() + time));
    }

    /// Resolves when a stage has taken too long.
    async fn is_late(&self) {
        let mut stage = self.stage.subscribe();
        loop {
            let (_, until) = *stage.borrow_and_update();
            tokio::select! {
                () = sleep_until(until) => return,
                _ = stage.changed() => {}
            }
        }
    }
}

impl Connection {
    /// Answers the requests of one client. Whatever goes wrong here ends this connection only.
    async fn answer(self, stream: TcpStream, peer: Peer, paths: Router, stop: CancellationToken) {
        let progress = Arc::clone(&self.progress);
        let answer = service_fn(|request: Request<Incoming>| {
            progress.enter(Stage::Answering);
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(peer);
            let (answer, progress) = (paths.clone().oneshot(request), Arc::clone(&progress));
            async move {
                let answer = answer.await;
                progress.enter(Stage::Idle);
                answer
            }
        });
        let stream = Observed {
            stream,
            progress: Arc::clone(&self.progress),
        };
        let mut served = pin!(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(None) // it would count idle time, too
                .max_buf_size(HEADER)
                .serve_connection(TokioIo::new(stream), answer)
        );
        let mut is_stopping = false;
        loop {
            tokio::select! {
                _ = served.as_mut() => break,
                () = self.progress.is_late() => break,
                () = self.progress.displaced.cancelled() => break,
                () = stop.cancelled(), if !is_stopping => {
                    is_stopping = true;
                    served.as_mut().graceful_shutdown();
                }
            }
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut open = self.among.lock();
        let is_it = |progress: &Arc<Progress>| Arc::ptr_eq(progress, &self.progress);
        if open.get(&self.number).is_some_and(is_it) {
            open.remove(&self.number);
        }
    }
}

/// A stream that shows when an idle client begins another request.
struct Observed {
    stream: TcpStream,
    progress: Arc<Progress>,
}

impl AsyncRead for Observed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        let has_come = buffer.filled().len() > before;
        if has_come && self.progress.stage.borrow().0 == Stage::Idle {
            self.progress.enter(Stage::Header);
        }
        read
    }
}

impl AsyncWrite for Observed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests;
