//! New keys: the first one, and a successor when the current one is old enough or somebody asks.
//!
//! A key's name is fixed before the first request, by what all controllers that see the same keys
//! agree on, so that no repeated request, restart or second controller can make two.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kube::Client;
use sealing::Fingerprint;
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, sleep_until};

use crate::config::{Config, FirstKey};
use crate::event::Events;
use crate::key_ring::{Current, KeyRing};
use crate::key_secret::{Error, make};
use crate::pause::doubled;
use crate::{absence, secret_api};

/// The pause after a key that could not be made grows from the first to the second.
const PAUSES: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(300)];
/// The clock is looked at this often: a timer that sleeps for a month does not see it being set.
const TICK: Duration = Duration::from_secs(3600);
/// Where no first key may be made, it is looked this often whether that has changed.
const HOLD: Duration = Duration::from_secs(300);

/// Makes the first key when there is none and none is missing, and successors for ever. Only what is
/// needed at start may fail.
pub(crate) async fn keep(
    client: &Client,
    config: &Config,
    keys: &KeyRing,
    mut asked: Receiver<()>,
) -> Result<(), Error> {
    keys.loaded().await;
    adopt_legacy_key(client, config, keys).await?;
    match (keys.current(Timestamp::now()), config.key_cutoff) {
        (None, _) => first_key(client, config, keys, &mut asked).await?,
        (Some(current), Some(cutoff)) if current.since < cutoff => {
            make(client, config, keys, &slot_of(cutoff)).await?;
        }
        _ => {}
    }
    keys.mark_settled();
    renew(client, config, keys, &mut asked).await;
    Ok(())
}

/// Before labels there was one key, and its name was the prefix.
async fn adopt_legacy_key(client: &Client, config: &Config, keys: &KeyRing) -> Result<(), Error> {
    let name = &config.key_prefix;
    if name.is_empty() {
        return Ok(());
    }
    let found = secret_api::find(client, &config.namespace, name).await;
    let found = found.map_err(|error| Error::Read(name.clone(), error.to_string()))?;
    if let Some(Err(error)) = found.map(|secret| keys.put(&secret, true)) {
        tracing::error!(secretname = name, %error, "Error reading private key");
    }
    Ok(())
}

/// Makes the first key, once that is right: where SealedSecrets were opened before there was a key,
/// and it is to come back. Ends as soon as there is one, whoever brought it.
async fn first_key(
    client: &Client,
    config: &Config,
    keys: &KeyRing,
    asked: &mut Receiver<()>,
) -> Result<(), Error> {
    let mut is_told = false;
    loop {
        let changes = keys.changes();
        if keys.current(Timestamp::now()).is_some() {
            return Ok(());
        }
        let is_right = match config.first_key {
            FirstKey::Always => true,
            FirstKey::Never => false,
            FirstKey::WhenUnused => absence::no_sealed_secret_was_opened(client, config).await,
        };
        if is_right {
            return make(client, config, keys, "first").await;
        }
        if !std::mem::replace(&mut is_told, true) {
            tell_of_the_missing_key(client, config).await;
            keys.mark_settled();
        }
        tokio::select! {
            Some(()) = asked.recv() => return make(client, config, keys, &slot_of(Timestamp::now())).await,
            () = keys.changed_since(changes) => {}
            () = tokio::time::sleep(HOLD) => {}
        }
    }
}

/// Makes a successor whenever the current key is old enough or somebody asks; a failure is tried
/// again within minutes.
async fn renew(client: &Client, config: &Config, keys: &KeyRing, asked: &mut Receiver<()>) {
    let mut failures = 0;
    let mut not_before = Instant::now();
    loop {
        let (changes, now) = (keys.changes(), Timestamp::now());
        let current = keys.current(now);
        let due = current
            .as_ref()
            .and_then(|current| due_in(current, config.key_renew_period, now));
        let wake = Instant::now() + due.unwrap_or(TICK).min(TICK);
        let slot = tokio::select! {
            Some(()) = asked.recv() => slot_of(now),
            () = sleep_until(wake.max(not_before)) => match (&current, due) {
                (Some(current), Some(Duration::ZERO)) => successor_of(current.certificate.fingerprint()),
                _ => continue,
            },
            () = keys.changed_since(changes) => continue,
        };
        match make(client, config, keys, &slot).await {
            Ok(()) => failures = 0,
            Err(error) => tracing::error!(%error, "Failed to generate new key"),
        }
        // What was made and is not the newest, since a clock is wrong, is no reason to hurry either.
        let before = current.map(|current| current.certificate.fingerprint().clone());
        let after = keys.current(Timestamp::now());
        let after = after.map(|current| current.certificate.fingerprint().clone());
        not_before = Instant::now();
        if before == after {
            not_before += doubled(PAUSES, failures);
            failures = failures.saturating_add(1);
        }
    }
}

