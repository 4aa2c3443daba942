use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::HeaderMap;
use http_body_util::BodyExt;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use sealing::{Certificate, Plaintext, Scope, seal_value};
use serde_json::{Value, json};
use tokio::sync::watch;
use tower::ServiceExt;

use super::*;
use crate::config::RateLimit;

const SECOND: Duration = Duration::from_secs(1);

fn vectors(size: u32) -> Value {
    let text = match size {
        2048 => include_str!("../../../sealing/tests/vectors/rsa2048.json"),
        _ => include_str!("../../../sealing/tests/vectors/rsa4096.json"),
    };
    serde_json::from_str(text).unwrap()
}

/// A value of the strict object `shop/db`, sealed to the key of this size.
fn sealed(size: u32, value: &str) -> String {
    sealed_for("db", size, value)
}

fn sealed_for(name: &str, size: u32, value: &str) -> String {
    let pem = vectors(size)["certificate_pem"]
        .as_str()
        .unwrap()
        .to_owned();
    let certificate = Certificate::from_pem(pem.as_bytes()).unwrap();
    let label = Scope::Strict.label("shop", name);
    seal_value(&Plaintext::new(value.into()), &certificate, &label).unwrap()
}

fn object(items: &BTreeMap<String, String>, template: Value) -> Value {
    json!({
        "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
        "metadata": { "name": "db", "namespace": "shop" },
        "spec": { "encryptedData": items, "template": template },
    })
}

fn one_item(text: &str) -> Value {
    object(&[("a".to_owned(), text.to_owned())].into(), json!({}))
}

/// The paths, behind which there is the ring with two keys.
struct Paths {
    paths: Router,
    shared: Shared,
}

impl Paths {
    fn with(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::defaults("kube-system");
        change(&mut config);
        let shared = Shared::new(&config).unwrap();
        for size in [2048, 4096] {
            let vectors = vectors(size);
            let bytes = |field: &str| ByteString(vectors[field].as_str().unwrap().into());
            let secret = Secret {
                data: Some(BTreeMap::from([
                    ("tls.key".to_owned(), bytes("private_key_pkcs1_pem")),
                    ("tls.crt".to_owned(), bytes("certificate_pem")),
                ])),
                ..Secret::default()
            };
            shared.keys.put(&secret, true).unwrap();
        }
        let (_, ready) = watch::channel(true);
        let served = Served::new(&shared, ready, &config);
        let http = &config.http;
        let paths = served.paths(http.verifies, http.re_encrypts);
        Self { paths, shared }
    }

    /// For requests that are not to be denied.
    fn generous() -> Self {
        Self::with(|config| {
            config.http.rate_limit = RateLimit {
                per_second: 1_000_000,
                burst: 1_000_000,
            };
            config.http.rsa_rate_limit = 1_000_000;
        })
    }

