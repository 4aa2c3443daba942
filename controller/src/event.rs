//! Events: core/v1, because upstream's role grants no others; a repeated one counts up.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::json;

use crate::cluster::{in_time, writing};
use crate::excerpt::{EVENT, excerpt};

const COMPONENT: &str = "sealed-secrets";
/// The longest name that the API server takes.
const NAME: usize = 253;
/// So many different Events are remembered; beyond that counting starts anew.
const REMEMBERED: usize = 4096;

/// The Events that this process has published, so that an equal one counts up.
#[derive(Default)]
pub(crate) struct Events {
    published: Mutex<HashMap<Sameness, Published>>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Sameness {
    uid: Option<String>,
    reason: &'static str,
    message: u64,
}

#[derive(Clone)]
struct Published {
    name: String,
    count: i32,
}

impl Events {
    /// Publishes an Event on an object. Nobody waits for Events: a failure is logged and forgotten.
    pub(crate) async fn publish(
        &self,
        client: &Client,
        object: &ObjectReference,
        kind: &str,
        reason: &'static str,
        message: &str,
    ) {
        let message = &excerpt(&message, EVENT);
        tracing::info!("{}", line(object, kind, reason, message));
        let namespace = object.namespace.clone().unwrap_or_default();
        let events: Api<Event> = Api::namespaced(client.clone(), &namespace);
        let sameness = Sameness {
            uid: object.uid.clone(),
            reason,
            message: hash_of(message),
        };
        let now = Time(Timestamp::now());
        if let Some(known) = self.counted_up(&sameness) {
            let patch = Patch::Merge(json!({ "count": known.count, "lastTimestamp": now }));
            let options = PatchParams::default();
            let patched = in_time(events.patch(&known.name, &options, &patch)).await;
            if matches!(patched, Ok(Ok(_))) {
                return;
            }
        }
        let name = name(object.name.as_deref().unwrap_or_default(), now.0);
        let event = Event {
            metadata: ObjectMeta {
                name: Some(name.clone()),
                namespace: Some(namespace),
                ..ObjectMeta::default()
            },
            involved_object: object.clone(),
            type_: Some(kind.to_owned()),
            reason: Some(reason.to_owned()),
            message: Some(message.clone()),
            source: Some(EventSource {
                component: Some(COMPONENT.to_owned()),
                host: None,
            }),
            reporting_component: Some(COMPONENT.to_owned()),
            first_timestamp: Some(now.clone()),
            last_timestamp: Some(now),
            count: Some(1),
            ..Event::default()
        };
        match in_time(events.create(&writing(), &event)).await {
            Ok(Ok(_)) => self.remember(sameness, Published { name, count: 1 }),
            Ok(Err(error)) => tracing::warn!(reason, %error, "cannot publish an Event"),
            Err(error) => tracing::warn!(reason, %error, "cannot publish an Event"),
        }
    }

    fn counted_up(&self, sameness: &Sameness) -> Option<Published> {
        let mut published = self
            .published
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let known = published.get_mut(sameness)?;
        known.count = known.count.saturating_add(1);
        Some(known.clone())
    }

    fn remember(&self, sameness: Sameness, event: Published) {
        let mut published = self
            .published
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if published.len() >= REMEMBERED {
            published.clear();
        }
        published.insert(sameness, event);
    }
}

/// As client-go names it; the longest name of an object leaves no room for more.
fn name(of: &str, now: Timestamp) -> String {
    let instant = format!(".{:x}", now.as_nanosecond());
    let of = &of[..of.floor_char_boundary(NAME - instant.len())];
    format!("{}{instant}", of.trim_end_matches(['.', '-']))
}

/// An Event as upstream logs it.
fn line(object: &ObjectReference, kind: &str, reason: &str, message: &str) -> String {
    let [namespace, name, uid, api_version, resource_version, of_kind] = [
        &object.namespace,
        &object.name,
        &object.uid,
        &object.api_version,
        &object.resource_version,
        &object.kind,
    ]
    .map(|part| part.as_deref().unwrap_or_default());
    format!(
        "Event(v1.ObjectReference{{Kind:{of_kind:?}, Namespace:{namespace:?}, Name:{name:?}, UID:{uid:?}, \
        APIVersion:{api_version:?}, ResourceVersion:{resource_version:?}, FieldPath:\"\"}}): \
        type: '{kind}' reason: '{reason}' {message}"
    )
}

/// Messages are long, and only their sameness counts.
fn hash_of(message: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    message.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_an_event_after_its_object_as_far_as_there_is_room() {
        let now = Timestamp::from_nanosecond(0x1234).unwrap();
        assert_eq!(name("db", now), "db.1234");
        let long = format!("{}.{}", "a".repeat(247), "b".repeat(5));
        let name = name(&long, now);
        assert_eq!(name, format!("{}.1234", "a".repeat(247)));
    }

    #[test]
    fn logs_an_event_as_upstream_does() {
        let object = ObjectReference {
            kind: Some("SealedSecret".to_owned()),
            namespace: Some("shop".to_owned()),
            name: Some("db".to_owned()),
            uid: Some("u".to_owned()),
            api_version: Some("bitnami.com/v1alpha1".to_owned()),
            resource_version: Some("7".to_owned()),
            field_path: None,
        };
        assert_eq!(
            line(
                &object,
                "Normal",
                "Unsealed",
                "SealedSecret unsealed successfully"
            ),
            "Event(v1.ObjectReference{Kind:\"SealedSecret\", Namespace:\"shop\", Name:\"db\", UID:\"u\", \
            APIVersion:\"bitnami.com/v1alpha1\", ResourceVersion:\"7\", FieldPath:\"\"}): \
            type: 'Normal' reason: 'Unsealed' SealedSecret unsealed successfully"
        );
    }
}
