//! Flags as Go's pflag reads them, environment variables before the command line, and its words
//! for what does not parse.

use std::ffi::OsString;

use clap::ArgAction;
use clap::error::{ContextKind, ErrorKind};

use super::klog;
use crate::Io;

/// Gives every flag what it has in common with its kind: a value may begin with a hyphen, and a
/// boolean takes none as a separate word.
pub(super) fn as_pflag_reads(command: clap::Command) -> clap::Command {
    command.mut_args(|argument| match argument.get_action() {
        _ if argument.is_positional() => argument,
        ArgAction::SetTrue => argument
            .action(ArgAction::Set)
            .value_parser(boolean)
            .value_name("BOOL")
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
            .default_value("false")
            .hide_default_value(true),
        _ => argument.allow_hyphen_values(true),
    })
}

/// The flags that `SEALED_SECRETS_<FLAG>` sets; what does not parse is warned about and ignored.
pub(super) fn environment(command: &clap::Command, io: &mut Io) -> Vec<OsString> {
    let mut flags = Vec::new();
    let names = command
        .get_arguments()
        .filter_map(|argument| argument.get_long())
        .filter(|name| *name != "help" && !klog::NAMES.contains(name));
    for name in names {
        let variable = variable(name);
        let Some(value) = io.environment.get(&variable) else {
            continue;
        };
        let flag = OsString::from(format!("--{name}={value}"));
        let parsed = command
            .clone()
            .try_get_matches_from([OsString::new(), flag.clone()]);
        match parsed {
            Ok(_) => flags.push(flag),
            Err(error) => {
                let reason = message(&error, command, "");
                io.warn(&format!("{variable} is ignored: {reason}"));
            }
        }
    }
    flags
}

/// The environment variable of a flag.
pub fn variable(flag: &str) -> String {
    let name = flag.to_ascii_uppercase().replace('-', "_");
    format!("SEALED_SECRETS_{name}")
}

/// What is wrong with a command line that ends with this word.
pub(super) fn message(error: &clap::Error, command: &clap::Command, last: &str) -> String {
    let text = |kind| error.get(kind).map(ToString::to_string).unwrap_or_default();
    let (argument, value) = (
        text(ContextKind::InvalidArg),
        text(ContextKind::InvalidValue),
    );
    let flag = argument.split([' ', '=', '[']).next().unwrap_or_default();
    match error.kind() {
        ErrorKind::UnknownArgument if argument.starts_with("--") => format!("unknown flag: {flag}"),
        ErrorKind::UnknownArgument => {
            let letter = argument
                .trim_start_matches('-')
                .chars()
                .next()
                .unwrap_or_default();
            format!("unknown shorthand flag: '{letter}' in {argument}")
        }
        ErrorKind::InvalidValue if value.is_empty() => {
            match last.strip_prefix('-').filter(|letter| letter.len() == 1) {
                Some(letter) => format!("flag needs an argument: '{letter}' in {last}"),
                None => format!("flag needs an argument: {flag}"),
            }
        }
        ErrorKind::ValueValidation | ErrorKind::InvalidValue => {
            let argument = command
                .get_arguments()
                .find(|argument| argument.get_long() == flag.strip_prefix("--"));
            let flag = match argument.and_then(clap::Arg::get_short) {
                Some(letter) => format!("-{letter}, {flag}"),
                None => flag.to_owned(),
            };
            let reason = std::error::Error::source(error)
                .map(ToString::to_string)
                .unwrap_or_default();
            format!("invalid argument {value:?} for {flag:?} flag: {reason}")
        }
        _ => error.kind().to_string(),
    }
}

fn boolean(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(format!(
            "strconv.ParseBool: parsing {text:?}: invalid syntax"
        )),
    }
}
