//! `docs/cli.md` and `docs/kubeseal.1` say what the flags are; `make generate` rewrites them. The
//! completion scripts know the flags, too.
#![expect(
    clippy::unwrap_used,
    reason = "a test ends where its fixture is broken"
)]

use std::fmt::Write;
use std::path::Path;

use cli::Io;

const PREFACE: &str = "\
<!-- Generated from the flags of `kubeseal` by `make generate`. -->
# kubeseal

`kubeseal` seals Secrets. It reads them from stdin or a file, in YAML or JSON, and prints SealedSecrets that only the
controller can open. `kubectl sealed-secrets` is the same program, where it is installed under the name
`kubectl-sealed_secrets`.

```
kubeseal [flags] < secret.yaml > sealed.yaml
```

- Flags are read as upstream's `kubeseal` reads them: `--name value`, `--name=value`, `-o yaml`, `-oyaml`. A switch takes
  its value behind an equals sign only: `--raw=false`. Words that are no flags are ignored. The last of several counts;
  lists (`--from-file`, `--recovery-private-key`, `--as-group`) are separated by commas and add up.
- Each flag has an environment variable, `SEALED_SECRETS_` and its name: `SEALED_SECRETS_CERT`,
  `SEALED_SECRETS_CONTROLLER_NAMESPACE`. The command line wins over it. One that cannot be read is warned about; a bad
  `SEALED_SECRETS_FORMAT` is an error.
- Labels and annotations are committed in plain. One that holds a value of the Secret, of 8 bytes or more, plain or in
  base64, is refused; `--allow-values-in-metadata` allows it.
- A Service in the namespace `sealed-secrets` may be anybody's who may create namespaces: it is only used when
  `--controller-namespace` says so, or somebody at a terminal.
- The flags of Go's logger (`-v`, `--logtostderr` and so on) are accepted and change nothing.
- Exit code 0: done. 1: it failed, and stderr says why in a line that begins with `error: `. 2: the command line is wrong.
- Completion: `source <(kubeseal --completion bash)`, likewise for `zsh`, `fish` and `powershell`.
- What is different from upstream is in [migrate.md](migrate.md).

## kubeseal explain

The controller does not say why a template cannot be rendered: the error may spell a value, and whoever may edit a
SealedSecret may read its status. `kubeseal explain` says it, in Go's words, to those who hold the values: with
`--recovery-private-key`, or with `-f sealed.yaml` and the plain Secret on stdin. No cluster is asked. Exit code 0, and a line
that begins with `ok`; or 1, and a line on stderr for everything that fails. **Such a line may hold values**: keep it out of
logs that others read. `explain` is a command in first place only; anywhere else it is a word that is ignored.

## Flags

| flag | what it does | environment |
|---|---|---|
";

fn reference() -> String {
    let mut text = PREFACE.to_owned();
    for flag in cli::command()
        .get_arguments()
        .filter(|argument| !argument.is_hide_set())
    {
        let long = flag.get_long().unwrap();
        let short = flag
            .get_short()
            .map_or_else(String::new, |letter| format!("`-{letter}`, "));
        let value = match flag.get_value_names() {
            Some([name]) if name == "BOOL" => String::new(),
            Some([name]) => format!(" {}", name.replace('|', "\\|")),
            _ => String::new(),
        };
        let help = flag.get_help().unwrap().to_string().replace('|', "\\|");
        let variable = match long {
            "help" => String::new(),
            _ => format!("`{}`", cli::variable(long)),
        };
        writeln!(text, "| {short}`--{long}{value}` | {help} | {variable} |").unwrap();
    }
    let examples = examples();
    text + &format!("\n## Examples\n\n```\n{examples}```\n")
}

fn manual() -> String {
    let command = cli::command().about("seals Secrets so that they can live in Git");
    let mut page = Vec::new();
    let examples = examples();
    let manual = clap_mangen::Man::new(command)
        .date("")
        .manual("")
        .source("");
    manual.render_title(&mut page).unwrap();
    manual.render_name_section(&mut page).unwrap();
    let mut page = String::from_utf8(page).unwrap() + DESCRIPTION;
    let mut options = Vec::new();
    manual.render_options_section(&mut options).unwrap();
    page.push_str(&String::from_utf8(options).unwrap());
    page.push_str(EXIT_STATUS);
    page.push_str(".SH EXAMPLES\n.nf\n");
    page.push_str(&examples.replace('\\', "\\\\").replace('-', "\\-"));
    page.push_str(".fi\n");
    page
}

