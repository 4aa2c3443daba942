//! Parse, set up, run.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use controller::{Arguments, connect, run, stop_signal, tell_log};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.asks_for_version() {
        _ = writeln!(
            std::io::stdout(),
            "controller version: {}",
            env!("CARGO_PKG_VERSION")
        );
        return ExitCode::SUCCESS;
    }
    tell_log();
    match start(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::from(2)
        }
    }
}

async fn start(arguments: Arguments) -> anyhow::Result<()> {
    let config = arguments.into_config()?;
    let client = connect(config.kubeconfig.as_deref()).await?;
    let listener = TcpListener::bind(&config.listen_addr).await?;
    run(client, config, listener, stop_signal()).await?;
    Ok(())
}
