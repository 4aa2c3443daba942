//! The log: what is told, and what never is.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::prelude::*;

/// Starts the log on stdout; `RUST_LOG` chooses what it tells.
pub fn tell_log() {
    let chosen = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    // kube's client logs the whole body of an answer that it cannot decode, and answers hold
    // Secrets: its target stays silent whatever `RUST_LOG` says.
    let no_bodies = tracing_subscriber::filter::filter_fn(|metadata| {
        !metadata.target().starts_with("kube_client::client")
    });
    _ = tracing_subscriber::registry()
        .with(
            tracing_subscriber::fmt::layer()
                .with_target(false)
                .with_filter(no_bodies),
        )
        .with(chosen)
        .try_init();
}
