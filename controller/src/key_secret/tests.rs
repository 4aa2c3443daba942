use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http::{Method, Request, Response};
use kube::client::Body;
use serde_json::{Value, json};
use tower::service_fn;

use super::*;

/// The key Secrets of a cluster, and how it takes another.
#[derive(Clone, Default)]
struct Api {
    secrets: Arc<Mutex<Vec<Secret>>>,
    /// What is answered instead.
    refusal: Option<(u16, Value)>,
    /// How often it was asked to create one.
    created: Arc<Mutex<usize>>,
}

impl Api {
    fn with(secrets: Vec<Secret>) -> Self {
        Self {
            secrets: Arc::new(Mutex::new(secrets)),
            ..Self::default()
        }
    }

    fn refusing(code: u16, reason: &str, message: &str) -> Self {
        let status = json!({ "kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message });
        Self {
            refusal: Some((code, status)),
            ..Self::default()
        }
    }

    fn client(&self) -> Client {
        let api = self.clone();
        let service = service_fn(move |request: Request<Body>| {
            let api = api.clone();
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect_bytes().await.unwrap();
                let (code, answer) = api.answer(&head, &body);
                let answer = Body::from(answer.to_string().into_bytes());
                Ok::<_, Infallible>(Response::builder().status(code).body(answer).unwrap())
            }
        });
        Client::new(service, "default")
    }

    fn answer(&self, head: &http::request::Parts, body: &[u8]) -> (u16, Value) {
        let mut secrets = self.secrets.lock().unwrap();
        if head.method == Method::GET {
            let query = head.uri.query().unwrap();
            let (_, name) = query.split_once("metadata.name%3D").unwrap();
            let found = secrets.iter().filter(|secret| secret.name_any() == name);
            return (200, json!({ "items": found.collect::<Vec<_>>() }));
        }
        *self.created.lock().unwrap() += 1;
        if let Some(refusal) = &self.refusal {
            return refusal.clone();
        }
        let secret: Secret = serde_json::from_slice(body).unwrap();
        secrets.push(secret.clone());
        (201, json!(secret))
    }

    fn created(&self) -> usize {
        *self.created.lock().unwrap()
    }

    fn names(&self) -> Vec<String> {
        let secrets = self.secrets.lock().unwrap();
        secrets.iter().map(ResourceExt::name_any).collect()
    }
}

fn config() -> Config {
    Config {
        key_prefix: "key-".to_owned(),
        key_size: 2048,
        ..Config::defaults("kube-system")
    }
}

/// Whoever generates a key by it fails.
fn unable() -> Config {
    Config {
        key_size: 1,
        ..config()
    }
}

fn key(name: &str, vectors: &str) -> Secret {
    let vectors: Value = serde_json::from_str(vectors).unwrap();
    let part = |field: &str| ByteString(vectors[field].as_str().unwrap().into());
    let mut secret = taken(name);
    secret.metadata.labels = Some([(KEY_LABEL.to_owned(), ACTIVE.to_owned())].into());
    secret.data = Some(BTreeMap::from([
        ("tls.key".to_owned(), part("private_key_pkcs1_pem")),
        ("tls.crt".to_owned(), part("certificate_pem")),
    ]));
    secret
}

fn small(name: &str) -> Secret {
    key(
        name,
        include_str!("../../../sealing/tests/vectors/rsa2048.json"),
    )
}

fn large(name: &str) -> Secret {
    key(
        name,
        include_str!("../../../sealing/tests/vectors/rsa4096.json"),
    )
}

/// A Secret that holds no key.
fn taken(name: &str) -> Secret {
    let mut secret = Secret::default();
    secret.metadata.name = Some(name.to_owned());
    secret.metadata.namespace = Some("kube-system".to_owned());
    secret
}

fn fingerprint(ring: &KeyRing) -> String {
    let current = ring.current(Timestamp::now()).unwrap();
    current.certificate.fingerprint().to_string()
}

#[tokio::test]
async fn generates_nothing_where_the_key_is_there() {
    let (api, ring) = (Api::with(vec![small("key-first")]), KeyRing::default());
    make(&api.client(), &unable(), &ring, &Slot::First)
        .await
        .unwrap();
    assert_eq!(ring.snapshot(&[]).len(), 1);
    assert_eq!(api.created(), 0);
}

#[tokio::test]
async fn takes_a_name_that_nobody_can_foresee_where_all_others_are_taken() {
    let all: Vec<String> = Slot::First.names("key-").take(10).collect();
    let api = Api::with(all.iter().map(|name| taken(name)).collect());
    let ring = KeyRing::default();
    make(&api.client(), &config(), &ring, &Slot::First)
        .await
        .unwrap();
    assert_eq!(ring.snapshot(&[]).len(), 1);
    let made = api.names().pop().unwrap();
    assert!(
        made.len() == "key-".len() + 8 && !all.contains(&made),
        "{made}"
    );
}

#[tokio::test]
async fn makes_another_successor_where_the_one_that_is_there_is_older() {
    // By age of their Secrets, since the certificates are of the same second.
    let ring = KeyRing::new(crate::config::KeyOrder::Created);
    let at = |mut secret: Secret, second| {
        let time = Timestamp::from_second(second).unwrap();
        secret.metadata.creation_timestamp =
            Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(time));
        secret
    };
    let current = ring.put(&at(large("mine"), 7), true).unwrap();
    let slot = Slot::Successor(current.clone());
    let names: Vec<String> = slot.names("key-").take(2).collect();
    let api = Api::with(vec![at(small(&names[0]), 6)]);
    make(&api.client(), &config(), &ring, &slot).await.unwrap();
    assert_eq!(api.names(), names);
    assert_ne!(fingerprint(&ring), current.to_string());
    // Whoever comes later finds it, and makes none.
    make(&api.client(), &unable(), &ring, &slot).await.unwrap();
    assert_eq!(api.created(), 1);
}

