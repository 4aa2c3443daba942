//! One outcome of one object, told once: to its status, as an Event, to the metrics and to the log.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::{Client, Resource};
use sealing::{Applied, SealedSecret};

use crate::answer;
use crate::apply::Written;
use crate::condition::{self, News, Verdict};
use crate::discretion::is_too_large;
use crate::error::Error;
use crate::event::Events;
use crate::excerpt::{EVENT, STATUS, excerpt};
use crate::guarded::Guarded;
use crate::metrics::Metrics;
use crate::reconcile::Outcome;
use crate::sealed_secret_api;

const CONFLICTS: usize = 5;
/// Upstream's words.
const UNSEALED: &str = "SealedSecret unsealed successfully";
const OWNERS_IGNORED: &str = "template.metadata.ownerReferences are not applied";

/// Why a status was not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Untold {
    #[error(transparent)]
    Api(#[from] answer::Error),
    #[error("somebody else kept writing it")]
    Conflicts,
}

/// Tells outcomes, and knows what was told.
pub(crate) struct Reporter {
    client: Client,
    update_status: bool,
    events: Events,
    metrics: Arc<Metrics>,
    /// Whether a record was seen to stay in a status. Upstream's definition prunes it, and then it is
    /// not worth a write of its own.
    keeps_records: AtomicBool,
}

impl Reporter {
    pub(crate) fn new(client: Client, update_status: bool, metrics: Arc<Metrics>) -> Self {
        Self {
            client,
            update_status,
            metrics,
            events: Events::default(),
            keeps_records: AtomicBool::new(false),
        }
    }

    /// Tells what became of a SealedSecret. Only a status that could not be written is worth an error:
    /// nobody waits for Events.
    pub(crate) async fn report(
        &self,
        guarded: &Guarded,
        outcome: &Result<Outcome, Error>,
    ) -> Result<(), Untold> {
        if let Err(error) = outcome
            && error.is_nobodys()
        {
            tracing::debug!(key = %guarded.key(), %error, "left alone");
            return Ok(());
        }
        let verdict = verdict(guarded, outcome);
        tell_log(guarded, outcome);
        let record = outcome.as_ref().ok().and_then(|done| done.record.as_ref());
        let status = if self.update_status {
            self.write_status(guarded, &verdict, record).await
        } else {
            Ok(outcome.is_err().then_some(News::State))
        };
        self.metrics
            .tell(guarded, outcome.as_ref().err(), status.is_ok());
        let written = outcome.as_ref().map(|done| done.written);
        let is_written = matches!(written, Ok(Written::Created | Written::Replaced));
        if is_written || matches!(status, Ok(Some(News::State))) {
            self.publish(guarded, &verdict, outcome.as_ref().err())
                .await;
        }
        status.map(drop).inspect_err(|error| {
            tracing::error!("sealed-secret" = %guarded.key(), %error, "Error updating SealedSecret status");
        })
    }

    /// An Event of what became of it, and one of what is to be noted.
    async fn publish(&self, guarded: &Guarded, verdict: &Verdict, error: Option<&Error>) {
        let object = reference(guarded);
        let publish = async |kind, reason, message: &str| {
            let events = &self.events;
            events
                .publish(&self.client, &object, kind, reason, message)
                .await;
        };
        match error {
            None => publish("Normal", verdict.reason, UNSEALED).await,
            Some(error) => {
                let message = excerpt(&error.event_message(&guarded.key()), EVENT);
                publish("Warning", verdict.reason, &message).await;
            }
        }
        if let Some(note) = verdict.note {
            publish("Warning", "OwnerReferencesIgnored", note).await;
        }
    }

