//! Garbage collection: an object whose owners are all gone goes too.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use serde_json::Value;

use crate::cluster::Cluster;
use crate::delete;
use crate::resource::{Key, Registry};
use crate::store::{Place, State};

/// Finalizers for the garbage collector: free the dependents first, or delete them first.
pub(crate) const ORPHAN: &str = "orphan";
pub(crate) const FOREGROUND: &str = "foregroundDeletion";

#[derive(Debug, Clone, Copy, PartialEq)]
enum Owner {
    Alive,
    Gone,
    /// Of a kind nobody serves, or out of reach of its dependent; such an owner is never missed.
    Unknown,
}

/// Looks at what happened since `seen`: at dependents that were written, and at those of whatever is gone.
pub(crate) fn settle(cluster: &Cluster, seen: &mut u64) {
    cluster.store.transact(|state| {
        let Ok(changes) = state.changes_after(*seen) else {
            *seen = state.version();
            return collect(&cluster.registry, state, all_dependents(state));
        };
        *seen = state.version();
        let (gone, written): (Vec<_>, Vec<_>) = changes.iter().partition(|change| change.deleted);
        let mut suspects: BTreeSet<(Key, Place)> = written
            .iter()
            .filter(|change| has_owners(&change.object))
            .map(|change| (change.key.clone(), change.place.clone()))
            .collect();
        let gone: HashSet<&str> = gone
            .iter()
            .filter_map(|change| change.object["metadata"]["uid"].as_str())
            .collect();
        if !gone.is_empty() {
            suspects.extend(dependents_of(state, |uid| gone.contains(uid)));
        }
        collect(&cluster.registry, state, suspects);
        release(&cluster.registry, state);
    });
}

/// Looks at every dependent.
pub(crate) fn collect_all(cluster: &Cluster) {
    cluster
        .store
        .transact(|state| collect(&cluster.registry, state, all_dependents(state)));
}

/// Holds an object until the garbage collector has done what the finalizer stands for.
pub(crate) fn hold(object: &mut Value, finalizer: &str) {
    let metadata = &mut object["metadata"];
    if !metadata["finalizers"].is_array() {
        metadata["finalizers"] = Value::Array(Vec::new());
    }
    if let Some(finalizers) = metadata["finalizers"].as_array_mut()
        && !finalizers.iter().any(|known| known == finalizer)
    {
        finalizers.push(finalizer.into());
    }
}

/// Does what the finalizers of going owners stand for, and lets the owners go.
fn release(registry: &Registry, state: &mut State) {
    for key in state.keys() {
        let held = state.all(&key).filter(|(_, object)| {
            object["metadata"].get("deletionTimestamp").is_some()
                && (is_held_by(object, ORPHAN) || is_held_by(object, FOREGROUND))
        });
        let held: Vec<(Place, Arc<Value>)> = held
            .map(|(place, object)| (place.clone(), object.clone()))
            .collect();
        for (place, object) in held {
            let uid = &object["metadata"]["uid"];
            if is_held_by(&object, ORPHAN) {
                orphan(state, uid);
            } else if !is_last(registry, state, uid) {
                continue;
            }
            let_go(state, &key, &place);
        }
    }
}

fn is_held_by(object: &Value, finalizer: &str) -> bool {
    let finalizers = object["metadata"]["finalizers"].as_array();
    finalizers.is_some_and(|known| known.iter().any(|known| known == finalizer))
}

/// Deletes the dependents of an owner; true once none is left that blocks it.
fn is_last(registry: &Registry, state: &mut State, owner: &Value) -> bool {
    let mut is_last = true;
    for (key, place) in dependents_of(state, |uid| owner == uid) {
        let Some(object) = state.get(&key, &place) else {
            continue;
        };
        let blocks = owners(&object)
            .any(|reference| reference["uid"] == *owner && reference["blockOwnerDeletion"] == true);
        if let Some(resource) = registry.of_key(&key) {
            let outcome = delete::begin(registry, state, &resource, &place);
            is_last &= !blocks || outcome.is_none_or(|outcome| outcome.is_gone);
        }
    }
    is_last
}

