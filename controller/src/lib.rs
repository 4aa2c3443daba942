//! When it happens: SealedSecrets in a cluster become ordinary Secrets.
//!
//! ```text
//! SealedSecret ──▶ keys ──▶ unseal ──▶ ownership ──▶ Secret apply ──▶ status
//!   watch.rs     key_ring   sealing    ownership       apply.rs      report.rs
//!     I/O         memory     pure        pure            I/O            I/O
//! ```
//!
//! [`run`] sets the tasks up and joins them; `reconcile.rs` is the picture above in code.

mod apply;
mod args;
mod cluster;
mod condition;
mod endpoints;
mod error;
mod event;
mod guarded;
mod key_renewal;
mod key_ring;
mod log;
mod namespaced_name;
mod observed;
mod ownership;
mod queue;
mod reconcile;
mod report;
mod secret_api;
mod shutdown;
mod watch;

use std::sync::Arc;

use kube::Client;
use tokio::net::TcpListener;
use tokio::sync::watch::{Sender, channel};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use args::{Arguments, Config, InvalidConfig, log_filter, own_namespace};
pub use cluster::connect;
pub use endpoints::listen;
pub use log::tell_log;
pub use shutdown::stop_signal;

use key_ring::KeyRing;
use observed::Observed;
use queue::Queue;
use reconcile::{Context, work};

/// Why the controller cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The first sealing key could not be made.
    #[error("cannot make the first sealing key: {0}")]
    FirstKey(#[from] key_renewal::Error),
}

/// Runs until `shutdown` resolves; then what is being worked on is finished.
///
/// `listener` answers `/healthz`, `/readyz` and `/v1/cert.pem`. It is served before there is a key.
pub async fn run(
    client: Client,
    config: Config,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
) -> Result<(), Error> {
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        "Starting sealed-secrets controller"
    );
    let (ready, is_ready) = channel(false);
    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();
    let keys = Arc::new(KeyRing::default());
    let queue = Arc::new(Queue::default());

    tasks.spawn(endpoints::serve(
        listener,
        Arc::clone(&keys),
        is_ready,
        stop.clone(),
    ));
    let result = tokio::select! {
        () = watch::keys(&client, &config, &keys, &queue) => Ok(()),
        failed = key_renewal::keep(&client, &config, &keys) => failed,
        () = unseal_all(&client, &config, &keys, &queue, &tasks, ready) => Ok(()),
        () = shutdown => Ok(()),
    };
    stop.cancel();
    tasks.close();
    shutdown::drain(&tasks).await;
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
    let observed = Arc::new(Observed::default());
    let context = Arc::new(Context::new(
        client.clone(),
        config.clone(),
        Arc::clone(keys),
    ));
    keys.not_empty().await;
    tokio::join!(
        watch::sealed_secrets(client, config, &observed, queue),
        watch::secrets(client, config, &observed, queue),
        work(&context, &observed, queue, tasks),
        async {
            observed.synced().await;
            ready.send_replace(true)
        },
    );
}
