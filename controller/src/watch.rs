//! What wakes a reconcile: SealedSecrets, the Secrets beside them, and key Secrets.

use std::collections::HashSet;

use futures::future::join_all;
use k8s_openapi::api::core::v1::{ObjectReference, Secret};
use kube::api::PartialObjectMeta;
use kube::{Client, Resource, ResourceExt};

use crate::collection::Collection;
use crate::config::Config;
use crate::event::Events;
use crate::follow::{Change, Followed};
use crate::foreign::UNCLEAR;
use crate::guarded::Guarded;
use crate::key_ring::{KeyRing, is_sealing_key};
use crate::namespaced_name::NamespacedName;
use crate::observed::{Observed, SecretVersion};
use crate::ownership::is_ours;
use crate::queue::{Queue, Urgency};
use crate::scope::Scope;

/// Follows what is in every scope.
pub(crate) async fn scopes(client: &Client, config: &Config, observed: &Observed, queue: &Queue) {
    let follow = async |scope: Scope| {
        scope.exists(client, config, observed).await;
        tracing::info!(namespace = scope.namespace(), "Starting informer");
        tokio::join!(
            sealed_secrets(&scope, client, config, observed, queue),
            secrets(&scope, client, config, observed, queue),
        );
    };
    join_all(Scope::all(config).into_iter().map(follow)).await;
}

/// Follows the SealedSecrets: whatever says something new is reconciled.
async fn sealed_secrets(
    scope: &Scope,
    client: &Client,
    config: &Config,
    observed: &Observed,
    queue: &Queue,
) {
    let watch = scope.of_sealed_secrets();
    let (mut listed, mut failed) = (HashSet::new(), Vec::new());
    let collection = Collection::sealed_secrets(scope, &config.label_selector);
    let mut followed = Followed::<Guarded>::new(client, collection, watch.clone());
    loop {
        match followed.next().await {
            Change::Listing => listed.clear(),
            Change::Listed(object) => {
                let (key, has_failed) = (object.key(), object.has_failed());
                if observed.put(object) {
                    // What failed before goes last: it may be what made us start again.
                    match has_failed {
                        true => failed.push(key.clone()),
                        false => queue.add(key.clone(), Urgency::Backlog),
                    }
                }
                listed.insert(key);
            }
            Change::Complete => {
                let gone = observed.keep_only(scope, &std::mem::take(&mut listed));
                let rest = failed.drain(..).chain(gone);
                rest.for_each(|key| queue.add(key, Urgency::Backlog));
                observed.mark_synced(&watch);
            }
            Change::Changed(object) => {
                let key = object.key();
                match observed.put(object) {
                    true => queue.add(key, Urgency::Fresh),
                    false => {
                        tracing::debug!("sealed-secret" = %key, "update suppressed, no changes in spec");
                    }
                }
            }
            Change::Gone(object) => {
                let key = object.key();
                observed.remove(&key);
                queue.add(key, Urgency::Fresh);
            }
            Change::Refused => {
                // The list broke off; what it brought so far is not lost.
                failed
                    .drain(..)
                    .for_each(|key| queue.add(key, Urgency::Backlog));
                observed.mark_synced(&watch);
            }
        }
    }
}

/// Follows Secrets by name and version only: one that goes is made again, one that others change is
/// looked at.
async fn secrets(
    scope: &Scope,
    client: &Client,
    config: &Config,
    observed: &Observed,
    queue: &Queue,
) {
    let watch = scope.of_secrets();
    if !config.repair {
        observed.mark_synced(&watch);
        return;
    }
    observed.synced(&scope.of_sealed_secrets()).await;
    let mut listed = HashSet::new();
    let collection = Collection::secret_versions(scope);
    let mut followed =
        Followed::<PartialObjectMeta<Secret>>::new(client, collection, watch.clone());
    loop {
        let change = followed.next().await;
        observed.foreign.note(&change);
        match change {
            Change::Listing => listed.clear(),
            Change::Listed(secret) => {
                let name = NamespacedName::of(&secret);
                if observed.put_secret(&name, Some(SecretVersion::of(&secret))) {
                    queue.add(name.clone(), Urgency::Backlog);
                }
                if observed.get(&name).is_some() {
                    listed.insert(name);
                }
            }
            Change::Complete => {
                let listed = std::mem::take(&mut listed);
                let missing = observed.names(scope);
                for name in missing.into_iter().filter(|name| !listed.contains(name)) {
                    let is_news = observed.put_secret(&name, None);
                    let has_failed = observed
                        .get(&name)
                        .is_some_and(|object| object.has_failed());
                    // What failed has no Secret, and is tried again when that can help.
                    if is_news || !has_failed {
                        queue.add(name, Urgency::Backlog);
                    }
                }
                observed.mark_synced(&watch);
            }
            Change::Changed(secret) => {
                let name = NamespacedName::of(&secret);
                if observed.put_secret(&name, Some(SecretVersion::of(&secret))) {
                    queue.add(name, Urgency::Fresh);
                }
            }
            Change::Gone(secret) => {
                let name = NamespacedName::of(&secret);
                observed.put_secret(&name, None);
                match observed.get(&name).map(|object| object.well_formed()) {
                    Some(Ok(sealed)) if is_ours(&sealed, &secret) => {
                        queue.add(name, Urgency::Fresh);
                    }
                    Some(_) => queue.postpone(name, UNCLEAR),
                    None => {}
                }
            }
            Change::Refused => observed.mark_synced(&watch),
        }
    }
}

/// Follows the sealing keys: one that goes is sealed to no more.
pub(crate) async fn keys(client: &Client, config: &Config, keys: &KeyRing) {
    let events = Events::default();
    let mut listed = Vec::new();
    tracing::info!(
        namespace = config.namespace,
        "Searching for existing private keys"
    );
    let collection = Collection::key_secrets(&config.namespace);
    let mut followed = Followed::<Secret>::new(client, collection, "key Secrets".to_owned());
    loop {
        match followed.next().await {
            Change::Listing => listed.clear(),
            Change::Listed(secret) => {
                listed.push(secret.name_any());
                register(&secret, keys, client, &events).await;
            }
            Change::Complete => {
                keys.retire_all_but(&std::mem::take(&mut listed));
                keys.mark_loaded();
            }
            Change::Changed(secret) => register(&secret, keys, client, &events).await,
            Change::Gone(secret) => {
                let secretname = secret.name_any();
                tracing::warn!(
                    secretname,
                    "key Secret is gone: it opens values until the next start, and is sealed to no more"
                );
                keys.retire(&secretname);
            }
            Change::Refused => {}
        }
    }
}

/// A Secret that holds no key is reported on itself; the others serve.
async fn register(secret: &Secret, keys: &KeyRing, client: &Client, events: &Events) {
    if !keys.is_news(secret) {
        return; // it was listed again
    }
    let secretname = secret.name_any();
    match keys.put(secret, is_sealing_key(secret)) {
        Ok(fingerprint) => {
            let fingerprint = fingerprint.short();
            tracing::info!(secretname, fingerprint, "registered private key");
        }
        Err(error) => {
            keys.retire_as_seen(&secretname);
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