    async fn post(&self, path: &str, from: u8, caller: &str, body: Value) -> Answer {
        let mut request = Request::post(path).header(FORWARDED_FOR, caller);
        let peer = Peer([10, 0, 0, from].into());
        request.extensions_mut().unwrap().insert(peer);
        let request = request.body(Body::from(body.to_string())).unwrap();
        let answer = self.paths.clone().oneshot(request).await.unwrap();
        let (head, body) = answer.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            code: head.status.as_u16(),
            headers: head.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    /// How many RSA operations requests have cost.
    fn operations(&self) -> u64 {
        self.shared
            .metrics
            .rsa_seconds(metrics::HTTP)
            .get_sample_count()
    }
}

#[derive(Debug, PartialEq)]
struct Answer {
    code: u16,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    /// Without what differs from request to request on purpose.
    fn settled(mut self) -> Self {
        self.headers.remove("x-ratelimit-remaining");
        self.headers.remove("x-ratelimit-reset");
        self
    }
}

#[tokio::test(start_paused = true)]
async fn lets_three_requests_in_at_once_and_says_when_to_come_again() {
    let paths = Paths::with(|_| ());
    for remaining in ["2", "1", "0"] {
        let answer = paths
            .post(VERIFY, 1, "a", one_item(&sealed(2048, "v")))
            .await;
        assert_eq!((answer.code, &*answer.body), (200, ""));
        assert_eq!(answer.headers["x-ratelimit-limit"], "3");
        assert_eq!(answer.headers["x-ratelimit-remaining"], remaining);
    }
    let denied = paths.post(VERIFY, 1, "a", json!({})).await;
    assert_eq!((denied.code, &*denied.body), (429, "limit exceeded\n"));
    assert_eq!(denied.headers["retry-after"], "1");
    assert_eq!(denied.headers["x-ratelimit-reset"], "2");
    assert_eq!(paths.post(RE_ENCRYPT, 1, "a", json!({})).await.code, 500);
    tokio::time::advance(SECOND).await;
    assert_eq!(paths.post(VERIFY, 1, "a", json!({})).await.code, 500);
}

#[tokio::test(start_paused = true)]
async fn a_forged_header_buys_no_budget() {
    let rate = 100;
    let paths = Paths::with(|config| config.http.rsa_rate_limit = rate);
    let bad = sealed_for("other", 2048, "v");
    let items = (0..256).map(|item| (format!("i{item}"), bad.clone()));
    let bad = object(&items.collect(), json!({}));
    let (mut denied, mut failed) = (0, 0);
    for second in 0..10_u64 {
        for request in 0..100 {
            let caller = format!("10.1.{second}.{request}");
            // half of them from one peer, the others from many
            let peer = if request % 2 == 0 { 1 } else { request };
            match paths.post(VERIFY, peer, &caller, bad.clone()).await.code {
                409 => failed += 1,
                429 => denied += 1,
                other => panic!("{other}"),
            }
        }
        // what was saved up, what came since, and the last request that was let in
        let most = u64::from(rate) * (second + 1) + 10;
        assert!(
            paths.operations() <= most,
            "{} in {second} s",
            paths.operations()
        );
        tokio::time::advance(SECOND).await;
    }
    assert!(denied > 0 && failed > 100, "{denied} and {failed}");
    assert_eq!(paths.operations(), 2 * failed, "one for each key");
}

#[tokio::test(start_paused = true)]
async fn denies_all_while_a_large_request_is_paid_for() {
    let paths = Paths::with(|config| config.http.rsa_rate_limit = 10);
    let value = sealed(2048, "v");
    let items = (0..50).map(|item| (format!("i{item}"), value.clone()));
    let large = object(&items.collect(), json!({}));
    assert_eq!(paths.post(VERIFY, 1, "a", large).await.code, 200);
    assert!(paths.operations() >= 50);
    let denied = paths.post(VERIFY, 2, "b", one_item(&value)).await;
    assert_eq!((denied.code, &*denied.body), (429, "limit exceeded\n"));
    let wait: u64 = denied.headers["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    tokio::time::advance(Duration::from_secs(wait)).await;
    assert_eq!(paths.post(VERIFY, 2, "b", one_item(&value)).await.code, 200);
}

#[tokio::test]
async fn answers_422_when_256_operations_were_in_vain() {
    let paths = Paths::generous();
    // Each item is sealed to the other key than the one before: the first key that is tried is wrong.
    let values = [sealed(2048, "v"), sealed(4096, "v")];
    let items =
        |count| (0..count).map(|item: usize| (format!("i{item:04}"), values[item % 2].clone()));
    let few = object(&items(FAILURES - 1).collect(), json!({}));
    let many = object(&items(FAILURES + 2).collect(), json!({}));
    for path in [VERIFY, RE_ENCRYPT] {
        let before = paths.operations();
        assert_eq!(paths.post(path, 1, "a", few.clone()).await.code, 200);
        let spent = paths.post(path, 1, "a", many.clone()).await;
        assert_eq!((spent.code, &*spent.body), (422, "too many attempts\n"));
        assert!(paths.operations() - before <= 4 * FAILURES as u64);
    }
}

#[tokio::test]
async fn stops_at_the_first_item_that_no_key_opens() {
    let paths = Paths::generous();
    let bad = sealed_for("other", 2048, "v");
    let items = (0..1000).map(|item| (format!("i{item}"), bad.clone()));
    let bad = object(&items.collect(), json!({}));
    assert_eq!(paths.post(VERIFY, 1, "a", bad).await.code, 409);
    assert_eq!(paths.operations(), 2);
}

/// Every way in which a SealedSecret cannot open.
fn failures() -> Vec<Value> {
    let good = sealed(2048, "v");
    let bytes = sealing::base64::decode(&good).unwrap();
    let broken = |change: fn(&mut Vec<u8>)| {
        let mut bytes = bytes.clone();
        change(&mut bytes);
        sealing::base64::encode(&bytes)
    };
    let items = [
        broken(|bytes| bytes[9] ^= 1),
        broken(|bytes| *bytes.last_mut().unwrap() ^= 1),
        broken(|bytes| bytes.truncate(258)),
        broken(|bytes| bytes.truncate(9)),
        broken(|bytes| bytes[..2].fill(0)),
        broken(Vec::clear),
        sealed(4096, "v")[..400].to_owned(),
        "not base64!".to_owned(),
    ];
    let mut failures: Vec<Value> = items.iter().map(|item| one_item(item)).collect();
    for change in [
        json!({ "name": "other" }),
        json!({ "namespace": "other" }),
        json!({ "annotations": { "sealedsecrets.bitnami.com/cluster-wide": "true" } }),
        json!({ "annotations": { "sealedsecrets.bitnami.com/namespace-wide": "true" } }),
    ] {
        let mut moved = one_item(&good);
        for (field, value) in change.as_object().unwrap() {
            moved["metadata"][field] = value.clone();
        }
        failures.push(moved);
    }
    let mut blob = one_item(&good);
    blob["spec"] = json!({ "data": good, "encryptedData": {} });
    failures.push(blob.clone());
    blob["spec"] = json!({ "data": "AAAA", "encryptedData": { "a": good } });
    failures.push(blob);
    failures
}

#[tokio::test]
async fn all_failures_to_open_look_alike() {
    let paths = Paths::generous();
    for (path, code) in [(VERIFY, 409), (RE_ENCRYPT, 500)] {
        let mut answers = Vec::new();
        for failure in failures() {
            let answer = paths.post(path, 1, "a", failure.clone()).await.settled();
            assert_eq!((answer.code, &*answer.body), (code, ""), "{failure}");
            answers.push(answer);
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]));
    }
}