/// How long until the current key gets a successor; zero if it is time, none if never.
fn due_in(current: &Current, period: Option<SignedDuration>, now: Timestamp) -> Option<Duration> {
    if current.is_to_be_renewed {
        return Some(Duration::ZERO);
    }
    let due = current.since.checked_add(period?).ok()?;
    Some(Duration::try_from(due.duration_since(now)).unwrap_or_default())
}

/// Names the successor of a key: controllers that see the same key choose the same name.
fn successor_of(fingerprint: &Fingerprint) -> String {
    fingerprint.short()[..7].to_owned()
}

/// Names a key after the second at which it was asked for.
fn slot_of(instant: Timestamp) -> String {
    let mut rest = instant.as_second().unsigned_abs();
    let mut digits = Vec::new();
    while rest > 0 || digits.is_empty() {
        digits.extend(char::from_digit(u32::try_from(rest % 36).unwrap_or(0), 36));
        rest /= 36;
    }
    digits.iter().rev().collect()
}

async fn tell_of_the_missing_key(client: &Client, config: &Config) {
    let text = match config.first_key {
        FirstKey::Never => "there is no sealing key, and --first-key=never makes none",
        _ => {
            "there is no sealing key, although SealedSecrets were opened before: \
            restore the key Secrets, or start with --first-key=always"
        }
    };
    tracing::error!("{text}");
    let name = format!("{}first", config.key_prefix);
    let missing = k8s_openapi::api::core::v1::ObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some("Secret".to_owned()),
        namespace: Some(config.namespace.clone()),
        name: Some(name),
        ..Default::default()
    };
    let events = Events::default();
    events
        .publish(client, &missing, "Warning", "KeyMissing", text)
        .await;
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use sealing::Certificate;
    use serde_json::Value;

    use super::*;

    const PERIOD: Option<SignedDuration> = Some(SignedDuration::from_hours(720));

    fn at(hours: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours)
    }

    fn key(hours: i64) -> Current {
        let vectors = include_str!("../../sealing/tests/vectors/rsa2048.json");
        let vectors: Value = serde_json::from_str(vectors).unwrap();
        let pem = vectors["certificate_pem"].as_str().unwrap();
        Current {
            certificate: Arc::new(Certificate::from_pem(pem.as_bytes()).unwrap()),
            since: at(hours),
            is_to_be_renewed: false,
        }
    }

    #[test]
    fn is_due_one_period_after_the_current_key() {
        let hour = Duration::from_secs(3600);
        assert_eq!(due_in(&key(0), PERIOD, at(719)), Some(hour));
        assert_eq!(due_in(&key(0), PERIOD, at(720)), Some(Duration::ZERO));
        assert_eq!(due_in(&key(0), PERIOD, at(9000)), Some(Duration::ZERO));
        // A key that came in between postpones it.
        assert_eq!(due_in(&key(700), PERIOD, at(1419)), Some(hour));
    }

    #[test]
    fn is_never_due_without_a_period_unless_somebody_asks() {
        assert_eq!(due_in(&key(0), None, at(9000)), None);
        let asked = Current {
            is_to_be_renewed: true,
            ..key(0)
        };
        assert_eq!(due_in(&asked, None, at(0)), Some(Duration::ZERO));
    }

    #[test]
    fn retries_within_minutes() {
        let pauses = [0, 1, 2, 10, u32::MAX].map(|failures| doubled(PAUSES, failures).as_secs());
        assert_eq!(pauses, [5, 10, 20, 300, 300]);
    }

    #[test]
    fn names_a_key_after_the_second_in_at_most_eight_letters() {
        assert_eq!(slot_of(Timestamp::UNIX_EPOCH), "0");
        assert_eq!(
            slot_of(Timestamp::from_second(36 * 36 + 35).unwrap()),
            "10z"
        );
        assert!(slot_of(Timestamp::now()).len() < 8);
    }
}
