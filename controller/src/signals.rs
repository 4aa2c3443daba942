//! What the process is told from outside: to end, and to make a new key.

use std::io;
use std::pin::Pin;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

const DRAIN: Duration = Duration::from_secs(10);

/// The two things that a running controller can be asked for.
pub struct Signals {
    pub(crate) stop: Pin<Box<dyn Future<Output = ()> + Send>>,
    pub(crate) renew: mpsc::Receiver<()>,
}

impl Signals {
    /// Ends when `stop` resolves; makes a new key for each message of `renew`.
    pub fn new(stop: impl Future<Output = ()> + Send + 'static, renew: mpsc::Receiver<()>) -> Self {
        Self {
            stop: Box::pin(stop),
            renew,
        }
    }

    /// Ends when `stop` resolves, and is asked for nothing else.
    pub fn until(stop: impl Future<Output = ()> + Send + 'static) -> Self {
        Self::new(stop, mpsc::channel(1).1)
    }

    /// Resolves when the process is to end.
    pub async fn stopped(self) {
        self.stop.await;
    }

    /// SIGTERM and Ctrl-C end the process, SIGUSR1 makes a new key.
    #[cfg(unix)]
    pub fn of_process() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut user = signal(SignalKind::user_defined1())?;
        let (ask, renew) = mpsc::channel(1);
        tokio::spawn(
            async move { while user.recv().await.is_some() && ask.send(()).await.is_ok() {} },
        );
        let stop = async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        Ok(Self::new(stop, renew))
    }

    /// Ctrl-C ends the process.
    #[cfg(not(unix))]
    pub fn of_process() -> io::Result<Self> {
        Ok(Self::until(async { _ = tokio::signal::ctrl_c().await }))
    }
}

/// Waits for the work in flight, though not for ever.
pub(crate) async fn drain(tasks: &TaskTracker) {
    if tokio::time::timeout(DRAIN, tasks.wait()).await.is_err() {
        tracing::warn!("work in flight did not end in {DRAIN:?}");
    }
}