/// Two thousand questions about a value, as templates.
fn questions() -> Vec<String> {
    let conditions = [
        "hasPrefix \"X\" .a",
        "hasSuffix \"X\" .a",
        "contains \"X\" .a",
        "eq .a \"X\"",
        "gt .a \"X\"",
        "regexMatch \"^X\" .a",
        "eq (len .a) N",
        "lt (len .a) N",
        "eq (index .a N) 115",
        "eq (sha256sum .a) \"X\"",
    ];
    let effects = [
        "{{ if C }}{{ fail \"\" }}{{ end }}",
        "{{ if not (C) }}{{ fail .a }}{{ end }}",
        "{{ if C }}{{ index .nothing 1 }}{{ end }}",
        "{{ if C }}{{ range untilStep 0 100000000 1 }}{{ end }}{{ end }}",
        "{{ if C }}{{ template \"none\" }}{{ end }}",
    ];
    let mut questions = Vec::new();
    for condition in conditions {
        for effect in effects {
            for number in 0..40_u8 {
                let letter = char::from(b'a' + number % 26);
                let condition = condition
                    .replace('X', &format!("{letter}{}", number / 26))
                    .replace('N', &number.to_string());
                questions.push(effect.replace('C', &condition));
            }
        }
    }
    questions
}

#[tokio::test]
async fn verify_ignores_the_template() {
    let paths = Paths::generous();
    let items = [("a".to_owned(), sealed(2048, "s3cret"))].into();
    let plain = paths
        .post(VERIFY, 1, "a", object(&items, json!({})))
        .await
        .settled();
    let questions = questions();
    assert_eq!((plain.code, questions.len()), (200, 2000));
    for question in questions {
        let asked = object(&items, json!({ "data": { "x": question } }));
        assert_eq!(paths.post(VERIFY, 1, "a", asked).await.settled(), plain);
    }
}

#[tokio::test]
async fn re_encryption_ignores_the_template() {
    let paths = Paths::generous();
    let items = [("a".to_owned(), sealed(2048, "s3cret"))].into();
    let plain = paths
        .post(RE_ENCRYPT, 1, "a", object(&items, json!({})))
        .await
        .settled();
    assert_eq!(plain.code, 200);
    for question in questions() {
        let mut asked = object(&items, json!({ "data": { "x": question } }));
        let answer = paths
            .post(RE_ENCRYPT, 1, "a", asked.clone())
            .await
            .settled();
        let mut moved: Value = serde_json::from_str(&answer.body).unwrap();
        asked["spec"]["encryptedData"].take();
        moved["spec"]["encryptedData"].take();
        assert_eq!((answer.code, moved), (200, asked));
        let names = |answer: &Answer| answer.headers.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&answer), names(&plain));
    }
}

#[tokio::test]
async fn refuses_an_oversized_body_and_tells_no_more() {
    let paths = Paths::with(|config| config.http.max_request_bytes = 100);
    let answer = paths.post(VERIFY, 1, "a", json!("x".repeat(100))).await;
    assert_eq!((answer.code, paths.operations()), (413, 0));
    assert_eq!(
        paths.post(VERIFY, 1, "a", json!("x".repeat(90))).await.code,
        500
    );
}

#[tokio::test]
async fn what_is_switched_off_is_not_there() {
    let code = async |paths: &Paths, path| paths.post(path, 1, "a", json!({})).await.code;
    let paths = Paths::with(|config| config.http.verifies = false);
    assert_eq!(code(&paths, VERIFY).await, 404);
    assert_eq!(code(&paths, RE_ENCRYPT).await, 500);
    let paths = Paths::with(|config| config.http.re_encrypts = false);
    assert_eq!(code(&paths, VERIFY).await, 500);
    assert_eq!(code(&paths, RE_ENCRYPT).await, 404);
    let paths = Paths::with(|config| {
        config.http.verifies = false;
        config.http.re_encrypts = false;
    });
    assert_eq!(code(&paths, VERIFY).await, 404);
    assert_eq!(code(&paths, "/v1/cert.pem").await, 200);
}

#[tokio::test]
async fn stops_when_its_client_leaves() {
    let paths = Paths::generous();
    let value = sealed(4096, "v");
    let items = (0..2000).map(|item| (format!("i{item}"), value.clone()));
    let large = object(&items.collect(), json!({}));
    {
        let mut asking = std::pin::pin!(paths.post(VERIFY, 1, "a", large));
        while paths.operations() == 0 {
            let step = Duration::from_millis(1);
            assert!(tokio::time::timeout(step, asking.as_mut()).await.is_err());
        }
    }
    _ = paths.post(VERIFY, 1, "a", one_item(&value)).await; // its turn comes
    assert!(paths.operations() < 2000, "{}", paths.operations());
}
