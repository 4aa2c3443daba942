//! Parse, set up, run.

use std::io::{Write, stdout};
use std::process::ExitCode;

use clap::Parser;
use controller::{
    Arguments, connect, listen, log_filter, own_namespace, run, stop_signal, tell_log,
};
use tokio::runtime::Runtime;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.asks_for_version() {
        _ = writeln!(
            stdout(),
            "controller version: {}",
            env!("CARGO_PKG_VERSION")
        );
        return ExitCode::SUCCESS;
    }
    tell_log(stdout, &log_filter().unwrap_or_else(|| "info".to_owned()));
    match start(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::from(2)
        }
    }
}

fn start(arguments: Arguments) -> anyhow::Result<()> {
    let config = arguments.into_config(own_namespace())?;
    let runtime = Runtime::new()?;
    let result = runtime.block_on(async {
        let client = connect(config.kubeconfig.as_deref()).await?;
        let listener = listen(&config.listen_addr).await?;
        run(client, config, listener, stop_signal()).await?;
        Ok(())
    });
    // What has not ended by now is not waited for: a thread that computes cannot be stopped.
    runtime.shutdown_background();
    result
}
