//! What the controller is to do, checked. Every part of it reads its settings from here.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// Every setting.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The controller's own namespace, where its keys live.
    pub namespace: String,
    /// The beginning of every key's name; the whole name of the one key from before labels.
    pub key_prefix: String,
    /// RSA bits of new keys.
    pub key_size: u32,
    /// Validity of new certificates.
    pub key_ttl: SignedDuration,
    /// Common name of new certificates; may be empty.
    pub common_name: String,
    /// Labels of new key Secrets, beside the one that makes them keys.
    pub key_labels: BTreeMap<String, String>,
    /// Annotations of new key Secrets.
    pub key_annotations: BTreeMap<String, String>,
    /// Age at which the current key gets a successor; none for never.
    pub key_renew_period: Option<SignedDuration>,
    /// Which key counts as the newest.
    pub key_order: KeyOrder,
    /// At start, a key from before this instant gets a successor.
    pub key_cutoff: Option<Timestamp>,
    /// When the first key is made.
    pub first_key: FirstKey,
    /// Whether the deprecated `spec.data` is opened.
    pub accept_deprecated_data: bool,
    /// Types of Secrets that no SealedSecret may make.
    pub forbidden_types: Vec<String>,
    /// Labels and annotations that no SealedSecret may put on its Secret: keys, or how keys begin, with a slash
    /// at the end.
    pub forbidden_metadata: Vec<String>,
    /// Where SealedSecrets are watched.
    pub watched: Watched,
    /// Which SealedSecrets are watched: a label selector; empty for all.
    pub label_selector: String,
    /// Whether to write status.
    pub update_status: bool,
    /// Whether Secrets that were deleted or changed by others are made right again.
    pub repair: bool,
    /// Whether the Secret of a SealedSecret that is gone is deleted by us.
    pub delete_secrets: bool,
    /// How many quick retries a failed object gets.
    pub quick_retries: u32,
    /// The most requests to the API server; none leaves that to the server.
    pub request_limit: Option<RequestLimit>,
    /// What is answered over HTTP, and how.
    pub http: Http,
    /// Where metrics are told.
    pub listen_metrics_addr: String,
    /// Whether no metric tells the name of a SealedSecret.
    pub metrics_omit_names: bool,
    /// Where every unsealing is noted; none for nowhere.
    pub audit_log: Option<AuditLog>,
    /// The cluster, when it is not the one around the process.
    pub kubeconfig: Option<PathBuf>,
    /// What is logged, and how.
    pub log: Log,
}

/// What makes one key newer than another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyOrder {
    /// The NotBefore of its certificate.
    #[default]
    NotBefore,
    /// The creationTimestamp of its Secret.
    Created,
}

/// When a controller that finds no key makes one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum FirstKey {
    /// When no SealedSecret carries a status: where one does, there was a key, and it is to come back.
    #[default]
    WhenUnused,
    /// Whenever there is none.
    Always,
    /// Never: keys are brought by others.
    Never,
}

/// The namespaces whose SealedSecrets are watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Watched {
    /// Every one.
    All,
    /// The controller's own and these, which may come later.
    Own {
        /// Without the controller's own.
        additional: Vec<String>,
    },
}

/// A ceiling for requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RequestLimit {
    /// Requests per second.
    pub per_second: f64,
    /// Requests at once.
    pub burst: u32,
}

/// What is answered over HTTP, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http {
    /// Where.
    pub listen_addr: String,
    /// How long a request may take.
    pub deadlines: Deadlines,
    /// How many requests a caller may make.
    pub rate_limit: RateLimit,
    /// How many private RSA operations a second all requests together may cost.
    pub rsa_rate_limit: u32,
    /// The size of the largest body.
    pub max_request_bytes: usize,
    /// Whether anybody is told whether a SealedSecret opens.
    pub verifies: bool,
    /// Whether SealedSecrets are re-encrypted for anybody.
    pub re_encrypts: bool,
}

/// How long each part of a request may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// From its first byte to the end of its header.
    pub header: Duration,
    /// From there to the end of its body.
    pub body: Duration,
    /// From the end of its header to the answer.
    pub answer: Duration,
    /// From the answer to the next request.
    pub idle: Duration,
}

/// How many requests a caller may make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests per second.
    pub per_second: u32,
    /// So many more at once.
    pub burst: u32,
}

/// Where every unsealing is noted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditLog {
    /// Between the lines of the log.
    Stdout,
    /// At the end of a file.
    File(PathBuf),
}

/// How the log is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Log {
    /// The least level, on Go's slog scale: -4 DEBUG, 0 INFO, 4 WARN, 8 ERROR.
    pub level: i32,
    /// JSON instead of text.
    pub json: bool,
    /// Whether INFO and below go to stdout; WARN and ERROR always go to stderr.
    pub info_to_stdout: bool,
}

impl Config {
    /// Every default, for a controller whose own namespace is this one.
    pub fn defaults(namespace: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            key_prefix: "sealed-secrets-key".to_owned(),
            key_size: 4096,
            key_ttl: SignedDuration::from_hours(87_600),
            common_name: String::new(),
            key_labels: BTreeMap::new(),
            key_annotations: BTreeMap::new(),
            key_renew_period: Some(SignedDuration::from_hours(720)),
            key_order: KeyOrder::default(),
            key_cutoff: None,
            first_key: FirstKey::default(),
            accept_deprecated_data: true,
            forbidden_types: Vec::new(),
            forbidden_metadata: Vec::new(),
            watched: Watched::All,
            label_selector: String::new(),
            update_status: true,
            repair: true,
            delete_secrets: false,
            quick_retries: 5,
            request_limit: None,
            http: Http::default(),
            listen_metrics_addr: ":8081".to_owned(),
            metrics_omit_names: false,
            audit_log: None,
            kubeconfig: None,
            log: Log {
                level: 0,
                json: false,
                info_to_stdout: true,
            },
        }
    }
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen_addr: ":8080".to_owned(),
            deadlines: Deadlines::default(),
            rate_limit: RateLimit {
                per_second: 2,
                burst: 2,
            },
            rsa_rate_limit: 200,
            max_request_bytes: 3 << 20, // as much as the API server itself takes
            verifies: true,
            re_encrypts: true,
        }
    }
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            header: Duration::from_secs(10),
            body: Duration::from_secs(30),
            answer: Duration::from_secs(60),
            idle: Duration::from_secs(60),
        }
    }
}

impl RequestLimit {
    /// The time in which `burst` requests may be made.
    pub(crate) fn window(self) -> Duration {
        Duration::try_from_secs_f64(f64::from(self.burst) / self.per_second)
            .unwrap_or(Duration::MAX)
    }
}
