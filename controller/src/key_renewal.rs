//! New keys: the first one, and a successor when the current one is old enough or somebody asks.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kube::Client;
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, sleep_until};

use crate::absence;
use crate::config::{Config, FirstKey};
use crate::event::Events;
use crate::key_origin::Legacy;
use crate::key_ring::{Current, KeyRing};
use crate::key_secret::{Error, find, make};
use crate::key_slot::Slot;
use crate::pause::doubled;

/// The pause after a key that could not be made grows from the first to the second.
const PAUSES: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(300)];
/// The clock is looked at this often: a timer that sleeps for a month does not see it being set.
const TICK: Duration = Duration::from_secs(3600);
/// Where no first key may be made, it is looked this often whether that has changed.
const HOLD: Duration = Duration::from_secs(300);
/// And this often whether the legacy key is back.
const LOOK: Duration = Duration::from_secs(10);

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
            make(client, config, keys, &Slot::AskedAt(cutoff)).await?;
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
    let Some(secret) = find(client, config, name).await? else {
        return Ok(());
    };
    let legacy = Legacy::of(&secret);
    if legacy == Legacy::Labelled || !keys.is_news(&secret) {
        return Ok(()); // it is followed, or was looked at
    }
    if legacy == Legacy::Planted {
        let text = "the Secret was made for a SealedSecret: it is not taken as a sealing key";
        tracing::warn!(secretname = name, "{text}");
    } else if let Err(error) = keys.put(&secret, legacy == Legacy::Key) {
        tracing::error!(secretname = name, %error, "Error reading private key");
    }
    Ok(())
}

/// Looks for the legacy key for ever: nothing else tells that it is restored.
async fn look_for_legacy_key(client: &Client, config: &Config, keys: &KeyRing) {
    loop {
        tokio::time::sleep(LOOK).await;
        if let Err(error) = adopt_legacy_key(client, config, keys).await {
            tracing::warn!(%error, "cannot look for the key from before labels");
        }
    }
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
            return make(client, config, keys, &Slot::First).await;
        }
        if !std::mem::replace(&mut is_told, true) {
            tell_of_the_missing_key(client, config).await;
            keys.mark_settled();
        }
        tokio::select! {
            Some(()) = asked.recv() => {
                return make(client, config, keys, &Slot::AskedAt(Timestamp::now())).await;
            }
            () = keys.changed_since(changes) => {}
            () = look_for_legacy_key(client, config, keys) => {}
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
            Some(()) = asked.recv() => Slot::AskedAt(now),
            () = sleep_until(wake.max(not_before)) => match (&current, due) {
                (Some(current), Some(Duration::ZERO)) => {
                    Slot::Successor(current.certificate.fingerprint().clone())
                }
                _ => continue,
            },
            () = keys.changed_since(changes) => continue,
        };
        if let Err(error) = make(client, config, keys, &slot).await {
            tracing::error!(%error, "Failed to generate new key");
        }
        // What was made and is not the newest, since a clock is wrong, is no reason to hurry either.
        let before = current.map(|current| current.certificate.fingerprint().clone());
        let after = keys.current(Timestamp::now());
        let after = after.map(|current| current.certificate.fingerprint().clone());
        not_before = Instant::now();
        if before == after {
            not_before += doubled(PAUSES, failures);
            failures = failures.saturating_add(1);
        } else {
            failures = 0;
        }
    }
}

/// How long until the current key gets a successor; zero if it is time, none if never. Before the key's own time
/// a successor would be the older of the two.
fn due_in(current: &Current, period: Option<SignedDuration>, now: Timestamp) -> Option<Duration> {
    let due = match current.is_to_be_renewed {
        true => current.since,
        false => current.since.checked_add(period?).ok()?,
    };
    Some(Duration::try_from(due.duration_since(now)).unwrap_or_default())
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
            ..key(1)
        };
        assert_eq!(due_in(&asked, None, at(1)), Some(Duration::ZERO));
        // Its certificate begins in an hour: what is made now would be older.
        assert_eq!(due_in(&asked, None, at(0)), Some(Duration::from_secs(3600)));
    }

    #[test]
    fn retries_within_minutes() {
        let pauses = [0, 1, 2, 10, u32::MAX].map(|failures| doubled(PAUSES, failures).as_secs());
        assert_eq!(pauses, [5, 10, 20, 300, 300]);
    }
}
