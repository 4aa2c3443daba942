//! What can fail in a reconcile, what it is called, and whether time can help.

use std::fmt::{self, Display};
use std::time::Duration;

use sealing::{Causes, Malformed};

use crate::foreign::JustGone;
use crate::key_ring::KEY_LABEL;
use crate::namespaced_name::NamespacedName;
use crate::pause::doubled;
use crate::{apply, metrics, pace, refusal, secret_api};

const QUICKEST: Duration = Duration::from_millis(5);
pub(crate) const SLOWEST: Duration = Duration::from_secs(300);

/// Why one SealedSecret is not in sync.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("{}", with_causes(.0, .1))]
    Unseal(sealing::Error, Causes),
    #[error("using deprecated 'data' field, use 'encryptedData' or flip the feature flag")]
    Deprecated,
    #[error("unsealing was interrupted")]
    Interrupted(#[from] tokio::task::JoinError),
    /// It would make a sealing key out of a value that anybody may have chosen.
    #[error("cannot make a sealing key: the label `{KEY_LABEL}` is reserved in this namespace")]
    ReservedLabel,
    /// It would take the place of a sealing key.
    #[error(
        "cannot make a Secret whose name begins with `{0}`: reserved for sealing keys in this namespace"
    )]
    ReservedName(String),
    #[error("cannot make a Secret of type `{0}`: forbidden by --forbidden-types")]
    ForbiddenType(String),
    #[error("cannot put `{0}` on a Secret: forbidden by --forbidden-metadata")]
    ForbiddenMetadata(String),
    #[error(transparent)]
    Apply(apply::Error),
    #[error(transparent)]
    JustGone(#[from] JustGone),
    /// The API server did not let us see what there is.
    #[error(transparent)]
    Fetch(#[from] secret_api::Error),
    /// It did not let us write.
    #[error(transparent)]
    Api(secret_api::Error),
}

impl From<apply::Error> for Error {
    fn from(error: apply::Error) -> Self {
        match error {
            apply::Error::Api(error) => Self::Api(error),
            error => Self::Apply(error),
        }
    }
}

impl Error {
    /// The one word for this failure: of the Event and of the condition `Ready`. Upstream's words,
    /// since dashboards match them.
    pub(crate) fn reason(&self) -> &'static str {
        if self.is_about_unsealing() {
            "ErrUnsealFailed"
        } else {
            "ErrUpdateFailed"
        }
    }

    /// The word of `unseal_errors_total` for this failure, as dashboards know it.
    pub(crate) fn metric_reason(&self) -> &'static str {
        match self {
            Self::Fetch(_) => metrics::FETCH,
            Self::Apply(apply::Error::NotOwned(_)) => "unmanaged",
            _ if self.is_about_unsealing() => "unseal",
            _ => "update",
        }
    }

    /// The sentence of the Event on this object.
    pub(crate) fn event_message<'a>(&'a self, object: &'a NamespacedName) -> impl Display + 'a {
        fmt::from_fn(move |f| match self {
            Self::Apply(apply::Error::Immutable) => {
                write!(f, "Error updating {object}: {IMMUTABLE_HELP}")
            }
            _ if self.is_about_unsealing() => write!(f, "Failed to unseal: {self}"),
            _ => write!(f, "{self}"),
        })
    }

    /// The sentence of the condition.
    pub(crate) fn condition_message(&self) -> impl Display {
        fmt::from_fn(move |f| match self {
            Self::Apply(error @ apply::Error::NotOwned(_)) => write!(f, "failed update: {error}"),
            _ => write!(f, "{self}"),
        })
    }

    /// Whether this is nobody's failure, and not worth telling: a moment that passes, or the end of the
    /// namespace.
    pub(crate) fn is_nobodys(&self) -> bool {
        matches!(self, Self::JustGone(_)) || self.is_the_end_of_its_namespace()
    }

    /// Whether the namespace of the object is being deleted.
    fn is_the_end_of_its_namespace(&self) -> bool {
        let (Self::Api(error) | Self::Fetch(error)) = self else {
            return false;
        };
        let secret_api::Error::Api(kube::Error::Api(status)) = error else {
            return false;
        };
        refusal::is_the_end_of_a_namespace(status)
    }

    /// When to try again after this many failures in a row; none if only a change can help, which
    /// wakes the object anyway: an edit, a new key, another Secret.
    pub(crate) fn retry(&self, failures: u32, quick_retries: u32) -> Option<Duration> {
        match self {
            Self::Malformed(_) | Self::Deprecated => None,
            Self::ReservedLabel | Self::ReservedName(_) => None,
            Self::ForbiddenType(_) | Self::ForbiddenMetadata(_) => None,
            Self::Apply(apply::Error::Immutable | apply::Error::Type { .. }) => None,
            Self::Unseal(..) => None,
            _ if self.is_the_end_of_its_namespace() => None,
            Self::JustGone(gone) => Some(gone.left),
            Self::Apply(apply::Error::Contended) => Some(pace::PERIOD),
            Self::Apply(_) => Some(backoff(failures, 0)),
            _ => Some(backoff(failures, quick_retries)),
        }
    }

    fn is_about_unsealing(&self) -> bool {
        matches!(
            self,
            Self::Malformed(_) | Self::Unseal(..) | Self::Deprecated | Self::Interrupted(_)
        )
    }
}

