//! Completion scripts for shells, made from the flags.

use std::str::FromStr;

use clap::ValueHint;
use clap::builder::PossibleValuesParser;

use crate::args;

/// A shell, or an empty text for none.
#[derive(Clone, Copy)]
pub(crate) struct Shell(pub(crate) Option<clap_complete::Shell>);

impl FromStr for Shell {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        use clap_complete::Shell::{Bash, Fish, PowerShell, Zsh};
        Ok(Self(match name {
            "" => None,
            "bash" => Some(Bash),
            "zsh" => Some(Zsh),
            "fish" => Some(Fish),
            "powershell" | "pwsh" => Some(PowerShell),
            _ => return Err("must be one of: bash, zsh, fish, powershell".to_owned()),
        }))
    }
}

pub(crate) fn script(shell: clap_complete::Shell) -> String {
    let mut script = Vec::new();
    let mut command = args::command().mut_args(with_values);
    clap_complete::generate(shell, &mut command, "kubeseal", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// What a shell may offer behind a flag; more is accepted.
fn with_values(flag: clap::Arg) -> clap::Arg {
    let values: &[&'static str] = match flag.get_long().unwrap_or_default() {
        "format" => &["json", "yaml"],
        "scope" => &["strict", "namespace-wide", "cluster-wide"],
        "completion" => &["bash", "zsh", "fish", "powershell"],
        _ => &[],
    };
    if !values.is_empty() {
        return flag.value_parser(PossibleValuesParser::new(values));
    }
    let names = flag.get_value_names().unwrap_or_default();
    if names.iter().any(|name| name.contains("FILE")) {
        flag.value_hint(ValueHint::FilePath)
    } else {
        flag
    }
}
