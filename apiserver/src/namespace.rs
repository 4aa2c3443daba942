//! Namespaces: nothing is created outside of one, and one that is deleted takes along what is in it.

use serde_json::Value;

use crate::cluster::{Call, Cluster};
use crate::delete;
use crate::resource::Key;
use crate::status::Status;
use crate::store::{Place, State};

/// Namespaces that cannot be deleted.
pub(crate) const PERMANENT: &[&str] = &["default", "kube-system", "kube-public"];

pub(crate) fn key() -> Key {
    Key::from("namespaces")
}

pub(crate) fn place(name: &str) -> Place {
    (String::new(), name.to_owned())
}

/// Whether the namespace of a new object takes it.
pub(crate) fn check_open(call: &Call<'_>, state: &State, name: &str) -> Result<(), Status> {
    if !call.resource.namespaced {
        return Ok(());
    }
    match state.get(&key(), &place(&call.namespace)) {
        Some(namespace) if is_going(&namespace) => {
            Err(Status::terminating(&call.resource, name, &call.namespace))
        }
        Some(_) => Ok(()),
        None => {
            let namespaces = call
                .cluster
                .registry
                .find("", "v1", "namespaces")
                .ok_or_else(Status::no_such_path)?;
            Err(Status::not_found(&namespaces, &call.namespace))
        }
    }
}

fn is_going(namespace: &Value) -> bool {
    namespace["metadata"].get("deletionTimestamp").is_some()
}

/// Empties the namespaces that are being deleted, and lets the empty ones go.
pub(crate) fn settle(cluster: &Cluster) {
    let key = key();
    cluster.store.transact(|state| {
        let going = state.all(&key).filter(|(_, namespace)| is_going(namespace));
        let going: Vec<Place> = going.map(|(place, _)| place.clone()).collect();
        for namespace in going {
            if is_empty_after_deletes(cluster, state, &namespace.1)
                && !has_finalizers(state, &namespace)
            {
                state.remove(&key, &namespace);
            }
        }
    });
}

fn is_empty_after_deletes(cluster: &Cluster, state: &mut State, namespace: &str) -> bool {
    let mut is_empty = true;
    for key in state.keys() {
        let within = state.all(&key).filter(|(place, _)| place.0 == namespace);
        let places: Vec<Place> = within.map(|(place, _)| place.clone()).collect();
        let Some(resource) = cluster.registry.of_key(&key) else {
            continue;
        };
        for place in places {
            is_empty &= delete::begin(&cluster.registry, state, &resource, &place)
                .is_none_or(|outcome| outcome.is_gone);
        }
    }
    is_empty
}

fn has_finalizers(state: &State, namespace: &Place) -> bool {
    state
        .get(&key(), namespace)
        .is_some_and(|namespace| namespace["metadata"].get("finalizers").is_some())
}
