//! What wakes a reconcile: SealedSecrets, the Secrets beside them, and key Secrets.

use std::collections::HashSet;
use std::pin::pin;
use std::time::Duration;

use futures::{Stream, StreamExt, stream};
use k8s_openapi::api::core::v1::{ObjectReference, Secret};
use kube::api::{DynamicObject, PartialObjectMeta};
use kube::core::ApiResource;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use sealing::SealedSecret;
use tokio::time::Instant;

use crate::args::Config;
use crate::event::Events;
use crate::guarded::Guarded;
use crate::key_ring::{ACTIVE, KEY_LABEL, KeyRing, is_sealing_key};
use crate::namespaced_name::NamespacedName;
use crate::observed::Observed;
use crate::ownership::is_ours;
use crate::queue::{Queue, Urgency};

/// The pause after a failed watch grows from the first to the second.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(30)];
/// A Secret that was not ours may come back from where it came: it gets this long to do so.
const UNCLEAR: Duration = Duration::from_secs(1);
/// So many failures in a row, and the watch is made anew.
const RENEWED_AFTER: u32 = 3;

/// Follows the SealedSecrets: whatever says something new is reconciled.
pub(crate) async fn sealed_secrets(
    client: &Client,
    config: &Config,
    observed: &Observed,
    queue: &Queue,
) {
    let resource = ApiResource::erase::<SealedSecret>(&());
    let api: Api<DynamicObject> = if config.all_namespaces {
        Api::all_with(client.clone(), &resource)
    } else {
        Api::namespaced_with(client.clone(), &config.namespace, &resource)
    };
    let mut listed = HashSet::new();
    let take = |object: DynamicObject, urgency| {
        let object = Guarded::from(object);
        let key = object.key();
        if observed.put(object) {
            queue.add(key.clone(), urgency);
        }
        key
    };
    let mut changes = pin!(follow("SealedSecrets", || watcher(
        api.clone(),
        watcher::Config::default()
    )));
    while let Some(change) = changes.next().await {
        match change {
            Event::Init => listed.clear(),
            Event::InitApply(object) => _ = listed.insert(take(object, Urgency::Backlog)),
            Event::InitDone => {
                observed
                    .keep_only(&listed)
                    .into_iter()
                    .for_each(|gone| queue.add(gone, Urgency::Backlog));
                observed.mark_sealed_secrets_synced();
            }
            Event::Apply(object) => _ = take(object, Urgency::Fresh),
            Event::Delete(object) => {
                let key = NamespacedName::of(&object);
                observed.remove(&key);
                queue.add(key, Urgency::Fresh);
            }
        }
    }
}

/// Follows Secrets by name only: one that goes is made again.
pub(crate) async fn secrets(client: &Client, config: &Config, observed: &Observed, queue: &Queue) {
    if !config.recreate {
        observed.mark_secrets_synced();
        return std::future::pending().await;
    }
    observed.sealed_secrets_synced().await;
    let api: Api<PartialObjectMeta<Secret>> = if config.all_namespaces {
        Api::all(client.clone())
    } else {
        Api::namespaced(client.clone(), &config.namespace)
    };
    let mut listed = HashSet::new();
    let wake = |key: NamespacedName, urgency| {
        if observed.get(&key).is_some() {
            queue.add(key, urgency);
        }
    };
    let mut changes = pin!(follow("Secrets", || watcher(
        api.clone(),
        watcher::Config::default()
    )));
    while let Some(change) = changes.next().await {
        match change {
            Event::Init => listed.clear(),
            Event::InitApply(secret) => _ = listed.insert(NamespacedName::of(&secret)),
            Event::InitDone => {
                let missing = observed
                    .names()
                    .into_iter()
                    .filter(|key| !listed.contains(key));
                missing.for_each(|key| wake(key, Urgency::Backlog));
                listed.clear();
                observed.mark_secrets_synced();
            }
            // An annotation may have made it ours to write.
            Event::Apply(secret) => queue.retry_if_failed(&NamespacedName::of(&secret)),
            Event::Delete(secret) => {
                let name = NamespacedName::of(&secret);
                match observed.get(&name).map(|object| object.well_formed()) {
                    Some(Ok(sealed)) if is_ours(&sealed, &secret) => {
                        queue.add(name, Urgency::Fresh)
                    }
                    Some(_) => queue.add_after(name, UNCLEAR),
                    None => {}
                }
            }
        }
    }
}

/// Follows the sealing keys. A new one may open what failed; one that goes is sealed to no more.
pub(crate) async fn keys(client: &Client, config: &Config, keys: &KeyRing, queue: &Queue) {
    let api: Api<Secret> = Api::namespaced(client.clone(), &config.namespace);
    let active = watcher::Config::default().labels(&format!("{KEY_LABEL}={ACTIVE}"));
    let events = Events::default();
    let mut listed = Vec::new();
    tracing::info!("Searching for existing private keys");
    let mut changes = pin!(follow("key Secrets", || watcher(
        api.clone(),
        active.clone()
    )));
    while let Some(change) = changes.next().await {
        match change {
            Event::Init => listed.clear(),
            Event::InitApply(secret) => {
                listed.push(secret.name_any());
                register(&secret, keys, client, &events).await;
            }
            Event::InitDone => {
                keys.retire_all_but(&listed);
                keys.mark_loaded();
                queue.retry_failed();
            }
            Event::Apply(secret) => {
                register(&secret, keys, client, &events).await;
                queue.retry_failed();
            }
            Event::Delete(secret) => keys.retire(&secret.name_any()),
        }
    }
}

