//! Completion scripts for shells, made from the flags.

use std::str::FromStr;

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
    clap_complete::generate(shell, &mut args::command(), "kubeseal", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}
