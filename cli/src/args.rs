//! The familiar flags of kubeseal and their environment variables, lifted once into a `Command`.
//! The only file that reads either.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::{ContextKind, ErrorKind};
use clap::{ArgAction, CommandFactory, FromArgMatches, Parser};
use sealing::Scope;

use crate::Io;
use crate::certificate::{ControllerService, Source};
use crate::cluster::ClusterAccess;
use crate::commands::{FetchCert, Seal, SealRaw};
use crate::format::Format;
use crate::output::Output;

/// What a command line asks for.
pub(crate) enum Command {
    /// `--help` and `--version`.
    Print(String),
    FetchCert(FetchCert),
    SealRaw(SealRaw),
    Seal(Seal),
}

/// A command line that does not parse.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    message: String,
    usage: String,
}

/// Flags that do not go together.
#[derive(Debug, thiserror::Error)]
pub enum ModeError {
    #[error("--from-file requires --raw")]
    FromFileWithoutRaw,
    #[error("must provide only one --from-file when encrypting a single item with --raw")]
    SeveralFiles,
}

impl Error {
    /// The list of flags, as `--help` prints it.
    pub(crate) fn usage(&self) -> &str {
        self.usage.trim_end()
    }
}

// The order is that of `--help`.
#[derive(Parser)]
#[command(name = "kubeseal", disable_help_flag = true, args_override_self = true)]
#[command(help_template = "{options}", term_width = 0, next_line_help = true)] // the same for every terminal
struct Flags {
    /// Read the Secret from this file
    #[arg(short = 'f', long, value_name = "FILE", allow_hyphen_values = true)]
    secret_file: Option<PathBuf>,

    /// Write to this file; .yaml and .yml make it YAML
    #[arg(short = 'w', long, value_name = "FILE", allow_hyphen_values = true)]
    sealed_secret_file: Option<PathBuf>,

    /// Print json or yaml [default: json]
    #[arg(short = 'o', long, allow_hyphen_values = true)]
    format: Option<Format>,

    /// Where the sealed values can be opened: strict, namespace-wide or cluster-wide [default: strict]
    #[arg(long, allow_hyphen_values = true)]
    scope: Option<Scope>,

    /// The name of the Secret; needed for --raw with strict scope
    #[arg(long, allow_hyphen_values = true)]
    name: Option<String>,

    /// Allow Secrets without any data
    #[arg(long, value_name = "BOOL", action = ArgAction::Set, value_parser = boolean)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(default_value = "false", hide_default_value = true)]
    allow_empty_data: bool,

    /// Seal one value, from --from-file or stdin, and print only what is sealed
    #[arg(long, value_name = "BOOL", action = ArgAction::Set, value_parser = boolean)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(default_value = "false", hide_default_value = true)]
    raw: bool,

    /// With --raw, seal the content of this file
    #[arg(long, value_name = "[KEY=]FILE", action = ArgAction::Append, allow_hyphen_values = true)]
    from_file: Vec<String>,

    /// Print the certificate of the controller
    #[arg(long, value_name = "BOOL", action = ArgAction::Set, value_parser = boolean)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(default_value = "false", hide_default_value = true)]
    fetch_cert: bool,

    #[command(flatten)]
    certificate: CertificateFlags,

    #[command(flatten)]
    cluster: ClusterFlags,

    /// Print the version
    #[arg(long, value_name = "BOOL", action = ArgAction::Set, value_parser = boolean)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(default_value = "false", hide_default_value = true)]
    version: bool,

    /// Print this list
    #[arg(short = 'h', long, value_name = "BOOL", action = ArgAction::Set, value_parser = boolean)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(default_value = "false", hide_default_value = true)]
    help: bool,

    // Words that are no flags are ignored, as they always were.
    #[arg(hide = true)]
    ignored: Vec<OsString>,
}

#[derive(clap::Args)]
struct CertificateFlags {
    /// Seal to this certificate, a file or a URL, instead of asking the cluster
    #[arg(long, value_name = "FILE|URL", allow_hyphen_values = true)]
    cert: Option<String>,

    /// The namespace of the controller [default: kube-system]
    #[arg(long, value_name = "NAMESPACE", allow_hyphen_values = true)]
    controller_namespace: Option<String>,

    /// The Service of the controller [default: sealed-secrets-controller]
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    controller_name: Option<String>,
}

#[derive(clap::Args)]
struct ClusterFlags {
    /// The namespace of the Secret
    #[arg(short = 'n', long, allow_hyphen_values = true)]
    namespace: Option<String>,

    /// Reach the cluster with this kubeconfig
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    kubeconfig: Option<PathBuf>,

    /// Use this context of the kubeconfig
    #[arg(long, allow_hyphen_values = true)]
    context: Option<String>,
}

