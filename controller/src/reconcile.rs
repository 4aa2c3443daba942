//! The flow, top to bottom: one SealedSecret, one Secret.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use sealing::{Fingerprint, PrivateKey, SealedSecret};
use tokio_util::task::TaskTracker;

use crate::Shared;
use crate::apply::{Applied, Extent, Written, apply};
use crate::config::Config;
use crate::error::{Error, backoff};
use crate::guarded::Guarded;
use crate::in_sync::{InSync, Said};
use crate::key_ring::KeyRing;
use crate::metrics::Metrics;
use crate::namespaced_name::NamespacedName;
use crate::observed::{Observed, SecretVersion};
use crate::pace::Pace;
use crate::queue::{InHand, Queue};
use crate::report::Reporter;
use crate::unsealing::Unsealing;
use crate::{ownership, policy, record, removal, secret_api};

/// What every reconcile works with.
pub(crate) struct Context {
    pub(crate) client: Client,
    pub(crate) config: Config,
    keys: Arc<KeyRing>,
    pub(crate) observed: Arc<Observed>,
    pub(crate) in_sync: InSync,
    pub(crate) unsealing: Unsealing,
    pub(crate) metrics: Arc<Metrics>,
    pace: Pace,
    reporter: Reporter,
}

/// What became of one object.
pub(crate) struct Outcome {
    pub(crate) written: Written,
    /// For its status, if anything was found out.
    pub(crate) record: Option<sealing::Applied>,
}

/// Reconciles what the queue hands out, until it is dropped; what is in flight then is finished
/// by `tasks`.
pub(crate) async fn work(context: &Arc<Context>, queue: &Arc<Queue>, tasks: &TaskTracker) {
    loop {
        let in_hand = queue.next().await;
        let context = Arc::clone(context);
        tasks.spawn(async move {
            let _timer = context.metrics.reconcile_seconds.start_timer();
            let delay = match context.observed.get(&in_hand.key) {
                Some(sealed) if sealed.is_going() => None,
                Some(sealed) => reconcile(&sealed, &in_hand, &context).await,
                None => removal::follow_up(&in_hand, &context).await,
            };
            if let Some(delay) = delay {
                in_hand.again_after(delay);
            }
        });
    }
}

/// Brings one object up to date, tells what became of it, and says when to try again.
async fn reconcile(sealed: &Guarded, in_hand: &InHand, context: &Context) -> Option<Duration> {
    let quick_retries = context.config.quick_retries;
    context.metrics.begin(Some(&in_hand.key));
    let outcome = bring_up_to_date(sealed, in_hand, context).await;
    let told = context.reporter.report(sealed, &outcome).await;
    if outcome.is_ok() && told.is_ok() {
        in_hand.succeeded();
        return None;
    }
    let failures = in_hand.failed();
    let to_tell = told.err().map(|_| backoff(failures, quick_retries));
    let to_do = outcome
        .err()
        .and_then(|error| error.retry(failures, quick_retries));
    to_tell.into_iter().chain(to_do).min()
}

