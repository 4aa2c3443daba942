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
    /// What is worth knowing although all is well; it stands beside `Ready`, since upstream's tools take the
    /// message of the first condition for a failure.
    pub(crate) note: Option<&'static str>,
}

impl Verdict {
    fn message_of_ready(&self) -> &str {
        self.note.unwrap_or(&self.message)
    }
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
    let new = |type_, reason, message| condition(type_, reason, message, verdict, present, now);
    let synced = new("Synced", None, &verdict.message);
    let ready = new("Ready", Some(verdict.reason), verdict.message_of_ready());
    let says = |condition: &Condition| {
        let timeless = |of: &Condition| Condition {
            message: of.message.clone().filter(|message| !message.is_empty()),
            last_update_time: None,
            last_transition_time: None,
            ..of.clone()
        };
        let mut known = present.conditions.iter();
        known.any(|known| timeless(known) == timeless(condition))
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

/// Whether a status speaks of a newer generation than ours, up to the latest one there is: then ours would
/// say less.
pub(crate) fn is_newer(present: &Status, ours: Option<i64>, latest: Option<i64>) -> bool {
    let observed = present.observed_generation;
    observed > ours && observed <= latest
}

fn condition(
    type_: &str,
    reason: Option<&str>,
    message: &str,
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
        message: Some(message.to_owned()).filter(|message| !message.is_empty()),
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
            note: None,
        }
    }

    fn bad(message: &str) -> Verdict {
        Verdict {
            synced: false,
            reason: "ErrUnsealFailed",
            message: message.to_owned(),
            note: None,
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
    fn notes_beside_ready_what_is_no_failure() {
        let note = Some("a part is not applied");
        let noted = Verdict { note, ..good() };
        let status = after(&noted, 1, 10);
        assert_eq!(status.conditions[0].message, None);
        assert_eq!(status.conditions[1].status, "True");
        assert_eq!(status.conditions[1].message.as_deref(), note);
        assert_eq!(next(&status, &noted, None, Some(1), at(20)), None);
        assert!(next(&status, &good(), None, Some(1), at(20)).is_some());
    }

    #[test]
    fn sees_that_a_status_speaks_of_a_newer_generation() {
        let observed = |generation| Status {
            observed_generation: generation,
            ..Status::default()
        };
        let is_newer = |of, latest| is_newer(&observed(of), Some(2), Some(latest));
        assert!(is_newer(Some(3), 3) && is_newer(Some(3), 4));
        assert!(!is_newer(None, 3) && !is_newer(Some(1), 3) && !is_newer(Some(2), 3));
        // A generation that there never was is nobody's finding.
        assert!(!is_newer(Some(9), 3));
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