/// Reads a command line, over the environment.
pub(crate) fn parse(
    args: impl IntoIterator<Item = OsString>,
    io: &mut Io,
) -> Result<Command, crate::Error> {
    let mut args = args.into_iter();
    let program = args.next().unwrap_or_else(|| "kubeseal".into());
    let mut command = Flags::command();
    let usage = format!(
        "Usage of {}:\n{}",
        program.to_string_lossy(),
        command.render_help()
    );
    let line = [program]
        .into_iter()
        .chain(environment(&command, io))
        .chain(args);
    let flags = command
        .try_get_matches_from_mut(line)
        .and_then(|matches| Flags::from_arg_matches(&matches))
        .map_err(|error| Error {
            message: message(&error, &command),
            usage: usage.clone(),
        })?;
    if flags.version {
        return Ok(Command::Print(format!(
            "kubeseal version: {}\n",
            version_text()
        )));
    }
    if flags.help {
        return Ok(Command::Print(usage));
    }
    Ok(flags.lift()?)
}

impl Flags {
    fn lift(self) -> Result<Command, ModeError> {
        let Self {
            secret_file,
            sealed_secret_file,
            format,
            scope,
            name,
            allow_empty_data,
            raw,
            from_file,
            fetch_cert,
            certificate,
            cluster,
            version: _,
            help: _,
            ignored: _,
        } = self;
        if !from_file.is_empty() && !raw {
            return Err(ModeError::FromFileWithoutRaw);
        }
        let (certificate, cluster) = (certificate.lift(), cluster.lift());
        let (secret_file, name) = (path(secret_file), text(name));
        let output = path(sealed_secret_file).map_or(Output::Stdout, Output::File);
        if fetch_cert {
            return Ok(Command::FetchCert(FetchCert {
                certificate,
                cluster,
                secret_file,
                output,
            }));
        }
        if raw {
            let from_file = single_file(&from_file)?;
            let scope = scope.unwrap_or_default();
            return Ok(Command::SealRaw(SealRaw {
                certificate,
                cluster,
                secret_file,
                from_file,
                name,
                scope,
                output,
            }));
        }
        let format = if output.is_yaml_file() {
            Format::Yaml
        } else {
            format.unwrap_or_default()
        };
        Ok(Command::Seal(Seal {
            certificate,
            cluster,
            secret_file,
            name,
            scope,
            allow_empty_data,
            format,
            output,
        }))
    }
}

impl CertificateFlags {
    fn lift(self) -> Source {
        let Self {
            cert,
            controller_namespace,
            controller_name,
        } = self;
        match text(cert) {
            Some(location) => Source::Location(location),
            None => Source::Controller(ControllerService {
                namespace: text(controller_namespace),
                name: text(controller_name),
            }),
        }
    }
}

impl ClusterFlags {
    fn lift(self) -> ClusterAccess {
        let Self {
            namespace,
            kubeconfig,
            context,
        } = self;
        ClusterAccess {
            kubeconfig: path(kubeconfig),
            context: text(context),
            namespace: text(namespace).map(without_prefix),
        }
    }
}

/// An empty text counts as none.
fn text(value: Option<String>) -> Option<String> {
    value.filter(|value| !value.is_empty())
}

fn path(value: Option<PathBuf>) -> Option<PathBuf> {
    value.filter(|value| !value.as_os_str().is_empty())
}

/// The flags that `SEALED_SECRETS_<FLAG>` sets; what does not parse is warned about and ignored.
fn environment(command: &clap::Command, io: &mut Io) -> Vec<OsString> {
    let mut flags = Vec::new();
    let names = command
        .get_arguments()
        .filter_map(|argument| argument.get_long())
        .filter(|name| *name != "help");
    for name in names {
        let variable = format!(
            "SEALED_SECRETS_{}",
            name.to_ascii_uppercase().replace('-', "_")
        );
        let Some(value) = io.environment.get(&variable) else {
            continue;
        };
        let flag = OsString::from(format!("--{name}={value}"));
        match command
            .clone()
            .try_get_matches_from([OsString::new(), flag.clone()])
        {
            Ok(_) => flags.push(flag),
            Err(error) => {
                let reason = message(&error, command);
                io.warn(&format!("{variable} is ignored: {reason}"));
            }
        }
    }
    flags
}

/// What is wrong, in the words of Go's pflag.
fn message(error: &clap::Error, command: &clap::Command) -> String {
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
        ErrorKind::InvalidValue if value.is_empty() => format!("flag needs an argument: {flag}"),
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

/// `kubectl get -o name` prints `namespace/shop`, and people paste it.
fn without_prefix(namespace: String) -> String {
    match namespace.split_once('/') {
        Some((kind, name))
            if ["ns", "namespace", "namespaces"].contains(&kind.to_ascii_lowercase().as_str()) =>
        {
            name.to_owned()
        }
        _ => namespace,
    }
}

/// The one file of a list that is separated by commas; its key does not matter.
fn single_file(lists: &[String]) -> Result<Option<PathBuf>, ModeError> {
    let mut files = lists.iter().flat_map(|list| list.split(','));
    match (files.next(), files.next()) {
        (None, _) => Ok(None),
        (Some(file), None) => {
            let path = file.split_once('=').map_or(file, |(_key, path)| path);
            Ok(Some(PathBuf::from(path)))
        }
        (Some(_), Some(_)) => Err(ModeError::SeveralFiles),
    }
}

/// Stamped when built, or the version of the crate.
fn version_text() -> &'static str {
    option_env!("SEALED_SECRETS_VERSION").unwrap_or(env!("CARGO_PKG_VERSION"))
}
