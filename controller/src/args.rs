//! Flags and environment → [`Config`]. Nothing else reads either.

use std::any::TypeId;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::{CommandFactory, FromArgMatches, Parser};
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::{SignedDuration, Timestamp};

use crate::config::{
    AuditLog, Config, Deadlines, FirstKey, Http, KeyOrder, Log, RateLimit, RequestLimit, Watched,
};
use crate::environment;
use crate::go_flag::{Duration, Float, Int, Switch, message};

mod later;

const NAMESPACE_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";
const KEY_SIZES: [u32; 4] = [2048, 3072, 4096, 8192];
/// What upstream's client does when only one of the two flags is given.
const REQUESTS_PER_SECOND: f64 = 5.0;
const REQUEST_BURST: u32 = 10;
/// Of limits that count requests, operations or bytes.
const MOST: i64 = 1 << 30;

/// A hundred years.
const FOR_EVER: std::time::Duration = std::time::Duration::from_secs(100 * 365 * 24 * 3600);

/// What a command line asks for.
#[derive(Debug)]
pub enum Asked {
    /// To print this and end.
    Print(String),
    /// To run; the warnings are for the log, which the settings have to start first.
    Run {
        /// The settings.
        config: Box<Config>,
        /// What was said and is not heeded.
        warnings: Vec<String>,
    },
}

/// A command line that cannot be.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It does not parse; the list of flags comes after the reason.
    #[error("{0}\n{1}")]
    Usage(String, String),
    /// It says what cannot be.
    #[error("error: {0}")]
    Setting(#[from] InvalidSetting),
}

