//! The flow, top to bottom: one SealedSecret, one Secret.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use sealing::{Fingerprint, PrivateKey, SealedSecret};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::Shared;
use crate::apply::{Applied, Extent, Written, apply};
use crate::config::Config;
use crate::discretion::{Rendering, discreet, instead_of_not_rendered};
use crate::error::{Error, backoff};
use crate::guarded::Guarded;
use crate::in_sync::{InSync, Said};
use crate::key_ring::KeyRing;
use crate::metrics::Metrics;
use crate::namespaced_name::NamespacedName;
use crate::observed::{Observed, SecretVersion};
use crate::ownership::Right;
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
    let (began, mut rendering) = (Instant::now(), None);
    let mut outcome = bring_up_to_date(sealed, in_hand, context, &mut rendering).await;
    let mut took = began.elapsed();
    if let Some(rendering) = rendering {
        outcome = outcome.map_err(discreet);
        took = took.saturating_sub(rendering.took);
        in_hand.leave_slot();
        rendering.may_be_told().await;
    }
    let began = Instant::now();
    let told = context.reporter.report(sealed, &outcome).await;
    took += began.elapsed();
    context
        .metrics
        .reconcile_seconds
        .observe(took.as_secs_f64());
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
    rendering: &mut Option<Rendering>,
) -> Result<Outcome, Error> {
    let sealed = guarded.well_formed()?; // a malformed object is an error, never an empty one
    context.refuse_deprecated(&sealed)?;
    policy::check_template(&sealed, &context.config)?;
    let (keys, vouching) = (context.keys.snapshot(&[]), context.keys.vouching());
    let record = record::authentic(guarded.status.applied.as_ref(), &sealed, &vouching);
    let (key, said) = (NamespacedName::of(&*sealed), Said::by(&sealed));
    let current = record.filter(|record| record::is_up_to_date(record, &sealed, &keys));
    let is_in_sync = context.is_in_sync(&sealed, &key, &said, current, &vouching);
    if is_in_sync.await? {
        if let Some(record) = current {
            let items = sealed.spec.encrypted_data.len();
            context.metrics.recorded(&key, &record.keys, items);
        }
        return Ok(Outcome::in_sync());
    }
    let fitting = record.map_or(&[][..], |record| &record.keys);
    let unsealing = &context.unsealing;
    let unsealed = unsealing.unseal(&sealed, in_hand, &said, fitting, rendering);
    let unsealed = match unsealed.await {
        Err(Error::Unseal(sealing::Error::NotRendered, _)) => {
            let live = secret_api::get(&context.client, &key.namespace, &key.name).await?;
            let right = context.right(&sealed, live.as_ref(), record);
            return Err(instead_of_not_rendered(&right, live.as_ref()));
        }
        unsealed => unsealed?,
    };
    context.metrics.opened(&key, &unsealed.keys);
    policy::check_secret(&unsealed.secret, &context.config)?;
    let live = secret_api::get(&context.client, &key.namespace, &key.name).await?;
    context.observed.foreign.ask(&key, live.as_ref())?;
    let right = context.right(&sealed, live.as_ref(), record);
    let extent = match current {
        Some(_) => Extent::Repair,
        None => context.extent(guarded, &key, &said),
    };
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

    /// What may be done to the live Secret.
    fn right(
        &self,
        sealed: &SealedSecret,
        live: Option<&Secret>,
        record: Option<&sealing::Applied>,
    ) -> Right {
        let right = ownership::decide(sealed, live, record.and_then(record::whole));
        policy::spare_keys(right, live, &self.config)
    }

    /// Whether the live Secret is what the SealedSecret says, as far as that shows without opening
    /// anything: by its version, or by the digest of what this process wrote.
    async fn is_in_sync(
        &self,
        sealed: &SealedSecret,
        key: &NamespacedName,
        said: &Said,
        record: Option<&sealing::Applied>,
        vouching: &[Arc<PrivateKey>],
    ) -> Result<bool, Error> {
        let known = self.in_sync.version(key, said);
        let record = record.filter(|_| known.is_none());
        if known.is_none() && record.is_none() {
            return Ok(false);
        }
        let is_right = |version: &SecretVersion| match record {
            Some(record) => record::speaks_of(record, version, sealed, vouching),
            None => known.as_ref() == Some(version),
        };
        let note = |version| {
            if let Some(record) = record {
                let (key, said) = (key.clone(), said.clone());
                self.in_sync
                    .note_recorded(key, said, version, record.merged);
            }
        };
        if let Some(seen) = self.observed.secret(key).filter(is_right) {
            note(seen);
            return Ok(true);
        }
        let live = secret_api::get(&self.client, &key.namespace, &key.name).await?;
        let Some(live) = live else { return Ok(false) };
        let version = SecretVersion::of(&live);
        if is_right(&version) {
            note(version);
            return Ok(true);
        }
        Ok(self.in_sync.is_unchanged(key, said, &live))
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
