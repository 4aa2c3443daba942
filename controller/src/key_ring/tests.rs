use k8s_openapi::ByteString;
use serde_json::Value;

use super::*;

fn secret(name: &str, vectors: &str) -> Secret {
    let vectors: Value = serde_json::from_str(vectors).unwrap();
    let part = |field: &str| ByteString(vectors[field].as_str().unwrap().as_bytes().to_vec());
    let mut secret = Secret::default();
    secret.metadata.name = Some(name.to_owned());
    secret.metadata.labels = Some([(KEY_LABEL.to_owned(), ACTIVE.to_owned())].into());
    secret.data = Some(
        [
            ("tls.key".to_owned(), part("private_key_pkcs1_pem")),
            ("tls.crt".to_owned(), part("certificate_pem")),
        ]
        .into(),
    );
    secret
}

fn small() -> Secret {
    secret(
        "small",
        include_str!("../../../sealing/tests/vectors/rsa2048.json"),
    )
}

fn large() -> Secret {
    secret(
        "large",
        include_str!("../../../sealing/tests/vectors/rsa4096.json"),
    )
}

fn current(ring: &KeyRing) -> Option<Current> {
    ring.current(Timestamp::now())
}

fn created(mut secret: Secret, second: i64) -> Secret {
    let time = Timestamp::from_second(second).unwrap();
    secret.metadata.creation_timestamp =
        Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(time));
    secret
}

fn named(name: &str, mut secret: Secret) -> Secret {
    secret.metadata.name = Some(name.to_owned());
    secret
}

/// How many keys may be sealed to.
fn active(ring: &KeyRing) -> usize {
    let all = ring.describe();
    all.iter().filter(|key| key.is_active).count()
}

fn fingerprints(ring: &KeyRing) -> Vec<Fingerprint> {
    ring.snapshot(&[])
        .iter()
        .map(|key| key.fingerprint().clone())
        .collect()
}

#[test]
fn seals_to_the_newest_certificate_and_tries_it_first() {
    let ring = KeyRing::default();
    ring.put(&large(), true).unwrap();
    ring.put(&small(), true).unwrap();
    let current = current(&ring).unwrap();
    assert_eq!(fingerprints(&ring)[0], *current.certificate.fingerprint());
    let dates = ring
        .lock()
        .all
        .iter()
        .map(|key| key.best().certificate.not_before())
        .collect::<Vec<_>>();
    assert!(dates[0] >= dates[1]);
}

#[test]
fn holds_a_key_once() {
    let ring = KeyRing::default();
    ring.put(&small(), true).unwrap();
    ring.put(&named("copy", small()), true).unwrap();
    assert_eq!(ring.snapshot(&[]).len(), 1);
}

#[test]
fn seals_to_a_key_as_long_as_any_secret_holds_it() {
    let retire: [fn(&KeyRing, &str); 4] = [
        |ring, gone| ring.retire(gone),
        |ring, gone| ring.retire_as_seen(gone),
        |ring, gone| ring.put(&named(gone, large()), false).map(drop).unwrap(),
        |ring, gone| {
            let rest = ["small", "copy"].into_iter().filter(|name| *name != gone);
            ring.retire_all_but(&rest.map(str::to_owned).collect::<Vec<_>>());
        },
    ];
    for (retire, [first, last]) in retire
        .into_iter()
        .flat_map(|retire| [["small", "copy"], ["copy", "small"]].map(|order| (retire, order)))
    {
        let ring = KeyRing::default();
        let key = ring.put(&small(), true).unwrap();
        ring.put(&named("copy", small()), true).unwrap();
        retire(&ring, first);
        assert_eq!(*current(&ring).unwrap().certificate.fingerprint(), key);
        ring.retire(last);
        assert!(current(&ring).is_none());
        assert!(fingerprints(&ring).contains(&key));
    }
}

#[test]
fn keeps_nothing_of_copies_that_come_and_go() {
    let ring = KeyRing::default();
    ring.put(&small(), true).unwrap();
    for copy in ["a", "b", "c"] {
        ring.put(&named(copy, small()), true).unwrap();
        ring.retire(copy);
    }
    assert_eq!(ring.lock().all[0].active().count(), 1);
    ring.retire("small");
    ring.put(&named("d", small()), true).unwrap();
    assert_eq!(ring.lock().all[0].best().secret, "d");
    assert_eq!(active(&ring), 1);
}