/// A setting that cannot be.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum InvalidSetting {
    /// The text is upstream's.
    #[error("name is too long, must be shorter than 245, got {0}")]
    PrefixTooLong(usize),
    /// The text is upstream's.
    #[error("name contains illegal character {0}")]
    PrefixCharacter(char),
    /// A size that no key has.
    #[error("--key-size must be 2048, 3072, 4096 or 8192, not {0}")]
    KeySize(i64),
    /// A period that runs backwards.
    #[error("--key-renew-period must not be negative")]
    NegativePeriod,
    /// A certificate that ends before it begins.
    #[error("--key-ttl must be positive")]
    KeyTtl,
    /// An instant that is none.
    #[error("--key-cutoff-time must be a date like `Mon, 02 Jan 2006 15:04:05 -0700`, not {0:?}")]
    Cutoff(String),
    /// A rate, a burst or a size at which nothing gets through.
    #[error("--{0} must be positive")]
    NotPositive(&'static str),
    /// More than anything here can count or hold.
    #[error("--{0} must not be more than {MOST}")]
    TooLarge(&'static str),
    /// Fewer than none.
    #[error("--{0} must not be negative")]
    Negative(&'static str),
}

// The order is that of `--help`.
#[derive(Parser)]
#[command(
    name = "controller",
    disable_help_flag = true,
    args_override_self = true
)]
#[command(help_template = "{options}", term_width = 0, next_line_help = true)] // the same for every terminal
struct Flags {
    /// Begin the names of sealing keys with this
    #[arg(long, default_value = "sealed-secrets-key", value_name = "PREFIX")]
    key_prefix: String,
    /// Make RSA keys of this many bits: 2048, 3072, 4096 or 8192
    #[arg(long, default_value = "4096", value_name = "BITS")]
    key_size: Int,
    /// Make certificates valid for this long
    #[arg(long, default_value = "87600h0m0s", value_name = "DURATION")]
    key_ttl: Duration,
    /// Name certificates with this common name
    #[arg(long, default_value = "", value_name = "NAME")]
    my_cn: String,
    /// Make a new sealing key this often; 0 for never
    #[arg(
        long,
        default_value = "720h0m0s",
        value_name = "DURATION",
        overrides_with = "rotate_period"
    )]
    key_renew_period: Duration,
    /// Deprecated, use key-renew-period instead
    #[arg(long, value_name = "DURATION", overrides_with = "key_renew_period")]
    rotate_period: Option<Duration>,
    /// Seal to the newest key by CertNotBefore or by SecretCreationTimestamp
    #[arg(long, default_value = "CertNotBefore", value_name = "ORDER")]
    key_order_priority: String,
    /// Make a new key at start if the newest is from before this (RFC 1123, as `date -R` prints it)
    #[arg(long, default_value = "", value_name = "TIME")]
    key_cutoff_time: String,
    /// Put these labels on new sealing keys: k=v,k=v
    #[arg(long, default_value = "", value_name = "LABELS")]
    privatekey_labels: String,
    /// Put these annotations on new sealing keys: k=v,k=v
    #[arg(long, default_value = "", value_name = "ANNOTATIONS")]
    privatekey_annotations: String,
    /// When there is no sealing key, make one: when-unused (by no SealedSecret so far), always or never
    #[arg(
        long,
        value_enum,
        hide_possible_values = true,
        default_value = "when-unused",
        value_name = "WHEN"
    )]
    first_key: FirstKey,
    /// Follow key Secrets while running; they always are followed, this changes nothing
    #[arg(long, default_value = "false", value_name = "BOOL")]
    watch_for_secrets: Switch,
    /// Open the deprecated field `data` of SealedSecrets
    #[arg(long, default_value = "true", value_name = "BOOL")]
    accept_deprecated_v1_data: Switch,
    /// Make no Secrets of these types: a,b
    #[arg(long, default_value = "", value_name = "TYPES")]
    forbidden_types: String,
    /// Put none of these labels, annotations and finalizers on Secrets: a,b; one that ends in a slash stands for all that begin so
    #[arg(long, default_value = "", value_name = "KEYS")]
    forbidden_metadata: String,
    /// Watch all namespaces, or only the controller's own
    #[arg(long, default_value = "true", value_name = "BOOL")]
    all_namespaces: Switch,
    /// Watch these namespaces and the controller's own: a,b
    #[arg(long, default_value = "", value_name = "NAMESPACES")]
    additional_namespaces: String,
    /// Watch only the SealedSecrets that this label selector selects
    #[arg(long, default_value = "", value_name = "SELECTOR")]
    label_selector: String,
    /// Write the status of SealedSecrets
    #[arg(long, default_value = "true", value_name = "BOOL")]
    update_status: Switch,
    /// Leave Secrets as they are that others deleted or changed
    #[arg(long, default_value = "false", value_name = "BOOL")]
    skip_recreate: Switch,
    /// Delete the Secret of a SealedSecret that is gone, instead of leaving that to Kubernetes
    #[arg(long, default_value = "false", value_name = "BOOL")]
    old_gc_behavior: Switch,
    /// Try a failed object again this often before slowing down
    #[arg(long, default_value = "5", value_name = "TIMES")]
    max_unseal_retries: Int,
    /// Make no more requests per second to the API server than this; negative for no limit
    #[arg(long, value_name = "NUMBER")]
    kubeclient_qps: Option<Float>,
    /// Make no more requests at once to the API server than this
    #[arg(long, value_name = "NUMBER")]
    kubeclient_burst: Option<Int>,
    /// Answer HTTP here
    #[arg(long, default_value = ":8080", value_name = "ADDRESS")]
    listen_addr: String,
    /// Tell metrics here
    #[arg(long, default_value = ":8081", value_name = "ADDRESS")]
    listen_metrics_addr: String,
    /// Give requests this long to arrive, instead of 10s for the header and 30s for the body; 0 for ever
    #[arg(long, value_name = "DURATION")]
    read_timeout: Option<Duration>,
    /// Give answers this long, instead of 60s; 0 for ever
    #[arg(long, value_name = "DURATION")]
    write_timeout: Option<Duration>,
    /// Let each caller verify and re-encrypt this many times per second
    #[arg(long, default_value = "2", value_name = "NUMBER")]
    rate_limit: Int,
    /// Let each caller verify and re-encrypt this many times more at once
    #[arg(long, default_value = "2", value_name = "NUMBER")]
    rate_limit_burst: Int,
    /// Let all callers together cost this many RSA operations per second, and one of them three quarters
    #[arg(long, default_value = "200", value_name = "NUMBER")]
    rsa_rate_limit: Int,
    /// Take no larger body of a request than this
    #[arg(long, default_value = "3145728", value_name = "BYTES")]
    max_request_bytes: Int,
    /// Answer /v1/verify
    #[arg(long, default_value = "true", value_name = "BOOL")]
    serve_verify: Switch,
    /// Answer /v1/rotate
    #[arg(long, default_value = "true", value_name = "BOOL")]
    serve_rotate: Switch,
    /// Leave the names of SealedSecrets out of the metrics
    #[arg(long, default_value = "false", value_name = "BOOL")]
    metrics_omit_secret_labels: Switch,
    /// Note every unsealing as a line of JSON: on stdout, or in this file
    #[arg(long, default_value = "", value_name = "stdout|FILE")]
    audit_log: String,
    /// Use the cluster of this kubeconfig instead of the one around the process, whose namespace POD_NAMESPACE names
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Log this and what is worse: DEBUG, INFO, WARN or ERROR
    #[arg(long, default_value = "INFO", value_name = "LEVEL")]
    log_level: String,
    /// Log as text or as json
    #[arg(long, default_value = "text", value_name = "FORMAT")]
    log_format: String,
    /// Log INFO and below to stdout
    #[arg(long, default_value = "true", value_name = "BOOL")]
    log_info_stdout: Switch,
    /// Print the version
    #[arg(
        long,
        default_value = "false",
        value_name = "BOOL",
        hide_default_value = true
    )]
    version: Switch,
    /// Print this list
    #[arg(
        short = 'h',
        long,
        default_value = "false",
        value_name = "BOOL",
        hide_default_value = true
    )]
    help: Switch,
    // Words that are no flags are ignored, as they always were.
    #[arg(hide = true)]
    stray: Vec<OsString>,
}

