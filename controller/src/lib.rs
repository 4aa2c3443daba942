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
mod apply;
mod args;
mod cluster;
mod condition;
mod config;
mod endpoints;
mod environment;
mod error;
mod event;
mod follow;
mod go_flag;
mod guarded;
mod in_sync;
mod key_renewal;
mod key_ring;
mod key_secret;
mod log;
mod namespaced_name;
mod observed;
mod ownership;
mod pace;
mod pause;
mod queue;
mod re_encrypt;
mod reconcile;
mod record;
mod removal;
mod report;
mod request;
mod scope;
mod secret_api;
mod signals;
mod unsealing;
mod watch;

use std::collections::BTreeSet;
use std::sync::Arc;

use kube::Client;
use tokio::net::TcpListener;
use tokio::sync::watch::{Sender, channel};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use args::{Asked, Error as InvalidArguments, InvalidSetting, parse};
pub use cluster::connect;
pub use config::{Config, FirstKey, KeyOrder, Log, RequestLimit, Watched};
pub use endpoints::listen;
pub use log::{log_filter, start_log, tell_log};
pub use signals::Signals;

use key_ring::KeyRing;
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
}

/// Runs until it is told to stop; then what is being worked on is finished.
///
/// `listener` answers HTTP. It is served before there is a key.
pub async fn run(
    client: Client,
    config: Config,
    listener: TcpListener,
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
    let keys = Arc::new(KeyRing::new(config.key_order));
    let queue = Arc::new(Queue::default());

    let served = endpoints::Served::new(Arc::clone(&keys), is_ready, &config);
    tasks.spawn(endpoints::serve(listener, served, stopping.clone()));
    let result = tokio::select! {
        () = watch::keys(&client, &config, &keys, &queue) => Ok(()),
        failed = key_renewal::keep(&client, &config, &keys, renew) => failed,
        () = unseal_all(&client, &config, &keys, &queue, &tasks, ready) => Ok(()),
        () = stop => Ok(()),
    };
    stopping.cancel();
    tasks.close();
    signals::drain(&tasks).await;
    Ok(result?)
}

/// Reconciles whatever the watches bring, from the moment at which there is a key.
async fn unseal_all(
    client: &Client,
    config: &Config,
    keys: &Arc<KeyRing>,
    queue: &Arc<Queue>,
    tasks: &TaskTracker,
    ready: Sender<bool>,
) {
    let watches: BTreeSet<String> = Scope::all(config).iter().flat_map(Scope::watches).collect();
    let observed = Arc::new(Observed::until_synced(watches));
    let context = Arc::new(Context::new(
        client.clone(),
        config.clone(),
        Arc::clone(keys),
        Arc::clone(&observed),
    ));
    tokio::join!(
        watch::scopes(client, config, &observed, queue),
        async {
            keys.not_empty().await;
            // What is in sync shows only beside its Secret.
            observed.all_synced().await;
            work(&context, queue, tasks).await
        },
        async {
            keys.settled().await;
            observed.all_synced().await;
            ready.send_replace(true)
        },
    );
}
