//! The flow, top to bottom: one SealedSecret, one Secret.

use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::{Duration, SystemTime};

use aws_lc_rs::rand;
use kube::Client;
use sealing::{PrivateKey, Renderer, SealedSecret};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::apply::{Written, apply};
use crate::args::Config;
use crate::error::Error;
use crate::event::Events;
use crate::guarded::Guarded;
use crate::key_ring::KeyRing;
use crate::observed::Observed;
use crate::ownership;
use crate::queue::{Key, Queue};
use crate::report::report;
use crate::secret_api;

/// So many objects are in flight at once; most of their time is the API server's.
const IN_FLIGHT: usize = 32;

/// What every reconcile works with.
pub(crate) struct Context {
    client: Client,
    config: Config,
    keys: Arc<KeyRing>,
    events: Events,
    /// Only reconcile holds one, so that nothing else can unseal with templates.
    renderer: Renderer,
    /// One permit for each core: RSA is what takes the time.
    cores: Semaphore,
}

/// Reconciles what the queue hands out, until it is dropped; what is in flight then is finished
/// by `tasks`.
pub(crate) async fn work(
    context: &Arc<Context>,
    observed: &Arc<Observed>,
    queue: &Arc<Queue>,
    tasks: &TaskTracker,
) {
    let in_flight = Arc::new(Semaphore::new(IN_FLIGHT));
    while let Ok(permit) = Arc::clone(&in_flight).acquire_owned().await {
        let key = queue.next().await;
        let (context, observed, queue) =
            (Arc::clone(context), Arc::clone(observed), Arc::clone(queue));
        tasks.spawn(async move {
            match observed.get(&key).filter(|sealed| !sealed.is_going()) {
                Some(sealed) => {
                    if let Some(delay) = reconcile(&sealed, &key, &queue, &context).await {
                        queue.add_after(key.clone(), delay);
                    }
                }
                // It is gone, and the garbage collector takes its Secret.
                None => queue.succeeded(&key),
            }
            queue.done(&key);
            drop(permit);
        });
    }
}

/// Brings one object up to date, tells what became of it, and says when to try again.
async fn reconcile(
    sealed: &Guarded,
    key: &Key,
    queue: &Queue,
    context: &Context,
) -> Option<Duration> {
    let outcome = bring_up_to_date(sealed, context).await;
    report(
        sealed,
        &outcome,
        &context.client,
        &context.events,
        context.config.update_status,
    )
    .await;
    match outcome {
        Ok(_) => {
            queue.succeeded(key);
            None
        }
        Err(error) => error.retry(queue.failed(key), context.config.quick_retries),
    }
}

async fn bring_up_to_date(sealed: &Guarded, context: &Context) -> Result<Written, Error> {
    let sealed = sealed.well_formed()?; // a malformed object is an error, never an empty one
    let keys = context.keys.snapshot();
    let secret = context.unseal(&sealed, keys).await?;
    let Key { namespace, name } = Key::of(&*sealed);
    let live = secret_api::get(&context.client, &namespace, &name).await?;
    let right = ownership::decide(&sealed, live.as_ref())?;
    Ok(apply(&context.client, right, secret, live).await?)
}

impl Context {
    pub(crate) fn new(client: Client, config: Config, keys: Arc<KeyRing>) -> Self {
        Self {
            client,
            config,
            keys,
            events: Events::default(),
            renderer: Renderer::new(SystemTime::now, |buffer| rand::fill(buffer).is_ok()),
            cores: Semaphore::new(available_parallelism().map_or(1, usize::from)),
        }
    }

    /// Unseals on a thread that may block, as many at once as there are cores. A panic there is this
    /// object's failure and nobody else's.
    async fn unseal(
        &self,
        sealed: &Arc<SealedSecret>,
        keys: Vec<Arc<PrivateKey>>,
    ) -> Result<sealing::Secret, Error> {
        let _core = self.cores.acquire().await;
        let (sealed, renderer) = (Arc::clone(sealed), self.renderer.clone());
        let unseal = move || sealing::unseal(&sealed, &keys, &renderer);
        Ok(tokio::task::spawn_blocking(unseal).await??)
    }
}
