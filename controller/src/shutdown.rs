//! The end: who asks for it, and how long work in flight may take.

use std::time::Duration;

use tokio_util::task::TaskTracker;

const DRAIN: Duration = Duration::from_secs(10);

/// Resolves when the process is asked to stop, by SIGTERM or by Ctrl-C.
pub async fn stop_signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => return,
                _ = tokio::signal::ctrl_c() => return,
            }
        }
    }
    _ = tokio::signal::ctrl_c().await;
}

/// Waits for the work in flight, though not for ever.
pub(crate) async fn drain(tasks: &TaskTracker) {
    if tokio::time::timeout(DRAIN, tasks.wait()).await.is_err() {
        tracing::warn!("work in flight did not end in {DRAIN:?}");
    }
}
