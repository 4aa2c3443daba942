//! The program `kubeseal`: the process's arguments and streams, and its exit code.

use std::process::ExitCode;

use cli::Io;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    ExitCode::from(cli::run(std::env::args_os(), &mut Io::of_process()).await)
}