/// A Secret that holds no key is reported on itself; the others serve.
async fn register(secret: &Secret, keys: &KeyRing, client: &Client, events: &Events) {
    let secretname = secret.name_any();
    match keys.put(secret, is_sealing_key(secret)) {
        Ok(fingerprint) => {
            tracing::info!(
                secretname,
                fingerprint = fingerprint.short(),
                "registered private key"
            );
        }
        Err(error) => {
            keys.retire(&secretname);
            tracing::error!(secretname, %error, "Error reading private key");
            let message = format!("cannot read the sealing key: {error}");
            let reference = ObjectReference {
                api_version: Some("v1".to_owned()),
                kind: Some("Secret".to_owned()),
                ..secret.object_ref(&())
            };
            events
                .publish(client, &reference, "Warning", "ErrKeyInvalid", &message)
                .await;
        }
    }
}

/// Follows a watch for ever. kube's watcher lists again by itself, except when the start of a watch
/// is answered with "gone": then, and after some failures in a row, a new one is made.
fn follow<K, S>(
    what: &'static str,
    start: impl Fn() -> S + Send,
) -> impl Stream<Item = Event<K>> + Send
where
    K: Send,
    S: Stream<Item = watcher::Result<Event<K>>> + Send,
{
    let first = (Box::pin(start()), Failures::default(), start);
    stream::unfold(first, move |(mut events, mut failures, start)| async move {
        loop {
            match events.next().await {
                Some(Ok(event)) => return Some((event, (events, failures, start))),
                Some(Err(error)) => {
                    tracing::warn!("cannot watch {what}: {}", without_answer(&error));
                    tokio::time::sleep(failures.pause()).await;
                    if is_gone(&error) || failures.in_a_row % RENEWED_AFTER == 0 {
                        events = Box::pin(start());
                    }
                }
                None => events = Box::pin(start()),
            }
        }
    })
}

/// Failures in a row. Only time ends the row: a list that goes well before each failing watch does
/// not, or every failure would cost a list.
#[derive(Default)]
struct Failures {
    in_a_row: u32,
    last: Option<Instant>,
}

impl Failures {
    /// Counts a failure, and says how long to wait after it.
    fn pause(&mut self) -> Duration {
        let [shortest, longest] = PAUSES;
        let now = Instant::now();
        let is_new_row = self
            .last
            .is_none_or(|last| now.duration_since(last) > 2 * longest);
        self.in_a_row = if is_new_row {
            1
        } else {
            self.in_a_row.saturating_add(1)
        };
        self.last = Some(now);
        let doublings = self.in_a_row - 1;
        shortest
            .saturating_mul(2_u32.saturating_pow(doublings))
            .min(longest)
    }
}

fn is_gone(error: &watcher::Error) -> bool {
    matches!(error, watcher::Error::WatchStartFailed(kube::Error::Api(status)) if status.code == 410)
}

/// What failed, without the answer's text where it does not decode: it may hold a Secret.
fn without_answer(error: &watcher::Error) -> String {
    use watcher::Error::{InitialListFailed, WatchFailed, WatchStartFailed};
    match error {
        InitialListFailed(source) | WatchStartFailed(source) | WatchFailed(source) => {
            match source {
                kube::Error::Api(status) => status.message.clone(),
                kube::Error::SerdeError(_) => "the API server's answer does not decode".to_owned(),
                source => source.to_string(),
            }
        }
        error => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use kube::core::response::Status;

    use super::*;

    fn gone() -> watcher::Error {
        let status = Status::failure("too old", "Expired").with_code(410);
        watcher::Error::WatchStartFailed(kube::Error::Api(status.boxed()))
    }

    /// A watch whose list goes well and whose start is answered with "gone", for ever.
    fn always_gone() -> impl Stream<Item = watcher::Result<Event<Secret>>> + Send {
        stream::iter([Ok(Event::Init), Ok(Event::InitDone), Err(gone())])
    }

    #[tokio::test(start_paused = true)]
    async fn makes_a_watch_anew_when_its_start_is_gone_but_not_in_a_hurry() {
        let lists = Mutex::new(0);
        let start = || {
            *lists.lock().unwrap() += 1;
            always_gone()
        };
        let mut events = pin!(follow("Secrets", start));
        let follow_it = async { while events.next().await.is_some() {} };
        _ = tokio::time::timeout(Duration::from_secs(600), follow_it).await;
        let lists = *lists.lock().unwrap();
        assert!((20..=30).contains(&lists), "{lists} lists in ten minutes");
    }

    #[test]
    fn begins_anew_after_a_quiet_time() {
        let mut failures = Failures::default();
        let pauses = [failures.pause(), failures.pause(), failures.pause()];
        assert_eq!(pauses.map(|pause| pause.as_millis()), [500, 1000, 2000]);
        failures.last = failures
            .last
            .and_then(|last| last.checked_sub(Duration::from_secs(61)));
        assert_eq!(failures.pause().as_millis(), 500);
    }
}
