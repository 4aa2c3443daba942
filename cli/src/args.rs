//! The familiar flags of kubeseal and their environment variables, lifted once into a `Command`.
//! The only file that reads either.

mod csv;
mod klog;
mod kubectl;
mod mode;
mod pflag;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{CommandFactory, FromArgMatches, Parser};
use sealing::{Fingerprint, Scope};

use self::csv::List;
pub(crate) use self::mode::Command;
pub(crate) use self::mode::ModeError;
pub use self::pflag::variable;
use crate::Io;
use crate::certificate::{Origin, Source};
use crate::completion::Shell;
use crate::controller::ControllerService;

/// A command line that does not parse.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    message: String,
    usage: String,
}

impl Error {
    /// The list of flags, as `--help` prints it.
    pub(crate) fn usage(&self) -> &str {
        self.usage.trim_end()
    }
}

// The order is that of `--help`. What every flag has in common is added in `pflag`.
#[derive(Parser)]
#[command(name = "kubeseal", disable_help_flag = true, args_override_self = true)]
#[command(help_template = "{options}{after-help}")]
#[command(term_width = 0, next_line_help = true)] // the same for every terminal
#[command(after_help = EXAMPLES)]
struct Flags {
    /// Read the Secret from this file
    #[arg(short = 'f', long, value_name = "FILE")]
    secret_file: Option<OsString>,

    /// Write to this file; .yaml and .yml make it YAML
    #[arg(short = 'w', long, value_name = "FILE")]
    sealed_secret_file: Option<OsString>,

    /// Print json or yaml [default: json]
    #[arg(short = 'o', long)]
    format: Option<String>,

    /// Where the sealed values can be opened: strict, namespace-wide or cluster-wide [default: strict]
    #[arg(long)]
    scope: Option<Scope>,

    /// Let --scope strict undo the scope annotations of the input
    #[arg(long)]
    force_scope: bool,

    /// The name of the Secret; needed for --raw with strict scope
    #[arg(long)]
    name: Option<String>,

    /// Allow Secrets without any data
    #[arg(long)]
    allow_empty_data: bool,

    /// Seal also where a label or annotation holds one of the values, and is committed in plain
    #[arg(long)]
    allow_values_in_metadata: bool,

    /// Give the SealedSecret itself the labels and annotations of the Secret, too
    #[arg(long)]
    copy_metadata: bool,

    /// Seal one value, from --from-file or stdin, and print only what is sealed
    #[arg(long)]
    raw: bool,

    /// With --raw, seal the content of this file
    #[arg(long, value_name = "[KEY=]FILE")]
    from_file: Vec<List>,

    /// Add the sealed values to this file, and leave everything else in it as it is
    #[arg(long, value_name = "FILE")]
    merge_into: Option<OsString>,

    /// Ask the controller whether it can open the SealedSecrets
    #[arg(long)]
    validate: bool,

    /// Have the controller seal the SealedSecrets again, with its newest key; a file given with -f is changed in place
    #[arg(long)]
    re_encrypt: bool,

    /// Another name for --re-encrypt
    #[arg(long, hide = true)]
    rotate: bool,

    /// Open SealedSecrets with private keys from a backup, and print the Secrets
    #[arg(long)]
    recovery_unseal: bool,

    /// Private keys, or Secrets that hold them
    #[arg(long, value_name = "FILES")]
    recovery_private_key: Vec<List>,

    /// Do --validate and --re-encrypt with --recovery-private-key instead of the controller
    #[arg(long)]
    offline: bool,

    /// Print the certificate of the controller
    #[arg(long)]
    fetch_cert: bool,

    #[command(flatten)]
    certificate: CertificateFlags,

    #[command(flatten)]
    kubectl: kubectl::KubectlFlags,

    #[command(flatten)]
    klog: klog::KlogFlags,

    /// Print a completion script for bash, zsh, fish or powershell
    #[arg(long, value_name = "SHELL")]
    completion: Option<Shell>,

    /// Print the version
    #[arg(long)]
    version: bool,

    /// Print this list
    #[arg(short = 'h', long)]
    help: bool,

    // Words that are no flags are ignored, as they always were.
    #[arg(hide = true)]
    ignored: Vec<OsString>,
}

/// The one verb, which only counts in first place.
const EXPLAIN: &str = "explain";