/// Reads a command line, over the environment.
pub fn parse(
    line: impl IntoIterator<Item = OsString>,
    variables: &BTreeMap<String, String>,
) -> Result<Asked, Error> {
    parse_beside(line, variables, later::NAMES)
}

/// The same, where these are the flags of later versions.
fn parse_beside(
    line: impl IntoIterator<Item = OsString>,
    variables: &BTreeMap<String, String>,
    later: &'static [&'static str],
) -> Result<Asked, Error> {
    let mut line = line.into_iter();
    let program = line.next().unwrap_or_else(|| "controller".into());
    let mut command = later::accepted(command(), later);
    let usage = format!(
        "Usage of {}:\n{}",
        program.to_string_lossy(),
        command.render_help()
    );
    let mut warnings = Vec::new();
    let environment = environment::flags(&command, variables, &mut warnings);
    let whole = [program].into_iter().chain(environment).chain(line);
    let refused = |error: clap::Error| Error::Usage(message(&error), usage.clone());
    let matches = command.try_get_matches_from_mut(whole).map_err(refused)?;
    let flags = Flags::from_arg_matches(&matches).map_err(refused)?;
    warnings.extend(later::warnings(&matches, later));
    if flags.help.0 {
        return Ok(Asked::Print(usage));
    }
    if flags.version.0 {
        return Ok(Asked::Print(format!("controller version: {}\n", version())));
    }
    let config = Box::new(flags.lift(own_namespace(variables), &mut warnings)?);
    Ok(Asked::Run { config, warnings })
}

/// The flags, read as pflag reads them: a switch takes no separate word, a value may begin with a dash.
fn command() -> clap::Command {
    Flags::command().mut_args(|arg| {
        if arg.get_value_parser().type_id() == TypeId::of::<Switch>() {
            arg.num_args(0..=1)
                .require_equals(true)
                .default_missing_value("true")
        } else {
            let is_flag = !arg.is_positional();
            arg.allow_hyphen_values(is_flag)
        }
    })
}