#[test]
fn serves_the_newest_certificate_of_a_key_that_has_several() {
    let ring = KeyRing::new(KeyOrder::Created);
    ring.put(&created(small(), 1), true).unwrap();
    ring.put(&created(named("again", small()), 3), true)
        .unwrap();
    ring.put(&created(large(), 2), true).unwrap();
    let since = || current(&ring).unwrap().since.as_second();
    assert_eq!(since(), 3);
    ring.retire("again");
    assert_eq!(since(), 2);
}

#[test]
fn renews_a_key_that_any_of_its_secrets_asks_for() {
    let ring = KeyRing::default();
    ring.put(&small(), true).unwrap();
    let mut asking = named("copy", small());
    asking.metadata.annotations = Some([(RENEW.to_owned(), "true".to_owned())].into());
    ring.put(&asking, true).unwrap();
    assert!(current(&ring).unwrap().is_to_be_renewed);
    ring.retire("copy");
    assert!(!current(&ring).unwrap().is_to_be_renewed);
}

#[test]
fn goes_on_opening_with_a_retired_key_but_seals_to_it_no_more() {
    let ring = KeyRing::default();
    ring.put(&small(), true).unwrap();
    ring.retire("small");
    assert!(current(&ring).is_none());
    assert_eq!(ring.snapshot(&[]).len(), 1);
    ring.put(&small(), true).unwrap();
    assert!(current(&ring).is_some());
}

#[test]
fn keeps_sealing_to_the_key_from_before_labels_when_the_labelled_are_listed() {
    let ring = KeyRing::default();
    let mut legacy = small();
    legacy.metadata.labels = None;
    ring.put(&legacy, true).unwrap();
    ring.retire_all_but(&[]);
    assert!(current(&ring).is_some());
}

#[test]
fn seals_to_the_key_from_before_labels_only_while_no_labelled_one_is_there() {
    let ring = KeyRing::new(KeyOrder::Created);
    let mut legacy = created(small(), 9);
    legacy.metadata.labels = None;
    let legacy = ring.put(&legacy, true).unwrap();
    let labelled = ring.put(&created(large(), 1), true).unwrap();
    let now = || current(&ring).unwrap().certificate.fingerprint().clone();
    assert_eq!(now(), labelled);
    ring.retire("large");
    assert_eq!(now(), legacy);
}

#[tokio::test]
async fn tells_of_a_key_that_was_not_there_before() {
    let ring = KeyRing::default();
    ring.put(&small(), true).unwrap();
    assert_eq!(ring.more_than(0).await, 1);
    let more = async {
        tokio::time::timeout(std::time::Duration::from_millis(20), ring.more_than(1)).await
    };
    ring.put(&named("copy", small()), true).unwrap();
    ring.retire("small");
    assert!(more.await.is_err());
    ring.put(&large(), false).unwrap();
    assert_eq!(ring.more_than(1).await, 2);
}

#[test]
fn seals_not_to_a_certificate_of_another_key() {
    let ring = KeyRing::default();
    let mut mixed = small();
    let other = large().data.unwrap().remove("tls.crt").unwrap();
    mixed
        .data
        .as_mut()
        .unwrap()
        .insert("tls.crt".to_owned(), other);
    assert_eq!(ring.put(&mixed, true), Err(Error::Mismatch));
    assert!(current(&ring).is_none() && ring.snapshot(&[]).len() == 1);
}

#[test]
fn says_which_part_of_a_secret_holds_no_key() {
    let ring = KeyRing::default();
    let mut broken = small();
    broken.data.as_mut().unwrap().remove("tls.crt");
    assert_eq!(ring.put(&broken, true), Err(Error::Missing("tls.crt")));
    assert!(ring.snapshot(&[]).is_empty());
}

#[test]
fn seals_no_more_to_the_key_that_a_secret_held_before() {
    let ring = KeyRing::default();
    ring.put(&small(), true).unwrap();
    let mut changed = large();
    changed.metadata.name = Some("small".to_owned());
    let new = ring.put(&changed, true).unwrap();
    assert_eq!(*current(&ring).unwrap().certificate.fingerprint(), new);
    assert_eq!(active(&ring), 1);
}

