//! What is told of an object whose templates were rendered, and when. Whoever may edit its templates can have them
//! ask for its values: so one thing is told, whether they made a Secret, and at a time that depends on nothing.

use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::core::Status;
use sealing::Causes;
use tokio::time::{Instant, sleep_until};

use crate::error::Error;
use crate::ownership::Right;
use crate::{apply, secret_api};

/// Rendering is over by then, whatever it does: its budget ends after two seconds, and is looked at now and then.
const TOLD_AFTER: Duration = Duration::from_millis(2500);

/// When templates were rendered, and for how long.
pub(crate) struct Rendering {
    began: Instant,
    pub(crate) took: Duration,
}

impl Rendering {
    /// It began then, and has ended now.
    pub(crate) fn since(began: Instant) -> Self {
        Self {
            began,
            took: began.elapsed(),
        }
    }

    /// Waits until it may be told what became of it.
    pub(crate) async fn may_be_told(&self) {
        sleep_until(self.began + TOLD_AFTER).await;
    }
}

/// The failure of an object whose templates were rendered. What the API server finds wrong with its data, or too large,
/// it finds in what they made.
pub(crate) fn discreet(error: Error) -> Error {
    match &error {
        Error::Api(secret_api::Error::Api(kube::Error::Api(status)))
            if is_of_data(status) || is_too_large(status) =>
        {
            not_rendered()
        }
        _ => error,
    }
}

fn is_of_data(status: &Status) -> bool {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let mut fields = causes.map(|cause| &cause.field);
    status.reason == "Invalid" && fields.any(|field| field.starts_with("data"))
}

/// Whether an API server, or etcd behind it, has no room for an object of this size.
pub(crate) fn is_too_large(status: &Status) -> bool {
    status.code == 413 || status.message.contains("request is too large")
}

/// The failure of an object whose templates could not be rendered: where the Secret that is there could refuse what they
/// make, it would be told as that; so it is in any case.
pub(crate) fn instead_of_not_rendered(right: &Right, live: Option<&Secret>) -> Error {
    match live {
        Some(live) if *right == Right::Look => {
            let name = live.metadata.name.clone().unwrap_or_default();
            apply::Error::NotOwned(name).into()
        }
        Some(live) if live.immutable == Some(true) => apply::Error::Immutable.into(),
        _ => not_rendered(),
    }
}

fn not_rendered() -> Error {
    Error::Unseal(sealing::Error::NotRendered, Causes::default())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn secret(rest: Value) -> Secret {
        let mut secret = rest;
        secret["metadata"] = json!({ "name": "db" });
        serde_json::from_value(secret).unwrap()
    }

    fn refusal(reason: &str, field: &str) -> Error {
        let status = serde_json::from_value(json!({
            "status": "Failure", "code": 422, "reason": reason, "message": "no",
            "details": { "causes": [{ "reason": "FieldValueInvalid", "field": field }] },
        }))
        .unwrap();
        Error::Api(kube::Error::Api(status).into())
    }

    #[test]
    fn says_of_data_that_is_refused_what_it_says_of_templates_that_fail() {
        let told = |reason, field| {
            discreet(refusal(reason, field))
                .condition_message()
                .to_string()
        };
        let text = "template: cannot be rendered";
        assert_eq!(told("Invalid", "data[.dockerconfigjson]"), text);
        assert_eq!(told("Invalid", "data"), text);
        assert_ne!(told("Invalid", "metadata.labels"), text);
        let status = Status::failure("etcdserver: request is too large", "").with_code(500);
        let error = Error::Api(kube::Error::Api(status.boxed()).into());
        assert_eq!(discreet(error).condition_message().to_string(), text);
        assert_ne!(told("Forbidden", "data"), text);
    }

    #[test]
    fn says_the_same_of_a_secret_in_the_way_whether_templates_fail_or_not() {
        let told = |right, live: Option<Value>| {
            let live = live.map(secret);
            let error = instead_of_not_rendered(&right, live.as_ref());
            error.condition_message().to_string()
        };
        let frozen = Some(json!({ "immutable": true }));
        assert!(told(Right::Look, Some(json!({}))).contains("not managed by SealedSecret"));
        assert!(told(Right::Replace, frozen).contains("field is immutable"));
        let text = "template: cannot be rendered";
        assert_eq!(told(Right::Replace, Some(json!({}))), text);
        assert_eq!(told(Right::Create, None), text);
    }

    #[tokio::test(start_paused = true)]
    async fn tells_at_the_same_time_however_long_it_took() {
        for took in [0, 1, 1999] {
            let began = Instant::now();
            tokio::time::advance(Duration::from_millis(took)).await;
            Rendering::since(began).may_be_told().await;
            assert_eq!(began.elapsed(), TOLD_AFTER);
        }
    }
}
