//! Every flag `--a-b` can be set by `SEALED_SECRETS_A_B`. What is wrong there is told, and not heeded.

use std::collections::BTreeMap;
use std::ffi::OsString;

use crate::go_flag::message;

const PREFIX: &str = "SEALED_SECRETS_";
/// A name is mistyped, not of somebody else, if so few letters are wrong.
const TYPOS: usize = 3;

/// The flags that variables set, as they would be typed.
pub(crate) fn flags(
    command: &clap::Command,
    variables: &BTreeMap<String, String>,
    warnings: &mut Vec<String>,
) -> Vec<OsString> {
    let known: BTreeMap<String, &str> = command
        .get_arguments()
        .filter_map(clap::Arg::get_long)
        .filter(|flag| *flag != "help")
        .map(|flag| (variable(flag), flag))
        .collect();
    let mut flags = Vec::new();
    for (name, value) in variables
        .iter()
        .filter(|(name, _)| name.starts_with(PREFIX))
    {
        let Some(flag) = known.get(name) else {
            if let Some(meant) = nearest(name, known.keys()) {
                warnings.push(format!("{name} is no setting; {meant} is one"));
            }
            continue;
        };
        let typed = OsString::from(format!("--{flag}={value}"));
        let alone = command
            .clone()
            .no_binary_name(true)
            .try_get_matches_from([&typed]);
        match alone {
            Ok(_) => flags.push(typed),
            // An empty text sets texts; what cannot be empty stays as it is, as it always did.
            Err(_) if value.is_empty() => {}
            Err(error) => warnings.push(format!("{name} is ignored: {}", message(&error))),
        }
    }
    flags
}

fn variable(flag: &str) -> String {
    format!("{PREFIX}{}", flag.to_ascii_uppercase().replace('-', "_"))
}

fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a String>) -> Option<&'a String> {
    if is_of_a_service(name) {
        return None;
    }
    let distances = known.map(|known| (strsim::damerau_levenshtein(name, known), known));
    let (distance, nearest) = distances.min()?;
    (distance <= TYPOS).then_some(nearest)
}

/// Kubernetes tells every Pod where the Services of its namespace are; ours is one of them.
fn is_of_a_service(name: &str) -> bool {
    ["_SERVICE_HOST", "_SERVICE_PORT", "_PORT"]
        .iter()
        .any(|end| name.ends_with(end))
        || ["_SERVICE_PORT_", "_TCP", "_UDP", "_SCTP"]
            .iter()
            .any(|part| name.contains(part))
}
