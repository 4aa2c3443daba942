//! The status of a SealedSecret: what it should say next. Pure.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use sealing::{Applied, Condition, Status};

/// What the conditions are to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) synced: bool,
    /// One word, for `Ready`.
    pub(crate) reason: &'static str,
    /// One sentence; empty when all is well.
    pub(crate) message: String,
}

/// How a status differs from the present one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// What users read: a condition, or the generation that it speaks of.
    State,
    /// The record alone.
    Record,
}

/// The status after a reconcile of `generation`; none if the present one says it all. Without a new
/// record the old one stays: it may still prove whose the Secret is.
pub(crate) fn next(
    present: &Status,
    verdict: &Verdict,
    record: Option<&Applied>,
    generation: Option<i64>,
    now: Timestamp,
) -> Option<(Status, News)> {
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
    let is_told = present.observed_generation == generation && says(&synced) && says(&ready);
    let applied = record.or(present.applied.as_ref());
    let news = match is_told {
        false => News::State,
        true if applied != present.applied.as_ref() => News::Record,
        true => return None,
    };
    let is_other =
        |condition: &&Condition| condition.type_ != "Synced" && condition.type_ != "Ready";
    let others = present.conditions.iter().filter(is_other).cloned();
    // Upstream's tools read the first condition, whatever its type.
    let conditions = [synced, ready].into_iter().chain(others).collect();
    let status = Status {
        observed_generation: generation,
        conditions,
        applied: applied.cloned(),
    };
    Some((status, news))
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

    fn status(present: &Status, verdict: &Verdict, generation: i64, second: i64) -> Status {
        let next = next(present, verdict, None, Some(generation), at(second));
        next.unwrap().0
    }

    fn after(verdict: &Verdict, generation: i64, second: i64) -> Status {
        status(&Status::default(), verdict, generation, second)
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
        let told = after(&good(), 1, 10);
        assert_eq!(next(&told, &good(), None, Some(1), at(20)), None);
    }

    #[test]
    fn moves_the_update_but_not_the_transition_with_a_new_generation() {
        let status = status(&after(&good(), 1, 10), &good(), 2, 20);
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
        let changed = status(&failed, &bad("two"), 1, 20);
        assert_eq!(changed.conditions[0].message.as_deref(), Some("two"));
        let healed = status(&changed, &good(), 1, 30);
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
        let status = status(&upstream, &good(), 1, 20);
        assert_eq!(status.conditions.len(), 2);
    }

    #[test]
    fn writes_a_new_record_alone_and_keeps_the_old_one_on_failure() {
        let record = Applied {
            generation: 1,
            ..Applied::default()
        };
        let told = after(&good(), 1, 10);
        let (recorded, news) = next(&told, &good(), Some(&record), Some(1), at(20)).unwrap();
        assert_eq!(
            (recorded.applied.as_ref(), news),
            (Some(&record), News::Record)
        );
        assert_eq!(
            next(&recorded, &good(), Some(&record), Some(1), at(30)),
            None
        );
        let failed = status(&recorded, &bad("one"), 1, 40);
        assert_eq!(failed.applied, Some(record));
    }
}