async fn bring_up_to_date(
    guarded: &Guarded,
    in_hand: &InHand,
    context: &Context,
) -> Result<Outcome, Error> {
    let sealed = guarded.well_formed()?; // a malformed object is an error, never an empty one
    context.refuse_deprecated(&sealed)?;
    policy::check_template(&sealed, &context.config)?;
    let (keys, vouching) = (context.keys.snapshot(&[]), context.keys.vouching());
    let record = record::authentic(guarded.status.applied.as_ref(), &sealed, &vouching);
    let (key, said) = (NamespacedName::of(&*sealed), Said::by(&sealed));
    let current = record.filter(|record| record::is_up_to_date(record, &sealed, &keys));
    if context.is_in_sync(&key, &said, current).await? {
        if let Some(record) = current {
            let items = sealed.spec.encrypted_data.len();
            context.metrics.recorded(&key, &record.keys, items);
        }
        return Ok(Outcome::in_sync());
    }
    let fitting = record.map_or(&[][..], |record| &record.keys);
    let unsealed = context.unsealing.unseal(&sealed, in_hand, &said, fitting);
    let unsealed = unsealed.await?;
    context.metrics.opened(&key, &unsealed.keys);
    policy::check_secret(&unsealed.secret, &context.config)?;
    let live = secret_api::get(&context.client, &key.namespace, &key.name).await?;
    context.observed.foreign.ask(&key, live.as_ref())?;
    let right = ownership::decide(&sealed, live.as_ref(), record.and_then(record::whole));
    let right = policy::spare_keys(right, live.as_ref(), &context.config);
    let extent = context.extent(guarded, &key, &said);
    let leave = context.pace.leave(&key, &said);
    let applied = apply(&context.client, right, extent, unsealed.secret, live, leave);
    let applied = applied.await?;
    Ok(context.remember(&sealed, key, said, applied, &unsealed.keys, &vouching))
}

impl Outcome {
    fn in_sync() -> Self {
        Self {
            written: Written::Unchanged,
            record: None,
        }
    }
}

impl Context {
    pub(crate) fn new(
        client: Client,
        config: Config,
        observed: Arc<Observed>,
        shared: &Shared,
    ) -> Self {
        let metrics = Arc::clone(&shared.metrics);
        Self {
            reporter: Reporter::new(client.clone(), config.update_status, Arc::clone(&metrics)),
            unsealing: Unsealing::new(shared),
            metrics,
            in_sync: InSync::default(),
            pace: Pace::default(),
            client,
            config,
            keys: Arc::clone(&shared.keys),
            observed,
        }
    }

    /// Whether the live Secret is what the SealedSecret says, as far as that shows without opening
    /// anything: by its version, or by the digest of what this process wrote.
    async fn is_in_sync(
        &self,
        key: &NamespacedName,
        said: &Said,
        record: Option<&sealing::Applied>,
    ) -> Result<bool, Error> {
        let right = match (self.in_sync.version(key, said), record) {
            (Some(known), _) => known,
            (None, Some(record)) => {
                let recorded = record::version(record);
                let (key, said) = (key.clone(), said.clone());
                self.in_sync
                    .note_recorded(key, said, recorded.clone(), record.merged);
                recorded
            }
            (None, None) => return Ok(false),
        };
        if self.observed.secret(key).as_ref() == Some(&right) {
            return Ok(true);
        }
        let live = secret_api::get(&self.client, &key.namespace, &key.name).await?;
        Ok(live.is_some_and(|live| {
            SecretVersion::of(&live) == right || self.in_sync.is_unchanged(key, said, &live)
        }))
    }

    /// A new generation sets the whole Secret; one that was applied before is only repaired.
    fn extent(&self, guarded: &Guarded, key: &NamespacedName, said: &Said) -> Extent {
        if guarded.is_told() || self.in_sync.version(key, said).is_some() {
            Extent::Repair
        } else {
            Extent::Whole
        }
    }

    /// Notes which version of the Secret is right, in memory and for the status.
    fn remember(
        &self,
        sealed: &SealedSecret,
        key: NamespacedName,
        said: Said,
        applied: Applied,
        used: &BTreeMap<Fingerprint, usize>,
        keys: &[Arc<PrivateKey>],
    ) -> Outcome {
        let version = SecretVersion::of(&applied.live);
        let foreign = applied.is_foreign;
        let record = record::record(sealed, &version, foreign, used, keys);
        let (live, share) = (&applied.live, applied.share);
        self.in_sync.note(key, said, live, share, foreign);
        Outcome {
            written: applied.written,
            record,
        }
    }

    fn refuse_deprecated(&self, sealed: &SealedSecret) -> Result<(), Error> {
        if sealed.spec.data.is_some() && !self.config.accept_deprecated_data {
            Err(Error::Deprecated)
        } else {
            Ok(())
        }
    }
}
