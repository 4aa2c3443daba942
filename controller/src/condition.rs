//! The status of a SealedSecret: what it should say next. Pure.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use sealing::{Condition, Status};

/// What the conditions are to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) synced: bool,
    /// One word, for `Ready`.
    pub(crate) reason: &'static str,
    /// One sentence; empty when all is well.
    pub(crate) message: String,
}

/// The status after a reconcile of `generation`; none if the present one says it all.
pub(crate) fn next(
    present: &Status,
    verdict: &Verdict,
    generation: Option<i64>,
    now: Timestamp,
) -> Option<Status> {
    let synced = condition("Synced", None, verdict, present, now);
    let ready = condition("Ready", Some(verdict.reason), verdict, present, now);
    let says = |condition: &Condition| {
        let same = |known: &&Condition| {
            (&known.type_, &known.status, &known.reason)
                == (&condition.type_, &condition.status, &condition.reason)
                && known.message.as_deref().unwrap_or_default() == verdict.message
        };
        present.conditions.iter().find(same).is_some()
    };
    if present.observed_generation == generation && says(&synced) && says(&ready) {
        return None;
    }
    let is_other =
        |condition: &&Condition| condition.type_ != "Synced" && condition.type_ != "Ready";
    let others = present.conditions.iter().filter(is_other).cloned();
    // Upstream's tools read the first condition, whatever its type.
    let conditions = [synced, ready].into_iter().chain(others).collect();
    Some(Status {
        observed_generation: generation,
        conditions,
    })
}

fn condition(
    type_: &str,
    reason: Option<&str>,
    verdict: &Verdict,
    present: &Status,
    now: Timestamp,
) -> Condition {
    let status = if verdict.synced { "True" } else { "False" };
    let now = Some(whole_seconds(now));
    let before = present
        .conditions
        .iter()
        .find(|condition| condition.type_ == type_);
    let unflipped = before.filter(|before| before.status == status);
    Condition {
        type_: type_.to_owned(),
        status: status.to_owned(),
        last_update_time: now.clone(),
        last_transition_time: unflipped
            .and_then(|before| before.last_transition_time.clone())
            .or(now),
        reason: reason.map(str::to_owned),
        message: Some(verdict.message.clone()).filter(|message| !message.is_empty()),
    }
}

fn whole_seconds(time: Timestamp) -> Time {
    Time(Timestamp::from_second(time.as_second()).unwrap_or(time))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Verdict {
        Verdict {
            synced: true,
            reason: "Unsealed",
            message: String::new(),
        }
    }

    fn bad(message: &str) -> Verdict {
        Verdict {
            synced: false,
            reason: "ErrUnsealFailed",
            message: message.to_owned(),
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::new(second, 999).unwrap()
    }

    fn after(verdict: &Verdict, generation: i64, second: i64) -> Status {
        next(&Status::default(), verdict, Some(generation), at(second)).unwrap()
    }

    #[test]
    fn writes_synced_first_then_ready() {
        let status = after(&good(), 1, 10);
        let types: Vec<_> = status
            .conditions
            .iter()
            .map(|condition| &*condition.type_)
            .collect();
        assert_eq!(types, ["Synced", "Ready"]);
        assert_eq!(status.conditions[0].reason, None);
        assert_eq!(status.conditions[0].message, None);
        assert_eq!(status.conditions[1].reason.as_deref(), Some("Unsealed"));
        assert_eq!(status.observed_generation, Some(1));
    }

    #[test]
    fn gives_a_new_condition_equal_times_in_whole_seconds() {
        let synced = after(&good(), 1, 10).conditions.remove(0);
        assert_eq!(synced.last_update_time, synced.last_transition_time);
        assert_eq!(
            serde_json::to_value(&synced).unwrap()["lastUpdateTime"],
            "1970-01-01T00:00:10Z"
        );
    }

    #[test]
    fn says_nothing_twice() {
        assert_eq!(next(&after(&good(), 1, 10), &good(), Some(1), at(20)), None);
    }

    #[test]
    fn moves_the_update_but_not_the_transition_with_a_new_generation() {
        let status = next(&after(&good(), 1, 10), &good(), Some(2), at(20)).unwrap();
        let synced = &status.conditions[0];
        assert_eq!(
            synced.last_update_time,
            Some(Time(Timestamp::from_second(20).unwrap()))
        );
        assert_eq!(
            synced.last_transition_time,
            Some(Time(Timestamp::from_second(10).unwrap()))
        );
    }

    /// <https://github.com/bitnami/sealed-secrets/issues/739>
    #[test]
    fn writes_a_changed_message_and_clears_it_on_success() {
        let failed = after(&bad("one"), 1, 10);
        let changed = next(&failed, &bad("two"), Some(1), at(20)).unwrap();
        assert_eq!(changed.conditions[0].message.as_deref(), Some("two"));
        let healed = next(&changed, &good(), Some(1), at(30)).unwrap();
        assert_eq!(healed.conditions[0].message, None);
        assert_eq!(
            healed.conditions[0].last_transition_time,
            Some(Time(Timestamp::from_second(30).unwrap()))
        );
    }

    #[test]
    fn adds_ready_to_what_upstream_wrote() {
        let mut upstream = after(&good(), 1, 10);
        upstream.conditions.truncate(1);
        let status = next(&upstream, &good(), Some(1), at(20)).unwrap();
        assert_eq!(status.conditions.len(), 2);
    }
}
