//! One outcome of one object, told once: to its status, as an Event, and to the log.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::api::{DynamicObject, PostParams};
use kube::core::ApiResource;
use kube::{Api, Client, Resource};
use sealing::{SealedSecret, Status};
use serde_json::json;

use crate::apply::Written;
use crate::condition::{self, Verdict};
use crate::error::Error;
use crate::event::Events;
use crate::guarded::Guarded;
use crate::namespaced_name::NamespacedName;

const CONFLICTS: usize = 5;

/// Tells what became of a SealedSecret. Telling it never fails the reconcile itself.
pub(crate) async fn report(
    guarded: &Guarded,
    outcome: &Result<Written, Error>,
    client: &Client,
    events: &Events,
    update_status: bool,
) {
    let verdict = verdict(outcome);
    tell_log(guarded, outcome);
    let is_news = if update_status {
        write_status(guarded, &verdict, client).await.unwrap_or_else(|error| {
            tracing::error!(sealed_secret = %guarded.key(), %error, "Error updating SealedSecret status");
            true
        })
    } else {
        says_more(&guarded.status, &verdict, guarded).is_some()
    };
    if is_news || matches!(outcome, Ok(Written::Created | Written::Replaced)) {
        let (kind, message) = match outcome {
            Ok(_) => ("Normal", "SealedSecret unsealed successfully".to_owned()),
            Err(error) => ("Warning", error.event_message(&guarded.key())),
        };
        events
            .publish(client, &reference(guarded), kind, verdict.reason, &message)
            .await;
    }
}

fn verdict(outcome: &Result<Written, Error>) -> Verdict {
    match outcome {
        Ok(_) => Verdict {
            synced: true,
            reason: "Unsealed",
            message: String::new(),
        },
        Err(error) => Verdict {
            synced: false,
            reason: error.reason(),
            message: error.condition_message(),
        },
    }
}

fn tell_log(guarded: &Guarded, outcome: &Result<Written, Error>) {
    match outcome {
        Ok(Written::Unchanged) => tracing::debug!(key = %guarded.key(), "in sync"),
        Ok(written) => tracing::info!(key = %guarded.key(), secret = ?written, "Updating"),
        Err(error) => tracing::error!(key = %guarded.key(), %error, "Error updating, will retry"),
    }
}

/// The status that says the verdict, if the present one does not.
fn says_more(present: &Status, verdict: &Verdict, guarded: &Guarded) -> Option<Status> {
    condition::next(
        present,
        verdict,
        guarded.metadata.generation,
        Timestamp::now(),
    )
}

/// A PUT of the status, since upstream's role grants no PATCH; false if it says it all already. On a
/// conflict the object has moved on: its present status is read, and the same verdict is put on top.
async fn write_status(
    guarded: &Guarded,
    verdict: &Verdict,
    client: &Client,
) -> Result<bool, kube::Error> {
    let metadata = &guarded.metadata;
    let NamespacedName { name, namespace } = guarded.key();
    let resource = ApiResource::erase::<SealedSecret>(&());
    let objects: Api<DynamicObject> = Api::namespaced_with(client.clone(), &namespace, &resource);
    let mut present = guarded.status.clone();
    let mut version = metadata.resource_version.clone();
    for _ in 0..CONFLICTS {
        let Some(status) = says_more(&present, verdict, guarded) else {
            return Ok(false);
        };
        // The server takes the status of a PUT to it and nothing else.
        let mut body = DynamicObject::new(&name, &resource).within(&namespace);
        body = body.data(json!({ "status": status }));
        body.metadata.resource_version = version;
        body.metadata.uid = metadata.uid.clone();
        match objects
            .replace_status(&name, &PostParams::default(), &body)
            .await
        {
            Err(kube::Error::Api(status)) if status.code == 409 => {
                let object = match objects.get_opt(&name).await? {
                    Some(object) if object.metadata.uid == metadata.uid => object,
                    _ => return Ok(false), // gone, and so is its status
                };
                version = object.metadata.resource_version.clone();
                present = Guarded::from(object).status;
            }
            Err(kube::Error::Api(status)) if status.code == 404 => return Ok(false),
            result => return result.map(|_| true),
        }
    }
    Ok(true)
}

fn reference(guarded: &Guarded) -> ObjectReference {
    ObjectReference {
        api_version: Some(SealedSecret::api_version(&()).into_owned()),
        kind: Some(SealedSecret::kind(&()).into_owned()),
        name: guarded.metadata.name.clone(),
        namespace: guarded.metadata.namespace.clone(),
        uid: guarded.metadata.uid.clone(),
        resource_version: guarded.metadata.resource_version.clone(),
        field_path: None,
    }
}