/// Go's logger, and what is in the environment, are in no list of flags.
const DESCRIPTION: &str = r#".SH SYNOPSIS
\fBkubeseal\fR [\fIflags\fR] < \fIsecret.yaml\fR > \fIsealed.yaml\fR
.SH DESCRIPTION
Reads Secrets from stdin or a file, in YAML or JSON, and prints SealedSecrets that only the controller can open.
.PP
Flags are written \fB\-\-name value\fR or \fB\-\-name=value\fR; a switch takes its value behind an equals sign only.
Words that are no flags are ignored. The last of several counts; lists are separated by commas and add up.
The flags of Go's logger (\fB\-v\fR, \fB\-\-logtostderr\fR and so on) are accepted and change nothing.
.PP
\fBkubeseal explain\fR says why a template cannot be rendered, to those who hold the values: with
\fB\-\-recovery\-private\-key\fR, or with \fB\-\-secret\-file\fR and the plain Secret on stdin. What it says may hold values.
"#;

const EXIT_STATUS: &str = r#".SH EXIT STATUS
.TP
\fB0\fR
done
.TP
\fB1\fR
it failed, and stderr says why in a line that begins with \fIerror:\fR
.TP
\fB2\fR
the command line is wrong
.SH ENVIRONMENT
.TP
\fBSEALED_SECRETS_\fIFLAG\fR
stands for the flag: \fBSEALED_SECRETS_CERT\fR, \fBSEALED_SECRETS_CONTROLLER_NAMESPACE\fR. The command line wins over it.
.TP
\fBKUBECONFIG\fR, \fBHOME\fR
where the kubeconfig is, as kubectl finds it
.TP
\fBHTTPS_PROXY\fR, \fBHTTP_PROXY\fR, \fBNO_PROXY\fR
through which proxy the cluster and a certificate's URL are reached, unless the kubeconfig names one
"#;

fn examples() -> String {
    let examples = cli::command().get_after_help().unwrap().to_string();
    let examples = examples.trim_start_matches("Examples:\n").trim_end();
    examples
        .lines()
        .map(|line| format!("{}\n", line.strip_prefix("  ").unwrap_or(line)))
        .collect()
}

fn assert_checked_in(path: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    if std::env::var_os("GENERATE").is_some() {
        std::fs::write(&file, text).unwrap();
    }
    let found = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        found == text,
        "`{path}` differs from the flags: run `make generate`"
    );
}

#[test]
fn the_reference_is_checked_in_as_the_flags_say() {
    assert_checked_in("docs/cli.md", &reference());
}

#[test]
fn the_manual_is_checked_in_as_the_flags_say() {
    assert_checked_in("docs/kubeseal.1", &manual());
}

#[tokio::test]
async fn every_shell_completes_the_flags() {
    for (shell, mark) in [
        ("bash", "complete -F _kubeseal"),
        ("zsh", "#compdef kubeseal"),
        ("fish", "complete -c kubeseal"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let (mut io, printed) = Io::in_memory("");
        let args = ["kubeseal", "--completion", shell];
        let code = cli::run(args.map(Into::into), &mut io).await;
        assert_eq!((code, printed.stderr().as_str()), (0, ""), "{shell}");
        let script = printed.stdout();
        assert!(script.contains(mark), "{shell}: {script}");
        for word in [
            "merge-into",
            "re-encrypt",
            "controller-namespace",
            "namespace-wide",
            "yaml",
        ] {
            assert!(script.contains(word), "{shell} does not know {word}");
        }
    }
}

#[tokio::test]
async fn the_plug_in_is_called_as_kubectl_calls_it() {
    let (mut io, printed) = Io::in_memory("");
    let args = ["/usr/local/bin/kubectl-sealed_secrets", "--help"];
    let code = cli::run(args.map(Into::into), &mut io).await;
    assert_eq!(code, 0);
    let usage = printed.stdout();
    assert!(usage.starts_with("Usage of kubectl sealed-secrets:\n"));
}
