//! One outcome of one object, told once: to its status, as an Event, and to the log.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::api::DynamicObject;
use kube::core::ApiResource;
use kube::{Api, Client, Resource};
use sealing::SealedSecret;
use serde_json::json;

use crate::apply::Written;
use crate::cluster::{Late, in_time, writing};
use crate::condition::{self, Verdict};
use crate::error::Error;
use crate::event::Events;
use crate::guarded::Guarded;
use crate::namespaced_name::NamespacedName;

const CONFLICTS: usize = 5;

/// Why a status was not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Untold {
    #[error(transparent)]
    Api(#[from] kube::Error),
    #[error(transparent)]
    Late(#[from] Late),
    #[error("somebody else kept writing it")]
    Conflicts,
}

/// Tells what became of a SealedSecret. Only a status that could not be written is worth an error:
/// nobody waits for Events.
pub(crate) async fn report(
    guarded: &Guarded,
    outcome: &Result<Written, Error>,
    client: &Client,
    events: &Events,
    update_status: bool,
) -> Result<(), Untold> {
    let verdict = verdict(outcome);
    tell_log(guarded, outcome);
    let status = if update_status {
        write_status(guarded, &verdict, client).await
    } else {
        Ok(outcome.is_err())
    };
    let is_written = matches!(outcome, Ok(Written::Created | Written::Replaced));
    if is_written || matches!(status, Ok(true)) {
        let (kind, message) = match outcome {
            Ok(_) => ("Normal", "SealedSecret unsealed successfully".to_owned()),
            Err(error) => ("Warning", error.event_message(&guarded.key())),
        };
        events
            .publish(client, &reference(guarded), kind, verdict.reason, &message)
            .await;
    }
    status.map(drop).inspect_err(|error| {
        tracing::error!(sealed_secret = %guarded.key(), %error, "Error updating SealedSecret status");
    })
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
        Err(error) if error.waits_for_a_change() => {
            tracing::error!(key = %guarded.key(), %error, "Error updating, giving up");
        }
        Err(error) => tracing::error!(key = %guarded.key(), %error, "Error updating, will retry"),
    }
}

/// A PUT of the status, since upstream's role grants no PATCH; false if it says it all already. On a
/// conflict the object has moved on: its present status is read, and the same verdict is put on top.
async fn write_status(
    guarded: &Guarded,
    verdict: &Verdict,
    client: &Client,
) -> Result<bool, Untold> {
    let metadata = &guarded.metadata;
    let NamespacedName { name, namespace } = guarded.key();
    let resource = ApiResource::erase::<SealedSecret>(&());
    let objects: Api<DynamicObject> = Api::namespaced_with(client.clone(), &namespace, &resource);
    let mut present = guarded.status.clone();
    let mut version = metadata.resource_version.clone();
    let options = writing();
    for _ in 0..CONFLICTS {
        let Some(status) =
            condition::next(&present, verdict, metadata.generation, Timestamp::now())
        else {
            return Ok(false);
        };
        // The server takes the status of a PUT to it and nothing else.
        let mut body = DynamicObject::new(&name, &resource).within(&namespace);
        body = body.data(json!({ "status": status }));
        body.metadata.resource_version = version;
        body.metadata.uid = metadata.uid.clone();
        let put = objects.replace_status(&name, &options, &body);
        match in_time(put).await? {
            Err(kube::Error::Api(status)) if status.code == 409 => {
                let object = match in_time(objects.get_opt(&name)).await?? {
                    Some(object) if object.metadata.uid == metadata.uid => object,
                    _ => return Ok(false), // gone, and so is its status
                };
                version = object.metadata.resource_version.clone();
                present = Guarded::from(object).status;
            }
            Err(kube::Error::Api(status)) if status.code == 404 => return Ok(false),
            result => return Ok(result.map(|_| true)?),
        }
    }
    Err(Untold::Conflicts)
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