    /// A PUT of the status, since upstream's role grants no PATCH; none if it says it all already. On a
    /// conflict the object has moved on: its present status is read, and the same verdict is put on top.
    async fn write_status(
        &self,
        guarded: &Guarded,
        verdict: &Verdict,
        record: Option<&Applied>,
    ) -> Result<Option<News>, Untold> {
        let (uid, generation) = (&guarded.metadata().uid, guarded.metadata().generation);
        let mut latest = None;
        for _ in 0..CONFLICTS {
            let seen = latest.as_ref().unwrap_or(guarded);
            let now = Timestamp::now();
            let next = condition::next(&seen.status, verdict, record, generation, now);
            let is_worth_it = |news| {
                let keeps =
                    seen.status.applied.is_some() || self.keeps_records.load(Ordering::Relaxed);
                news == News::State || keeps
            };
            let Some((status, news)) = next.filter(|(_, news)| is_worth_it(*news)) else {
                return Ok(None);
            };
            match sealed_secret_api::replace_status(&self.client, seen, &status).await {
                Err(error) if error.code() == Some(409) => {
                    let there = sealed_secret_api::get(&self.client, &guarded.key()).await?;
                    let there = match there {
                        Some(there) if there.metadata().uid == *uid => there,
                        _ => return Ok(None), // gone, and so is its status
                    };
                    let newest = there.metadata().generation;
                    if condition::is_newer(&there.status, generation, newest) {
                        return Ok(None); // somebody has seen more of it than we have
                    }
                    latest = Some(there);
                }
                Err(error) if error.code() == Some(404) => return Ok(None),
                // Another attempt, which costs as much as the first, would fit no better.
                Err(answer::Error::Api(kube::Error::Api(status))) if is_too_large(&status) => {
                    tracing::error!("sealed-secret" = %guarded.key(), "its status does not fit into the object");
                    return Ok(Some(news));
                }
                written => {
                    if written?.status.applied.is_some() {
                        self.keeps_records.store(true, Ordering::Relaxed);
                    }
                    return Ok(Some(news));
                }
            }
        }
        Err(Untold::Conflicts)
    }
}

fn verdict(guarded: &Guarded, outcome: &Result<Outcome, Error>) -> Verdict {
    match outcome {
        Ok(_) => Verdict {
            synced: true,
            reason: "Unsealed",
            message: String::new(),
            note: names_owners(guarded).then_some(OWNERS_IGNORED),
        },
        Err(error) => Verdict {
            synced: false,
            reason: error.reason(),
            message: excerpt(&error.condition_message(), STATUS),
            note: None,
        },
    }
}

/// Whether the template names owners, which its Secret does not get.
fn names_owners(guarded: &Guarded) -> bool {
    let owners = |sealed: &SealedSecret| {
        let owners = &sealed.spec.template.metadata.owner_references;
        owners.as_ref().is_some_and(|owners| !owners.is_empty())
    };
    guarded.well_formed().is_ok_and(|sealed| owners(&sealed))
}

fn tell_log(guarded: &Guarded, outcome: &Result<Outcome, Error>) {
    match outcome.as_ref().map(|done| done.written) {
        Ok(Written::Unchanged) => tracing::debug!(key = %guarded.key(), "in sync"),
        Ok(written) => tracing::info!(key = %guarded.key(), secret = ?written, "Updating"),
        Err(error) => tracing::error!(key = %guarded.key(), %error, "Error updating, will retry"),
    }
}

