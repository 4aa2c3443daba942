//! Who seals at a desk: the command line `kubeseal`.
//!
//! ```text
//! arguments ──▶ args ──▶ Command ──▶ one of commands/ ──▶ output, whole or not at all
//! ```

mod args;
mod certificate;
mod cluster;
mod commands;
mod completion;
mod controller;
mod diagnosis;
mod document;
mod edit;
mod error;
mod exposure;
mod fields;
mod format;
mod go_json;
mod go_yaml;
mod input;
mod io;
mod manifest;
mod natural_order;
mod output;
mod parallel;
mod printable;
mod private_keys;
mod progress;
mod proxy;
mod scalar;
mod sealed_manifest;
mod splice;
mod text;
mod tree;

use std::ffi::OsString;

use crate::args::Command;
pub use crate::args::{command, variable};
pub use crate::error::Error;
pub use crate::io::{Io, Printed};

/// Runs the command line and says with which code to exit; the first argument is the program's name.
pub async fn run(args: impl IntoIterator<Item = OsString>, io: &mut Io) -> u8 {
    match dispatch(args, io).await {
        Ok(()) => 0,
        Err(error) => {
            io.report(&error);
            error.exit_code()
        }
    }
}

async fn dispatch(args: impl IntoIterator<Item = OsString>, io: &mut Io) -> Result<(), Error> {
    match args::parse(args, io)? {
        Command::Print(text) => Ok(output::Output::Stdout.write(&[text], io)?),
        Command::Explain(command) => command.run(io).await,
        Command::FetchCert(command) => command.run(io).await,
        Command::Merge(command) => command.run(io).await,
        Command::ReEncrypt(command) => command.run(io).await,
        Command::Recover(command) => command.run(io).await,
        Command::Validate(command) => command.run(io).await,
        Command::SealRaw(command) => command.run(io).await,
        Command::Seal(command) => command.run(io).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn can_run_on_any_thread() {
        fn is_send(_: impl Send) {}
        is_send(run([], &mut Io::of_process()));
    }
}