fn let_go(state: &mut State, key: &Key, place: &Place) {
    let Some(object) = state.get(key, place) else {
        return;
    };
    let mut object: Value = Arc::unwrap_or_clone(object);
    if let Some(finalizers) = object["metadata"]["finalizers"].as_array_mut() {
        finalizers.retain(|known| known != ORPHAN && known != FOREGROUND);
        if finalizers.is_empty() {
            state.remove(key, place);
            return;
        }
    }
    state.put(key, place, object);
}

/// Frees the dependents of an owner, so that they survive it.
fn orphan(state: &mut State, owner: &Value) {
    for (key, place) in dependents_of(state, |uid| owner == uid) {
        disown(state, &key, &place, |reference| reference["uid"] == *owner);
    }
}

fn has_owners(object: &Value) -> bool {
    object["metadata"].get("ownerReferences").is_some()
}

fn owners(object: &Value) -> impl Iterator<Item = &Value> {
    object["metadata"]["ownerReferences"]
        .as_array()
        .into_iter()
        .flatten()
}

fn all_dependents(state: &State) -> BTreeSet<(Key, Place)> {
    dependents_of(state, |_| true)
}

fn dependents_of(state: &State, is_owner: impl Fn(&str) -> bool) -> BTreeSet<(Key, Place)> {
    let mut dependents = BTreeSet::new();
    for key in state.keys() {
        let owned = state.all(&key).filter(|(_, object)| {
            owners(object).any(|owner| owner["uid"].as_str().is_some_and(&is_owner))
        });
        dependents.extend(owned.map(|(place, _)| (key.clone(), place.clone())));
    }
    dependents
}

fn collect(registry: &Registry, state: &mut State, suspects: BTreeSet<(Key, Place)>) {
    for (key, place) in suspects {
        let (Some(object), Some(resource)) = (state.get(&key, &place), registry.of_key(&key))
        else {
            continue;
        };
        let judged: Vec<Owner> = owners(&object)
            .map(|owner| judge(registry, state, owner, &place))
            .collect();
        if judged.is_empty() || !judged.contains(&Owner::Gone) {
            continue;
        }
        if judged.iter().all(|owner| *owner == Owner::Gone) {
            delete::begin(registry, state, &resource, &place);
        } else {
            let gone: Vec<Value> = owners(&object)
                .zip(&judged)
                .filter(|(_, owner)| **owner == Owner::Gone)
                .map(|(owner, _)| owner.clone())
                .collect();
            disown(state, &key, &place, |reference| gone.contains(reference));
        }
    }
}

fn judge(registry: &Registry, state: &State, owner: &Value, dependent: &Place) -> Owner {
    let text = |key: &str| owner[key].as_str().unwrap_or_default();
    let group = text("apiVersion")
        .split_once('/')
        .map_or("", |(group, _)| group);
    let Some(resource) = registry.of_group_kind(group, text("kind")) else {
        return Owner::Unknown;
    };
    if resource.namespaced && dependent.0.is_empty() {
        return Owner::Unknown;
    }
    let namespace = if resource.namespaced {
        dependent.0.clone()
    } else {
        String::new()
    };
    match state.get(&resource.key(), &(namespace, text("name").to_owned())) {
        Some(found) if found["metadata"]["uid"] == owner["uid"] => Owner::Alive,
        _ => Owner::Gone,
    }
}

/// Removes references from an object.
fn disown(state: &mut State, key: &Key, place: &Place, is_unwanted: impl Fn(&Value) -> bool) {
    let Some(object) = state.get(key, place) else {
        return;
    };
    let mut object: Value = Arc::unwrap_or_clone(object);
    let Some(metadata) = object["metadata"].as_object_mut() else {
        return;
    };
    if let Some(Value::Array(references)) = metadata.get_mut("ownerReferences") {
        references.retain(|reference| !is_unwanted(reference));
        if references.is_empty() {
            metadata.remove("ownerReferences");
        }
    }
    state.put(key, place, object);
}