#[tokio::test]
async fn puts_nothing_on_a_key_that_lets_a_sealed_secret_write_it() {
    let (api, ring) = (Api::default(), KeyRing::default());
    let pair = |key: &str| (key.to_owned(), "true".to_owned());
    let config = Config {
        key_annotations: [pair("sealedsecrets.bitnami.com/managed"), pair("note")].into(),
        ..config()
    };
    make(&api.client(), &config, &ring, &Slot::First)
        .await
        .unwrap();
    let made = api.secrets.lock().unwrap().remove(0);
    assert_eq!(made.metadata.annotations, Some([pair("note")].into()));
}

#[tokio::test]
async fn stops_where_what_it_writes_is_changed_on_its_way() {
    let changed = Api {
        refusal: Some((201, json!(taken("key-first")))),
        ..Api::default()
    };
    let made = make(
        &changed.client(),
        &config(),
        &KeyRing::default(),
        &Slot::First,
    )
    .await;
    assert!(matches!(made, Err(Error::Changed(_))), "{made:?}");
    assert_eq!(changed.created(), 1);
}

#[tokio::test]
async fn tells_no_text_of_a_refusal_since_it_may_quote_the_private_key() {
    for (code, reason, told) in [
        (403, "Forbidden", "403 Forbidden"),
        (422, "Invalid", "422 Invalid"),
        (400, "s3cret", "400"),
    ] {
        let api = Api::refusing(code, reason, "admission webhook denied s3cret");
        let made = make(&api.client(), &config(), &KeyRing::default(), &Slot::First).await;
        let text = format!("cannot write Secret `key-first`: the API server answered {told}");
        assert_eq!(made.unwrap_err().to_string(), text);
    }
    // An answer that is no API status at all.
    let api = Api {
        refusal: Some((500, json!("s3cret"))),
        ..Api::default()
    };
    let made = make(&api.client(), &config(), &KeyRing::default(), &Slot::First).await;
    let text = "cannot write Secret `key-first`: the API server answered 500";
    assert_eq!(made.unwrap_err().to_string(), text);
}
