//! When it happens: SealedSecrets in a cluster become ordinary Secrets.
//!
//! ```text
//! SealedSecret ──▶ keys ──▶ unseal ──▶ ownership ──▶ Secret apply ──▶ status
//!   watch.rs     key_ring   sealing    ownership       apply.rs      report.rs
//!     I/O         memory     pure        pure            I/O            I/O
//! ```
//!
//! [`run`] sets the tasks up and joins them; `reconcile.rs` is the picture above in code.

mod absence;
mod answer;
mod api_requests;
mod apply;
mod args;
mod audit;
mod body;
mod budget;
mod busy;
mod cluster;
mod collection;
mod condition;
mod config;
mod cores;
mod discretion;
mod effort;
mod endpoints;
mod environment;
mod error;
mod event;
mod excerpt;
mod exposition;
mod follow;
mod foreign;
mod go_flag;
mod guarded;
mod in_sync;
mod key_arrival;
mod key_origin;
mod key_renewal;
mod key_ring;
mod key_secret;
mod key_slot;
mod listener;
mod log;
mod log_line;
mod memory;
mod metrics;
mod namespaced_name;
mod object_meta;
mod observed;
mod outlet;
mod ownership;
mod pace;
mod pause;
mod policy;
mod queue;
mod rate_limit;
mod re_encrypt;
mod reconcile;
mod record;
mod refusal;
mod removal;
mod report;
mod request;
mod scope;
mod sealed_secret_api;
mod secret_api;
mod signals;
mod slots;
mod token_file;
mod turns;
mod unsealing;
mod watch;
mod watch_lines;

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use kube::Client;
use tokio::net::TcpListener;
use tokio::sync::watch::{Receiver, Sender, channel};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use args::{Asked, Error as InvalidArguments, InvalidSetting, parse};
pub use cluster::connect;
pub use config::{
    AuditLog, Config, Deadlines, FirstKey, Http, KeyOrder, Log, RateLimit, RequestLimit, Watched,
};
pub use listener::listen;
pub use log::{RunningLog, log_filter, start_log, tell_log};
pub use memory::keep_private;
pub use signals::Signals;
pub use slots::SLOTS;

use audit::Audit;
use cores::Cores;
use endpoints::Served;
use exposition::Exposed;
use key_ring::KeyRing;
use metrics::Metrics;
use observed::Observed;
use queue::Queue;
use reconcile::{Context, work};
use scope::Scope;

/// Why the controller cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A sealing key that is needed at start could not be read or made.
    #[error("cannot make the first sealing key: {0}")]
    FirstKey(#[from] key_secret::Error),
    /// Its audit log could not be opened.
    #[error("cannot open the audit log: {0}")]
    AuditLog(std::io::Error),
}

/// How many objects are unsealed at once: one on each core.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Where the controller answers.
pub struct Listeners {
    /// The HTTP paths. They are served before there is a key.
    pub http: TcpListener,
    /// The metrics.
    pub metrics: TcpListener,
}

/// What everything here shares.
struct Shared {
    keys: Arc<KeyRing>,
    queue: Arc<Queue>,
    metrics: Arc<Metrics>,
    audit: Arc<Audit>,
    /// RSA is what takes the time.
    cores: Arc<Cores>,
}

/// Runs until it is told to stop; then what is being worked on is finished.
pub async fn run(
    client: Client,
    config: Config,
    listeners: Listeners,
    signals: Signals,
) -> Result<(), Error> {
    tracing::info!(
        version = args::version(),
        "Starting sealed-secrets controller"
    );
    let Signals { stop, renew } = signals;
    let (ready, is_ready) = channel(false);
    let stopping = CancellationToken::new();
    let tasks = TaskTracker::new();
    let shared = Shared::new(&config)?;
    let client = api_requests::counted(client, shared.metrics.api_requests.clone());
    let client = busy::patient(client);

    shared.serve(listeners, &config, is_ready, &stopping, &tasks);
    let (keys, queue) = (&shared.keys, &shared.queue);
    let result = tokio::select! {
        () = watch::keys(&client, &config, keys) => Ok(()),
        failed = key_renewal::keep(&client, &config, keys, renew) => failed,
        () = key_arrival::retry(keys, queue) => Ok(()),
        () = shared.unseal_all(&client, &config, &tasks, ready) => Ok(()),
        () = stop => Ok(()),
    };
    stopping.cancel();
    tasks.close();
    signals::drain(&tasks).await;
    shared.audit.flush();
    Ok(result?)
}

impl Shared {
    fn new(config: &Config) -> Result<Self, Error> {
        let metrics = Arc::new(Metrics::new(config.metrics_omit_names));
        let lost = metrics.audit_lines_lost.clone();
        let audit = Audit::start(config.audit_log.as_ref(), lost).map_err(Error::AuditLog)?;
        Ok(Self {
            keys: Arc::new(KeyRing::new(config.key_order)),
            queue: Arc::default(),
            metrics,
            audit: Arc::new(audit),
            cores: Arc::new(Cores::new(cores())),
        })
    }

    fn serve(
        &self,
        listeners: Listeners,
        config: &Config,
        is_ready: Receiver<bool>,
        stopping: &CancellationToken,
        tasks: &TaskTracker,
    ) {
        let http = &config.http;
        let serve = |text: &str, listener: TcpListener, paths: Router| {
            if let Ok(addr) = listener.local_addr() {
                tracing::info!(%addr, "{text}");
            }
            let stopping = stopping.clone();
            tasks.spawn(listener::serve(listener, paths, http.deadlines, stopping));
        };
        let served = Served::new(self, is_ready, config);
        let paths = served.paths(http.verifies, http.re_encrypts);
        serve("HTTP server serving", listeners.http, paths);
        let (metrics, keys) = (Arc::clone(&self.metrics), Arc::clone(&self.keys));
        let exposed = Exposed::new(metrics, keys, Arc::clone(&self.queue));
        let paths = exposed.paths();
        serve("HTTP metrics server serving", listeners.metrics, paths);
    }

    /// Reconciles whatever the watches bring, from the moment at which there is a key.
    async fn unseal_all(
        &self,
        client: &Client,
        config: &Config,
        tasks: &TaskTracker,
        ready: Sender<bool>,
    ) {
        let scopes = Scope::all(config);
        let watches: BTreeSet<String> = scopes.iter().flat_map(Scope::watches).collect();
        let observed = Arc::new(Observed::until_synced(watches));
        let context = Context::new(client.clone(), config.clone(), Arc::clone(&observed), self);
        let (context, keys) = (Arc::new(context), &self.keys);
        tokio::join!(
            watch::scopes(client, config, &observed, &self.queue),
            async {
                keys.not_empty().await;
                // What is in sync shows only beside its Secret.
                observed.all_synced().await;
                work(&context, &self.queue, tasks).await
            },
            async {
                keys.settled().await;
                observed.all_synced().await;
                ready.send_replace(true)
            },
        );
    }
}