impl Flags {
    /// Lifts what was typed into what it means.
    #[expect(clippy::too_many_lines, reason = "two lines for each flag")]
    fn lift(self, namespace: String, warnings: &mut Vec<String>) -> Result<Config, InvalidSetting> {
        let Self {
            key_prefix,
            key_size,
            key_ttl,
            my_cn,
            key_renew_period,
            rotate_period,
            key_order_priority,
            key_cutoff_time,
            privatekey_labels,
            privatekey_annotations,
            first_key,
            watch_for_secrets: _,
            accept_deprecated_v1_data,
            forbidden_types,
            forbidden_metadata,
            all_namespaces,
            additional_namespaces,
            label_selector,
            update_status,
            skip_recreate,
            old_gc_behavior,
            max_unseal_retries,
            kubeclient_qps,
            kubeclient_burst,
            listen_addr,
            listen_metrics_addr,
            read_timeout,
            write_timeout,
            rate_limit,
            rate_limit_burst,
            rsa_rate_limit,
            max_request_bytes,
            serve_verify,
            serve_rotate,
            metrics_omit_secret_labels,
            audit_log,
            kubeconfig,
            log_level,
            log_format,
            log_info_stdout,
            version: _,
            help: _,
            stray,
        } = self;
        let mut warn = |text: String| warnings.push(text);
        for word in stray {
            let word = word.to_string_lossy();
            warn(format!(
                "`{word}` is ignored: it is no flag, and the value of a switch stands after an equals sign"
            ));
        }
        if rotate_period.is_some() {
            warn(
                "Flag --rotate-period has been deprecated, please use key-renew-period instead"
                    .to_owned(),
            );
        }
        let log = Log {
            level: level(&log_level, &mut warn),
            json: log_format == "json",
            info_to_stdout: log_info_stdout.0,
        };
        Ok(Config {
            key_prefix: checked_prefix(key_prefix)?,
            key_size: size(key_size.0)?,
            key_ttl: Some(key_ttl.0)
                .filter(SignedDuration::is_positive)
                .ok_or(InvalidSetting::KeyTtl)?,
            common_name: my_cn,
            key_labels: pairs(&privatekey_labels, "privatekey-labels", &mut warn),
            key_annotations: pairs(&privatekey_annotations, "privatekey-annotations", &mut warn),
            key_renew_period: period(rotate_period.unwrap_or(key_renew_period).0)?,
            key_order: order(&key_order_priority, &mut warn),
            key_cutoff: cutoff(key_cutoff_time)?,
            first_key,
            accept_deprecated_data: accept_deprecated_v1_data.0,
            forbidden_types: list(&forbidden_types),
            forbidden_metadata: list(&forbidden_metadata),
            watched: watched(all_namespaces.0, &additional_namespaces, &namespace),
            label_selector,
            update_status: update_status.0,
            repair: !skip_recreate.0,
            delete_secrets: old_gc_behavior.0,
            quick_retries: u32::try_from(max_unseal_retries.0.max(0)).unwrap_or(u32::MAX),
            request_limit: request_limit(kubeclient_qps, kubeclient_burst)?,
            http: Http {
                listen_addr,
                deadlines: deadlines(read_timeout, write_timeout),
                rate_limit: RateLimit {
                    per_second: positive(rate_limit, "rate-limit")?,
                    burst: u32::try_from(rate_limit_burst.0)
                        .map_err(|_| InvalidSetting::Negative("rate-limit-burst"))?,
                },
                rsa_rate_limit: positive(rsa_rate_limit, "rsa-rate-limit")?,
                max_request_bytes: positive(max_request_bytes, "max-request-bytes")?,
                verifies: serve_verify.0,
                re_encrypts: serve_rotate.0,
            },
            listen_metrics_addr,
            metrics_omit_names: metrics_omit_secret_labels.0,
            audit_log: sink(audit_log),
            kubeconfig: kubeconfig.filter(|path| !path.as_os_str().is_empty()),
            log,
            namespace,
        })
    }
}

/// Stamped when built, or the version of the crate; with a `v`, as scripts expect it.
pub(crate) fn version() -> &'static str {
    option_env!("SEALED_SECRETS_VERSION").unwrap_or(concat!("v", env!("CARGO_PKG_VERSION")))
}

/// The namespace that the process runs in, as far as it is told.
fn own_namespace(variables: &BTreeMap<String, String>) -> String {
    let told = variables
        .get("POD_NAMESPACE")
        .filter(|namespace| !namespace.is_empty())
        .cloned();
    let mounted = || std::fs::read_to_string(NAMESPACE_FILE).ok();
    told.or_else(mounted).map_or_else(
        || "default".to_owned(),
        |namespace| namespace.trim().to_owned(),
    )
}

fn checked_prefix(prefix: String) -> Result<String, InvalidSetting> {
    if prefix.len() > 245 {
        return Err(InvalidSetting::PrefixTooLong(prefix.len()));
    }
    let is_illegal = |c: &char| !matches!(c, 'a'..='z' | '0'..='9' | '-');
    match prefix.chars().find(is_illegal) {
        Some(illegal) => Err(InvalidSetting::PrefixCharacter(illegal)),
        None => Ok(prefix),
    }
}

fn size(bits: i64) -> Result<u32, InvalidSetting> {
    let size = u32::try_from(bits)
        .ok()
        .filter(|bits| KEY_SIZES.contains(bits));
    size.ok_or(InvalidSetting::KeySize(bits))
}

fn period(period: SignedDuration) -> Result<Option<SignedDuration>, InvalidSetting> {
    if period.is_negative() {
        return Err(InvalidSetting::NegativePeriod);
    }
    Ok(Some(period).filter(SignedDuration::is_positive))
}

fn order(name: &str, warn: &mut impl FnMut(String)) -> KeyOrder {
    match name {
        "CertNotBefore" => KeyOrder::NotBefore,
        "SecretCreationTimestamp" => KeyOrder::Created,
        _ => {
            warn(format!(
                "--key-order-priority {name:?} is not known, CertNotBefore is used"
            ));
            KeyOrder::NotBefore
        }
    }
}