#[test]
fn opens_with_a_key_that_a_sealed_secret_made_but_seals_not_to_it() {
    let mut made = small();
    let owner = serde_json::json!([{ "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "name": "s", "uid": "u" }]);
    made.metadata.owner_references = serde_json::from_value(owner).unwrap();
    assert!(is_sealing_key(&small()) && !is_sealing_key(&made));
    let ring = KeyRing::default();
    ring.put(&made, is_sealing_key(&made)).unwrap();
    assert!(current(&ring).is_none() && ring.snapshot(&[]).len() == 1);
}

#[test]
fn lets_no_key_vouch_that_was_never_sealed_to() {
    let ring = KeyRing::default();
    ring.put(&small(), false).unwrap();
    let sealed_to = ring.put(&large(), true).unwrap();
    ring.retire("large");
    let vouching = ring.vouching();
    assert_eq!(vouching.len(), 1);
    assert_eq!(*vouching[0].fingerprint(), sealed_to);
}

/// <https://github.com/bitnami/sealed-secrets/issues/1639>
#[test]
fn orders_keys_as_documented() {
    let newest = |order, small_at, large_at| {
        let ring = KeyRing::new(order);
        ring.put(&created(small(), small_at), true).unwrap();
        ring.put(&created(large(), large_at), true).unwrap();
        ring.lock().all[0].best().secret.clone()
    };
    assert_eq!(newest(KeyOrder::Created, 1, 2), "large");
    assert_eq!(newest(KeyOrder::Created, 2, 1), "small");
    // Both certificates are from the same second: then the Secret that came first stays ahead.
    assert_eq!(newest(KeyOrder::NotBefore, 1, 2), "small");
    assert_eq!(newest(KeyOrder::NotBefore, 2, 1), "large");
}

#[test]
fn stays_with_the_one_that_came_first_on_a_tie() {
    for [first, second] in [[small(), large()], [large(), small()]] {
        let ring = KeyRing::new(KeyOrder::Created);
        let ahead = ring.put(&created(first, 7), true).unwrap();
        ring.put(&created(second, 7), true).unwrap();
        assert_eq!(*current(&ring).unwrap().certificate.fingerprint(), ahead);
    }
}

#[test]
fn holds_a_key_that_was_made_just_now_for_the_newest() {
    let now = Timestamp::now();
    let ring = KeyRing::default();
    let older = [small(), large()].map(|secret| (ring.put(&secret, true).unwrap(), secret));
    let newest = current(&ring).unwrap().certificate;
    let (made, secret) = older
        .iter()
        .find(|(fingerprint, _)| fingerprint != newest.fingerprint())
        .unwrap();
    ring.put_made(secret, now).unwrap();
    assert_eq!(current(&ring).unwrap().certificate.fingerprint(), made);
    // The watch brings it again, and that changes nothing.
    ring.put(secret, true).unwrap();
    assert_eq!(current(&ring).unwrap().since, now);
}

#[test]
fn seals_not_to_a_key_from_a_clock_that_is_ahead_while_there_is_another() {
    let ring = KeyRing::new(KeyOrder::Created);
    let now = Timestamp::from_second(1_000).unwrap();
    ring.put(&created(large(), 1_301), true).unwrap();
    assert!(ring.current(now).is_some());
    let small = ring.put(&created(small(), 900), true).unwrap();
    assert_eq!(*ring.current(now).unwrap().certificate.fingerprint(), small);
    let later = Timestamp::from_second(1_002).unwrap();
    assert_ne!(
        *ring.current(later).unwrap().certificate.fingerprint(),
        small
    );
}

/// <https://github.com/bitnami/sealed-secrets/issues/357>
#[test]
fn tries_first_what_is_said_to_fit_and_then_what_opened_something_last() {
    let ring = KeyRing::default();
    let keys = [small(), large()].map(|secret| ring.put(&secret, true).unwrap());
    for key in &keys {
        let fitting = [key.to_string()];
        let first = ring.snapshot(&fitting).remove(0);
        assert_eq!(first.fingerprint(), key);
        ring.opened_with(key);
        assert_eq!(fingerprints(&ring)[0], *key);
    }
}

#[test]
fn knows_when_a_successor_is_asked_for() {
    let ring = KeyRing::default();
    let mut asking = small();
    ring.put(&asking, true).unwrap();
    assert!(!current(&ring).unwrap().is_to_be_renewed);
    asking.metadata.annotations = Some([(RENEW.to_owned(), "true".to_owned())].into());
    ring.put(&asking, true).unwrap();
    assert!(current(&ring).unwrap().is_to_be_renewed);
}
