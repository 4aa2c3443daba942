//! Flags and environment → [`Config`]. Nothing else reads either.

use std::path::PathBuf;

use clap::{ArgAction, Parser};
use jiff::SignedDuration;

const NAMESPACE_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";
const KEY_SIZES: [&str; 4] = ["2048", "3072", "4096", "8192"];

/// Turn SealedSecrets into Secrets
#[derive(Debug, Parser)]
#[command(
    name = "controller",
    disable_version_flag = true,
    args_override_self = true
)]
pub struct Arguments {
    /// Begin the names of sealing keys with this
    #[arg(
        long,
        env = "SEALED_SECRETS_KEY_PREFIX",
        default_value = "sealed-secrets-key"
    )]
    key_prefix: String,
    /// Make RSA keys of this many bits
    #[arg(long, env = "SEALED_SECRETS_KEY_SIZE", default_value = "4096", value_parser = KEY_SIZES)]
    key_size: String,
    /// Make certificates valid for this long
    #[arg(long, env = "SEALED_SECRETS_KEY_TTL", default_value = "87600h0m0s")]
    #[arg(value_parser = go_duration, allow_hyphen_values = true)]
    key_ttl: SignedDuration,
    /// Make a new sealing key this often; 0 for never
    #[arg(
        long,
        env = "SEALED_SECRETS_KEY_RENEW_PERIOD",
        default_value = "720h0m0s"
    )]
    #[arg(value_parser = go_duration, allow_hyphen_values = true)]
    key_renew_period: SignedDuration,
    /// Name certificates with this common name
    #[arg(long, env = "SEALED_SECRETS_MY_CN", default_value = "")]
    my_cn: String,
    /// Watch all namespaces, or only the controller's own
    #[arg(long, env = "SEALED_SECRETS_ALL_NAMESPACES", default_value = "true", num_args = 0..=1)]
    #[arg(require_equals = true, default_missing_value = "true", action = ArgAction::Set)]
    all_namespaces: bool,
    /// Write the status of SealedSecrets
    #[arg(long, env = "SEALED_SECRETS_UPDATE_STATUS", default_value = "true", num_args = 0..=1)]
    #[arg(require_equals = true, default_missing_value = "true", action = ArgAction::Set)]
    update_status: bool,
    /// Leave a Secret that was deleted by hand as it is
    #[arg(long, env = "SEALED_SECRETS_SKIP_RECREATE", default_value = "false", num_args = 0..=1)]
    #[arg(require_equals = true, default_missing_value = "true", action = ArgAction::Set)]
    skip_recreate: bool,
    /// Try a failed object again this often before slowing down
    #[arg(long, env = "SEALED_SECRETS_MAX_UNSEAL_RETRIES", default_value = "5")]
    max_unseal_retries: u32,
    /// Answer HTTP here
    #[arg(long, env = "SEALED_SECRETS_LISTEN_ADDR", default_value = ":8080")]
    listen_addr: String,
    /// Use the cluster of this kubeconfig instead of the one around the process
    #[arg(long)]
    kubeconfig: Option<PathBuf>,
    /// Print the version
    #[arg(long)]
    version: bool,
    /// Stray words are ignored
    #[arg(hide = true)]
    stray: Vec<String>,
}

/// What the controller is to do, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// The controller's own namespace, where its keys live.
    pub namespace: String,
    /// The beginning of every key's name.
    pub key_prefix: String,
    /// RSA bits of new keys.
    pub key_size: u32,
    /// Validity of new certificates.
    pub key_ttl: SignedDuration,
    /// Age at which the newest key gets a successor; none for never.
    pub key_renew_period: Option<SignedDuration>,
    /// Common name of new certificates; may be empty.
    pub common_name: String,
    /// Whether to watch every namespace.
    pub all_namespaces: bool,
    /// Whether to write status.
    pub update_status: bool,
    /// Whether deleted Secrets come back.
    pub recreate: bool,
    /// How many quick retries a failed object gets.
    pub quick_retries: u32,
    /// Where HTTP is answered.
    pub listen_addr: String,
    /// The cluster, when it is not the one around the process.
    pub kubeconfig: Option<PathBuf>,
}

/// A setting that cannot be.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidConfig {
    /// See compatibility: the text is upstream's.
    #[error("name is too long, must be shorter than 245, got {0}")]
    PrefixTooLong(usize),
    /// See compatibility: the text is upstream's.
    #[error("name contains illegal character {0}")]
    PrefixCharacter(char),
    /// A period that runs backwards.
    #[error("--key-renew-period must not be negative")]
    NegativePeriod,
    /// A certificate that ends before it begins.
    #[error("--key-ttl must be positive")]
    KeyTtl,
}

impl Arguments {
    /// Whether only the version is asked for.
    pub fn asks_for_version(&self) -> bool {
        self.version
    }

