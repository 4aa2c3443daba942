//! Parse, set up, run.

use std::alloc::System;
use std::io::{Write, stderr, stdout};
use std::process::ExitCode;

use anyhow::Context;
use controller::{
    Asked, Config, Listeners, SLOTS, Signals, connect, keep_private, listen, parse, run, start_log,
};
use tokio::runtime::Builder;
use zeroizing_alloc::ZeroAlloc;

/// Wipes all memory that is given back: opened values and keys pass through the buffers of others, too.
#[global_allocator]
static MEMORY: ZeroAlloc<System> = ZeroAlloc(System);

/// Threads for what blocks beside unsealing, which takes at most one for each object that is worked on, since those
/// that give way keep theirs: a request, a new key, and a name to look up.
const OTHERS: usize = 3;

fn main() -> ExitCode {
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let (config, warnings) = match parse(std::env::args_os(), &variables.collect()) {
        Ok(Asked::Run { config, warnings }) => (*config, warnings),
        Ok(Asked::Print(text)) => {
            _ = stdout().write_all(text.as_bytes());
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            _ = writeln!(stderr(), "{error}");
            return ExitCode::from(2);
        }
    };
    // Until the end: then what it was told last is written.
    let _log = match start_log(config.log) {
        Ok(log) => log,
        Err(error) => {
            _ = writeln!(stderr(), "error: cannot start the log: {error}");
            return ExitCode::from(2);
        }
    };
    warnings
        .iter()
        .for_each(|warning| tracing::warn!("{warning}"));
    if let Err(error) = keep_private() {
        tracing::warn!("cannot keep the memory of this process private: {error}");
    }
    match start(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::from(2)
        }
    }
}

fn start(config: Config) -> anyhow::Result<()> {
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(SLOTS + OTHERS)
        .build()?;
    let result = runtime.block_on(async {
        let signals = Signals::of_process()?;
        let client = connect(config.kubeconfig.as_deref(), config.request_limit).await?;
        let at = async |address: &str| {
            let listener = listen(address).await;
            listener.with_context(|| format!("cannot listen at `{address}`"))
        };
        let listeners = Listeners {
            http: at(&config.http.listen_addr).await?,
            metrics: at(&config.listen_metrics_addr).await?,
        };
        run(client, config, listeners, signals).await?;
        Ok(())
    });
    // What has not ended by now is not waited for: a thread that computes cannot be stopped.
    runtime.shutdown_background();
    result
}