fn cutoff(text: String) -> Result<Option<Timestamp>, InvalidSetting> {
    if text.is_empty() {
        return Ok(None);
    }
    let parsed = DateTimeParser::new()
        .relaxed_weekday(true)
        .parse_timestamp(&text);
    parsed.map(Some).map_err(|_| InvalidSetting::Cutoff(text))
}

/// `k=v,k=v`; a value ends at a second `=`, as upstream reads it.
fn pairs(text: &str, flag: &str, warn: &mut impl FnMut(String)) -> BTreeMap<String, String> {
    let mut pairs = BTreeMap::new();
    for element in text.split(',').filter(|_| !text.is_empty()) {
        let mut parts = element.split('=');
        match (parts.next(), parts.next()) {
            (Some(key), Some(value)) if !key.is_empty() => {
                pairs.insert(key.to_owned(), value.to_owned());
            }
            _ => warn(format!(
                "--{flag}: {element:?} is left out: it is not of the form key=value"
            )),
        }
    }
    pairs
}

/// The names between commas, each once.
fn list(text: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in text.split(',').map(str::trim) {
        if !name.is_empty() && !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

fn watched(all: bool, additional: &str, own: &str) -> Watched {
    let mut names = list(additional);
    names.retain(|name| name != own);
    if all && additional.is_empty() {
        Watched::All
    } else {
        Watched::Own { additional: names }
    }
}

fn request_limit(
    qps: Option<Float>,
    burst: Option<Int>,
) -> Result<Option<RequestLimit>, InvalidSetting> {
    let per_second = match qps {
        None if burst.is_none() => return Ok(None),
        Some(Float(qps)) if qps < 0.0 => return Ok(None),
        None | Some(Float(0.0)) => REQUESTS_PER_SECOND, // what client-go makes of it
        Some(Float(qps)) => qps,
    };
    let burst = match burst {
        None | Some(Int(0)) => REQUEST_BURST,
        Some(Int(burst)) => {
            u32::try_from(burst).map_err(|_| InvalidSetting::NotPositive("kubeclient-burst"))?
        }
    };
    Ok(Some(RequestLimit { per_second, burst }))
}

fn positive<T: TryFrom<i64> + Default + PartialEq>(
    Int(number): Int,
    flag: &'static str,
) -> Result<T, InvalidSetting> {
    if number > MOST {
        return Err(InvalidSetting::TooLarge(flag));
    }
    let number = T::try_from(number).ok();
    let number = number.filter(|number| *number != T::default());
    number.ok_or(InvalidSetting::NotPositive(flag))
}

/// As upstream reads them: the first is also how long a connection may be idle.
fn deadlines(read: Option<Duration>, write: Option<Duration>) -> Deadlines {
    let built_in = Deadlines::default();
    let given = |Duration(time)| match std::time::Duration::try_from(time) {
        Ok(time) if !time.is_zero() => time,
        _ => FOR_EVER,
    };
    let read = read.map(given);
    Deadlines {
        header: read.unwrap_or(built_in.header),
        body: read.unwrap_or(built_in.body),
        answer: write.map_or(built_in.answer, given),
        idle: read.unwrap_or(built_in.idle),
    }
}

fn sink(text: String) -> Option<AuditLog> {
    match &*text {
        "" => None,
        "stdout" => Some(AuditLog::Stdout),
        _ => Some(AuditLog::File(text.into())),
    }
}

/// A level as slog names it, perhaps with an offset: `WARN`, `INFO+2`.
fn level(text: &str, warn: &mut impl FnMut(String)) -> i32 {
    let (name, offset) = text.split_at(text.find(['+', '-']).unwrap_or(text.len()));
    let base: Option<i32> = match name.to_ascii_uppercase().as_str() {
        "DEBUG" => Some(-4),
        "INFO" => Some(0),
        "WARN" => Some(4),
        "ERROR" => Some(8),
        _ => None,
    };
    let offset: Option<i32> = if offset.is_empty() {
        Some(0)
    } else {
        offset.parse().ok()
    };
    let level = base
        .zip(offset)
        .map(|(base, offset)| base.saturating_add(offset));
    level.unwrap_or_else(|| {
        warn(format!("--log-level {text:?} is not known, INFO is used"));
        0
    })
}

#[cfg(test)]
mod tests;
