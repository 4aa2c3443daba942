//! Flags of upstream versions after the one this is compared with: they stop no swap, and are not heeded.

use std::ffi::OsString;

use clap::{Arg, ArgMatches, Command, value_parser};

/// Only what upstream has merged under this name, and what `Flags` does not know by then. A name that
/// is merely likely stays out: a flag that is misspelt ends the start, so that it is noticed.
/// None is known so far; what 0.41 may have added to repair Secrets could not be read.
pub(super) const NAMES: &[&str] = &[];

/// Takes these flags as well, with a value or without.
pub(super) fn accepted(command: Command, names: &'static [&'static str]) -> Command {
    command.args(names.iter().map(|name| {
        Arg::new(*name)
            .long(*name)
            .num_args(0..=1)
            .allow_negative_numbers(true)
            .value_parser(value_parser!(OsString))
            .hide(true)
    }))
}

/// What to say of those that were given.
pub(super) fn warnings<'a>(
    matches: &'a ArgMatches,
    names: &'a [&str],
) -> impl Iterator<Item = String> + 'a {
    let given = names.iter().filter(|name| matches.contains_id(name));
    given.map(|name| format!("--{name} is ignored: it is of a later version of upstream's"))
}