const EXAMPLES: &str = "\
Examples:
  # Seal a Secret for the cluster of the current context
  kubectl create secret generic db -n shop --from-file=password --dry-run=client -o yaml | kubeseal -o yaml > db.yaml

  # Keep the certificate beside the sealed files, and seal without a cluster
  kubeseal --fetch-cert > cert.pem
  kubeseal --cert cert.pem -f secret.yaml -w sealed.yaml

  # Change one value of a sealed file
  kubectl create secret generic db --from-file=password --dry-run=client -o yaml | kubeseal --cert cert.pem --merge-into db.yaml

  # Check a sealed file, and move it to the newest key
  kubeseal --validate < db.yaml
  kubeseal --re-encrypt -f db.yaml

  # Find out why its templates cannot be rendered, with the values or with the private keys
  kubectl get secret db -o yaml | kubeseal explain -f db.yaml
  kubeseal explain -f db.yaml --recovery-private-key keys.yaml
";

#[derive(clap::Args)]
struct CertificateFlags {
    /// Seal to this certificate, a file or a URL, instead of asking the cluster
    #[arg(long, value_name = "FILE|URL")]
    cert: Option<String>,

    /// Refuse any other certificate than the one whose key has this SHA-256 fingerprint
    #[arg(long, value_name = "HEX")]
    cert_fingerprint: Option<Pin>,

    /// The namespace of the controller [default: kube-system]
    #[arg(long, value_name = "NAMESPACE")]
    controller_namespace: Option<String>,

    /// The Service of the controller [default: sealed-secrets-controller]
    #[arg(long, value_name = "NAME")]
    controller_name: Option<String>,
}

/// A fingerprint, or an empty text for none.
#[derive(Clone)]
struct Pin(Option<Fingerprint>);

impl std::str::FromStr for Pin {
    type Err = sealing::key::InvalidFingerprint;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "" => Ok(Self(None)),
            text => text.parse().map(Some).map(Self),
        }
    }
}

/// The flags, for whoever describes them: completions, manual, reference.
pub fn command() -> clap::Command {
    pflag::as_pflag_reads(Flags::command())
}

/// Reads a command line, over the environment.
pub(crate) fn parse(
    args: impl IntoIterator<Item = OsString>,
    io: &mut Io,
) -> Result<Command, crate::Error> {
    let mut args = args.into_iter();
    let program = args.next().unwrap_or_else(|| "kubeseal".into());
    let mut command = command();
    let name = program_name(&program.to_string_lossy());
    let usage =
        |command: &mut clap::Command| format!("Usage of {name}:\n{}", command.render_help());
    let mut args: Vec<OsString> = args.collect();
    // Anywhere else it is a word that is ignored, as it always was.
    let explains = args.first().is_some_and(|word| word == EXPLAIN);
    args.drain(..usize::from(explains));
    let last = args.last().map(|last| last.to_string_lossy().into_owned());
    let line = [program]
        .into_iter()
        .chain(pflag::environment(&command, io))
        .chain(args);
    let flags = command
        .try_get_matches_from_mut(line)
        .and_then(|matches| Flags::from_arg_matches(&matches))
        .map_err(|error| Error {
            message: pflag::message(&error, &command, &last.unwrap_or_default()),
            usage: usage(&mut command),
        })?;
    if flags.rotate {
        io.note("Flag --rotate has been deprecated, please use --re-encrypt instead");
    }
    if flags.version {
        return Ok(Command::Print(format!(
            "kubeseal version: {}\n",
            version_text()
        )));
    }
    if flags.help {
        return Ok(Command::Print(usage(&mut command)));
    }
    if let Some(Shell(Some(shell))) = flags.completion {
        return Ok(Command::Print(crate::completion::script(shell)));
    }
    if explains {
        return Ok(flags.explain()?);
    }
    Ok(flags.lift(io)?)
}

impl CertificateFlags {
    fn lift(self) -> Source {
        let Self {
            cert,
            cert_fingerprint,
            controller_namespace,
            controller_name,
        } = self;
        Source {
            origin: match given(cert) {
                Some(location) => Origin::Location(location),
                None => Origin::Controller,
            },
            pin: cert_fingerprint.and_then(|pin| pin.0),
            controller: ControllerService {
                namespace: given(controller_namespace),
                name: given(controller_name),
            },
        }
    }
}

/// An empty text counts as none.
fn given(value: Option<String>) -> Option<String> {
    value.filter(|value| !value.is_empty())
}

fn path(value: Option<OsString>) -> Option<PathBuf> {
    value.filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// How the program is called; kubectl calls its plug-in by the name of a file.
fn program_name(program: &str) -> String {
    let file = program.rsplit(['/', '\\']).next().unwrap_or(program);
    match file.trim_end_matches(".exe") {
        "kubectl-sealed_secrets" => "kubectl sealed-secrets".to_owned(),
        _ => program.to_owned(),
    }
}

/// Stamped when built, or the version of the crate.
fn version_text() -> &'static str {
    option_env!("SEALED_SECRETS_VERSION").unwrap_or(concat!("v", env!("CARGO_PKG_VERSION")))
}
