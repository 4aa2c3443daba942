//! The log: what is told, and what never is.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::prelude::*;

/// Starts the log on stdout; `RUST_LOG` chooses what it tells.
pub fn tell_log() {
    let chosen = std::env::var("RUST_LOG").unwrap_or_else(|_| "info".to_owned());
    tell_log_to(std::io::stdout, &chosen);
}

/// Starts the log somewhere else.
pub fn tell_log_to<W>(writer: W, chosen: &str)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    // kube's client logs the whole body of an answer that it cannot decode, and answers hold
    // Secrets: its target stays silent whatever is chosen.
    let no_bodies = filter_fn(|metadata| !metadata.target().starts_with("kube_client::client"));
    let lines = fmt::layer().with_target(false).with_writer(writer);
    let chosen = EnvFilter::try_new(chosen).unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::registry()
        .with(lines.with_filter(no_bodies))
        .with(chosen);
    // Somebody else may have started a log already: then that one is told.
    _ = log.try_init();
}