    /// Lifts what was typed into what it means, for a controller whose own namespace is this one.
    pub fn into_config(self, namespace: String) -> Result<Config, InvalidConfig> {
        let Self {
            key_prefix,
            key_size,
            key_ttl,
            key_renew_period,
            my_cn,
            all_namespaces,
            update_status,
            skip_recreate,
            max_unseal_retries,
            listen_addr,
            kubeconfig,
            version: _,
            stray: _,
        } = self;
        check_key_prefix(&key_prefix)?;
        if key_renew_period.is_negative() {
            return Err(InvalidConfig::NegativePeriod);
        }
        if !key_ttl.is_positive() {
            return Err(InvalidConfig::KeyTtl);
        }
        Ok(Config {
            namespace,
            key_prefix,
            key_size: key_size.parse().unwrap_or(4096),
            key_ttl,
            key_renew_period: (!key_renew_period.is_zero()).then_some(key_renew_period),
            common_name: my_cn,
            all_namespaces,
            update_status,
            recreate: !skip_recreate,
            quick_retries: max_unseal_retries,
            listen_addr,
            kubeconfig,
        })
    }
}

impl Config {
    /// Every default, for a controller whose own namespace is this one.
    pub fn defaults(namespace: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            key_prefix: "sealed-secrets-key".to_owned(),
            key_size: 4096,
            key_ttl: SignedDuration::from_hours(87_600),
            key_renew_period: Some(SignedDuration::from_hours(720)),
            common_name: String::new(),
            all_namespaces: true,
            update_status: true,
            recreate: true,
            quick_retries: 5,
            listen_addr: ":8080".to_owned(),
            kubeconfig: None,
        }
    }
}

/// `h m s ms us ns`, as Go writes durations; zero needs no unit.
fn go_duration(text: &str) -> Result<SignedDuration, jiff::Error> {
    if text == "0" {
        Ok(SignedDuration::ZERO)
    } else {
        text.parse()
    }
}

/// The namespace that the process runs in, as far as it is told.
pub fn own_namespace() -> String {
    let told = std::env::var("POD_NAMESPACE")
        .ok()
        .filter(|namespace| !namespace.is_empty());
    let mounted = || std::fs::read_to_string(NAMESPACE_FILE).ok();
    told.or_else(mounted).map_or_else(
        || "default".to_owned(),
        |namespace| namespace.trim().to_owned(),
    )
}

/// What the log is to tell, as `RUST_LOG` has it.
pub fn log_filter() -> Option<String> {
    std::env::var("RUST_LOG").ok()
}

fn check_key_prefix(prefix: &str) -> Result<(), InvalidConfig> {
    if prefix.len() > 245 {
        return Err(InvalidConfig::PrefixTooLong(prefix.len()));
    }
    let is_legal = |c: &char| matches!(c, 'a'..='z' | '0'..='9' | '-');
    match prefix.chars().find(|c| !is_legal(c)) {
        Some(illegal) => Err(InvalidConfig::PrefixCharacter(illegal)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(arguments: &[&str]) -> Result<Config, InvalidConfig> {
        Arguments::try_parse_from([&["controller"], arguments].concat())
            .unwrap()
            .into_config("kube-system".into())
    }

    #[test]
    fn takes_upstreams_defaults() {
        let parsed = config(&[]).unwrap();
        assert_eq!(
            format!("{parsed:?}"),
            format!("{:?}", Config::defaults("kube-system"))
        );
    }

    #[test]
    fn reads_go_durations_and_zero_as_never() {
        assert_eq!(
            config(&["--key-ttl", "1h30m"]).unwrap().key_ttl,
            SignedDuration::from_mins(90)
        );
        assert_eq!(
            config(&["--key-renew-period=0"]).unwrap().key_renew_period,
            None
        );
        assert_eq!(
            config(&["--key-renew-period=0s"]).unwrap().key_renew_period,
            None
        );
    }

    #[test]
    fn refuses_what_cannot_be() {
        assert_eq!(
            config(&["--key-renew-period=-1h"]).err(),
            Some(InvalidConfig::NegativePeriod)
        );
        assert_eq!(config(&["--key-ttl=0s"]).err(), Some(InvalidConfig::KeyTtl));
        assert_eq!(
            config(&["--key-prefix=A"]).err(),
            Some(InvalidConfig::PrefixCharacter('A'))
        );
        let long = "a".repeat(246);
        assert_eq!(
            config(&["--key-prefix", &long]).err(),
            Some(InvalidConfig::PrefixTooLong(246))
        );
        assert!(Arguments::try_parse_from(["controller", "--key-size=1024"]).is_err());
    }

    #[test]
    fn takes_switches_with_an_equals_sign_and_ignores_stray_words() {
        let parsed = config(&["--update-status", "--all-namespaces=false", "stray"]).unwrap();
        assert!(parsed.update_status && !parsed.all_namespaces);
    }
}
