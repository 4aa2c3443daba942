//! The completion scripts do their work in the shells they are for, each where it is installed; with
//! `REQUIRE_TOOLS`, all must be.
#![cfg(unix)]

use std::io::ErrorKind;
use std::process::Command;

/// Each shell, and how it is asked for what it would offer, line by line, with the script in `$SCRIPT`.
const SHELLS: [(&str, &[&str], &str); 3] = [
    (
        "bash",
        &["--norc", "-c"],
        r#"source "$SCRIPT"
        offer() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _kubeseal "$1" "${@: -1}" "${@: -2:1}"; }
        offer kubeseal --sco && printf '%s\n' "${COMPREPLY[@]}"
        offer kubeseal --scope names && printf '%s\n' "${COMPREPLY[@]}""#,
    ),
    (
        "fish",
        &["--no-config", "-c"],
        r#"source $SCRIPT; complete -C "kubeseal --sco"; complete -C "kubeseal --scope names""#,
    ),
    // Without a terminal it offers nothing, but it tells what it would choose from.
    (
        "zsh",
        &["-f", "-c"],
        r#"autoload -Uz compinit && compinit -D && source "$SCRIPT"
        _arguments() { print -rl -- "$@" }
        _kubeseal | tr '=([) ' '\n'"#,
    ),
];

#[test]
fn offers_flags_and_their_values() {
    let folder = tempfile::tempdir().unwrap();
    for (shell, args, ask) in SHELLS {
        let script = folder.path().join(shell);
        let kubeseal = Command::new(env!("CARGO_BIN_EXE_kubeseal"))
            .args(["--completion", shell])
            .output();
        std::fs::write(&script, kubeseal.unwrap().stdout).unwrap();
        let asked = Command::new(shell)
            .args(args)
            .arg(ask)
            .env("SCRIPT", &script)
            .env("HOME", folder.path())
            .output();
        let output = match asked {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let is_required = std::env::var_os("REQUIRE_TOOLS").is_some();
                assert!(!is_required, "{shell} is not installed");
                continue;
            }
            asked => asked.unwrap(),
        };
        let offered = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && errors.is_empty(),
            "{shell}: {errors}"
        );
        let words = offered
            .lines()
            .filter_map(|line| line.split_whitespace().next());
        let words: Vec<&str> = words.collect();
        for expected in ["--scope", "namespace-wide"] {
            assert!(words.contains(&expected), "{shell} offers {words:?}");
        }
    }
}
