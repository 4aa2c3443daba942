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
use crate::error::{Error, backoff};
use crate::event::Events;
use crate::guarded::Guarded;
use crate::key_ring::{KEY_LABEL, KeyRing};
use crate::namespaced_name::NamespacedName;
use crate::observed::Observed;
use crate::ownership;
use crate::queue::{InHand, Queue};
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
        let in_hand = queue.next().await;
        let (context, observed) = (Arc::clone(context), Arc::clone(observed));
        tasks.spawn(async move {
            match observed
                .get(&in_hand.key)
                .filter(|sealed| !sealed.is_going())
            {
                Some(sealed) => {
                    if let Some(delay) = reconcile(&sealed, &in_hand, &context).await {
                        in_hand.again_after(delay);
                    }
                }
                // It is gone, and the garbage collector takes its Secret.
                None => in_hand.succeeded(),
            }
            drop(permit);
        });
    }
}

/// Brings one object up to date, tells what became of it, and says when to try again.
async fn reconcile(sealed: &Guarded, in_hand: &InHand, context: &Context) -> Option<Duration> {
    let Context {
        client,
        config,
        events,
        ..
    } = context;
    let outcome = bring_up_to_date(sealed, context).await;
    let told = report(sealed, &outcome, client, events, config.update_status).await;
    if outcome.is_ok() && told.is_ok() {
        in_hand.succeeded();
        return None;
    }
    let failures = in_hand.failed();
    let to_tell = told.err().map(|_| backoff(failures, config.quick_retries));
    let to_do = outcome
        .err()
        .and_then(|error| error.retry(failures, config.quick_retries));
    to_tell.into_iter().chain(to_do).min()
}

async fn bring_up_to_date(sealed: &Guarded, context: &Context) -> Result<Written, Error> {
    let sealed = sealed.well_formed()?; // a malformed object is an error, never an empty one
    let keys = context.keys.snapshot();
    let secret = context.unseal(&sealed, keys).await?;
    let NamespacedName { namespace, name } = NamespacedName::of(&*sealed);
    context.refuse_sealing_key(&secret)?;
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

    /// A SealedSecret makes no sealing key: who may create one would choose what others seal to.
    fn refuse_sealing_key(&self, secret: &sealing::Secret) -> Result<(), Error> {
        let metadata = &secret.metadata;
        let is_here = metadata.namespace.as_ref() == Some(&self.config.namespace);
        let is_labelled = metadata
            .labels
            .iter()
            .flatten()
            .any(|(label, _)| label == KEY_LABEL);
        if is_here && is_labelled {
            Err(Error::ReservedLabel)
        } else {
            Ok(())
        }
    }
}