fn reference(guarded: &Guarded) -> ObjectReference {
    let metadata = guarded.metadata();
    ObjectReference {
        api_version: Some(SealedSecret::api_version(&()).into_owned()),
        kind: Some(SealedSecret::kind(&()).into_owned()),
        name: metadata.name.clone(),
        namespace: metadata.namespace.clone(),
        uid: metadata.uid.clone(),
        resource_version: metadata.resource_version.clone(),
        field_path: None,
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Mutex;

    use http::{Method, Request, Response};
    use kube::client::Body;
    use serde_json::{Value, json};
    use tower::service_fn;

    use super::*;
    use crate::collection::Lenient;

    /// A server that gives these answers in turn, and keeps what it was asked.
    struct Script {
        client: Client,
        asked: Arc<Mutex<Vec<(Method, Value)>>>,
    }

    impl Script {
        fn new(answers: &[(u16, Value)]) -> Self {
            let asked = Arc::new(Mutex::new(Vec::new()));
            let (kept, answers) = (Arc::clone(&asked), answers.to_vec());
            let service = service_fn(move |request: Request<Body>| {
                let (kept, answers) = (Arc::clone(&kept), answers.clone());
                async move {
                    let method = request.method().clone();
                    let body = request.into_body().collect_bytes().await.unwrap();
                    let body = serde_json::from_slice(&body).unwrap_or_default();
                    let mut kept = kept.lock().unwrap();
                    kept.push((method, body));
                    let (code, answer) = answers[kept.len() - 1].clone();
                    let answer = Body::from(answer.to_string().into_bytes());
                    Ok::<_, Infallible>(Response::builder().status(code).body(answer).unwrap())
                }
            });
            Self {
                client: Client::new(service, "default"),
                asked,
            }
        }

        async fn write_status(&self) -> Result<Option<News>, Untold> {
            let verdict = Verdict {
                synced: true,
                reason: "Unsealed",
                message: String::new(),
                note: None,
            };
            let guarded = Guarded::from_json(&object("1", json!({})).to_string()).unwrap();
            let reporter = Reporter::new(self.client.clone(), true, Arc::new(Metrics::new(false)));
            reporter.write_status(&guarded, &verdict, None).await
        }
    }

    fn object(version: &str, status: Value) -> Value {
        json!({
            "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "status": status,
            "metadata": { "name": "db", "namespace": "shop", "uid": "u", "resourceVersion": version, "generation": 1 },
        })
    }

    fn refusal(code: u16, reason: &str) -> (u16, Value) {
        let status = json!({ "kind": "Status", "status": "Failure", "reason": reason, "message": "no", "code": code });
        (code, status)
    }

    fn answer(version: &str, status: Value) -> (u16, Value) {
        (200, object(version, status))
    }

    #[tokio::test]
    async fn puts_the_same_verdict_on_top_of_what_somebody_else_wrote() {
        let stale =
            json!({ "conditions": [{ "type": "Synced", "status": "False", "message": "stale" }] });
        let answers = [
            refusal(409, "Conflict"),
            answer("7", stale),
            answer("8", json!({})),
        ];
        let script = Script::new(&answers);
        assert_eq!(script.write_status().await.unwrap(), Some(News::State));
        let asked = script.asked.lock().unwrap();
        assert_eq!(
            asked
                .iter()
                .map(|(method, _)| method.as_str())
                .collect::<Vec<_>>(),
            ["PUT", "GET", "PUT"]
        );
        let (_, last) = &asked[2];
        assert_eq!(last["metadata"]["resourceVersion"], "7");
        assert_eq!(last["status"]["conditions"][0]["status"], "True");
    }

    #[tokio::test]
    async fn writes_nothing_where_the_conflict_already_said_it() {
        let conditions = json!([
            { "type": "Synced", "status": "True" },
            { "type": "Ready", "status": "True", "reason": "Unsealed" },
        ]);
        let told = json!({ "observedGeneration": 1, "conditions": conditions });
        let script = Script::new(&[refusal(409, "Conflict"), answer("7", told)]);
        assert_eq!(script.write_status().await.unwrap(), None);
    }

    #[tokio::test]
    async fn writes_nothing_over_what_was_said_of_a_newer_generation() {
        let told = json!({ "observedGeneration": 2, "conditions": [{ "type": "Synced", "status": "False" }] });
        let (code, mut newer) = answer("7", told);
        newer["metadata"]["generation"] = 2.into();
        let script = Script::new(&[refusal(409, "Conflict"), (code, newer)]);
        assert_eq!(script.write_status().await.unwrap(), None);
        let asked = script.asked.lock().unwrap();
        assert!(
            asked
                .iter()
                .map(|(method, _)| method.as_str())
                .eq(["PUT", "GET"])
        );
    }

    /// What failed is not tried again and again only since it cannot be told.
    #[tokio::test]
    async fn gives_a_status_up_for_which_there_is_no_room() {
        let (code, mut full) = refusal(500, "");
        full["message"] = "etcdserver: request is too large".into();
        let script = Script::new(&[(code, full)]);
        assert_eq!(script.write_status().await.unwrap(), Some(News::State));
    }

    #[tokio::test]
    async fn does_not_forget_a_status_that_was_not_written() {
        assert!(
            Script::new(&[refusal(503, "ServiceUnavailable")])
                .write_status()
                .await
                .is_err()
        );
        let conflict = [refusal(409, "Conflict"), answer("2", json!({}))];
        let for_ever: Vec<_> = conflict
            .iter()
            .cycle()
            .take(2 * CONFLICTS)
            .cloned()
            .collect();
        assert!(matches!(
            Script::new(&for_ever).write_status().await,
            Err(Untold::Conflicts)
        ));
    }
}
