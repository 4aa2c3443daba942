//! The log: what is told, and what never is.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::prelude::*;

/// What kube itself says of answers: where one does not decode, it is quoted, and answers hold Secrets.
const QUOTING: [&str; 2] = ["kube_client::client", "kube_runtime::watcher"];

/// Starts the log; `chosen` is a filter as `RUST_LOG` has it.
pub fn tell_log<W>(writer: W, chosen: &str)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let unquoted = filter_fn(|metadata| {
        !QUOTING
            .iter()
            .any(|target| metadata.target().starts_with(target))
    });
    let lines = fmt::layer()
        .with_ansi(false)
        .with_target(false)
        .with_writer(writer);
    let chosen = EnvFilter::try_new(chosen).unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::registry()
        .with(lines.with_filter(unquoted))
        .with(chosen);
    // Somebody else may have started a log already: then that one is told.
    _ = log.try_init();
}