/// Upstream's text is the beginning.
fn with_causes(error: &sealing::Error, causes: &Causes) -> impl Display {
    fmt::from_fn(move |f| match causes.is_empty() {
        true => write!(f, "{error}"),
        false => write!(f, "{error}; {causes}"),
    })
}

/// A few quick attempts outlast a hiccup; after them attempts slow down, but never end.
pub(crate) fn backoff(failures: u32, quick_retries: u32) -> Duration {
    let (shortest, doublings) = if failures <= quick_retries {
        (QUICKEST, failures.saturating_sub(1))
    } else {
        (Duration::from_secs(1), failures - quick_retries - 1)
    };
    doubled([shortest, SLOWEST], doublings)
}

const IMMUTABLE_HELP: &str = "the target Secret is immutable. Once a Secret is marked as immutable, \
    it is not possible to revert this change nor to mutate the contents of the data field. \
    You can only delete and recreate the Secret.";

#[cfg(test)]
mod tests {
    use super::*;

    fn unreadable() -> Error {
        Error::Api(secret_api::Error::Answer)
    }

    #[test]
    fn retries_quickly_a_few_times_and_then_ever_more_slowly() {
        let delays: Vec<_> = [1, 2, 5, 6, 7, 40]
            .map(|failures| unreadable().retry(failures, 5).unwrap().as_millis())
            .into();
        assert_eq!(delays, [5, 10, 80, 1000, 2000, 300_000]);
    }

    #[test]
    fn does_not_hurry_where_another_owner_has_to_go_first() {
        let error = Error::Apply(apply::Error::NotOwned("db".into()));
        assert_eq!(error.retry(1, 5), Some(Duration::from_secs(1)));
    }

    #[test]
    fn waits_for_a_change_of_a_malformed_object() {
        let object = serde_json::json!({ "spec": 1 });
        let error = Error::Malformed(sealing::SealedSecret::from_value(&object).unwrap_err());
        assert_eq!(error.retry(1, 5), None);
    }

    #[test]
    fn waits_for_a_key_or_an_edit_where_nothing_else_can_help() {
        for error in [sealing::Error::DeprecatedBlob, sealing::Error::NotRendered] {
            assert_eq!(Error::Unseal(error, Causes::default()).retry(1, 5), None);
        }
        assert_eq!(Error::Apply(apply::Error::Immutable).retry(1, 5), None);
    }

    #[test]
    fn sees_the_end_of_a_namespace_and_waits_for_nothing() {
        let status = serde_json::from_value(serde_json::json!({
            "status": "Failure", "code": 403, "reason": "Forbidden", "message": "it is being terminated",
            "details": { "causes": [{ "reason": "NamespaceTerminating", "field": "metadata.namespace" }] },
        }))
        .unwrap();
        let error = Error::Api(kube::Error::Api(status).into());
        assert!(error.is_the_end_of_its_namespace());
        assert_eq!(error.retry(1, 5), None);
    }

    #[test]
    fn tells_no_text_of_a_refusal_that_may_quote_a_value() {
        let status = serde_json::from_value(serde_json::json!({
            "status": "Failure", "code": 422, "reason": "Invalid", "message": "Secret \"db\" is invalid: data[a]: Invalid value: \"s3cret\"",
            "details": { "causes": [{ "reason": "FieldValueInvalid", "message": "s3cret", "field": "data[a]" }] },
        }))
        .unwrap();
        let error = Error::Api(kube::Error::Api(status).into());
        assert_eq!(
            error.condition_message().to_string(),
            "the Secret is invalid: data[a]: FieldValueInvalid"
        );
    }
}
