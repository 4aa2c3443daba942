//! What the controller asked: kept on its way to the server in memory, read from the audit log of a real one.

use std::sync::{Arc, Mutex, PoisonError};

use apiserver::Service;
use http::Method;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tower::{Service as _, service_fn};

const WRITING: [&str; 5] = ["create", "update", "patch", "delete", "deletecollection"];

/// One request, as an audit log tells it.
#[derive(Clone, Debug)]
pub struct Request {
    pub user: String,
    pub verb: String,
    /// Which object or kind of objects it was about.
    pub object: Value,
    /// Of the answer.
    pub code: u64,
}

impl Request {
    /// Whether it changed something.
    pub fn is_write(&self) -> bool {
        self.code < 300 && WRITING.contains(&self.verb.as_str())
    }

    /// Whether it is this verb on this kind of objects.
    pub fn is(&self, verb: &str, resource: &str) -> bool {
        self.verb == verb && self.object["resource"] == resource
    }
}

/// Requests that a user made so far.
#[derive(Clone, Default)]
pub(crate) struct Kept(Arc<Mutex<Vec<Request>>>);

impl Kept {
    pub(crate) fn all(&self) -> Vec<Request> {
        self.lock().clone()
    }

    /// A client of the server in memory, whose requests are kept.
    pub(crate) fn client(&self, service: &Service, user: &str) -> Client {
        let (kept, service, user) = (self.clone(), service.clone(), user.to_owned());
        let passing = service_fn(move |request: http::Request<Body>| {
            let (kept, mut service, user) = (kept.clone(), service.clone(), user.clone());
            let (verb, object) = told(request.method(), request.uri());
            async move {
                let answer = service.call(request).await?;
                kept.lock().push(Request {
                    user,
                    verb,
                    object,
                    code: answer.status().as_u16().into(),
                });
                Ok::<_, <Service as tower::Service<http::Request<Body>>>::Error>(answer)
            }
        });
        Client::new(passing, "default")
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Request>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a request does, and to which object or kind of objects.
fn told(method: &Method, uri: &http::Uri) -> (String, Value) {
    let mut parts: Vec<&str> = uri.path().trim_matches('/').split('/').collect();
    let head = if parts[0] == "api" { 2 } else { 3 }; // `api/v1`, `apis/GROUP/VERSION`
    parts.drain(..head.min(parts.len()));
    let namespace = match *parts {
        ["namespaces", namespace, _, ..] => Some(namespace),
        _ => None,
    };
    if namespace.is_some() {
        parts.drain(..2);
    }
    let part = |index: usize| parts.get(index).copied();
    let query = uri.query().unwrap_or_default();
    let verb = match (method.as_str(), part(1)) {
        ("GET", None) if query.contains("watch=true") => "watch",
        ("GET", None) => "list",
        ("GET", Some(_)) => "get",
        ("POST", _) => "create",
        ("PUT", _) => "update",
        ("PATCH", _) => "patch",
        ("DELETE", None) => "deletecollection",
        ("DELETE", Some(_)) => "delete",
        (other, _) => other,
    };
    let object = json!({
        "resource": part(0), "namespace": namespace, "name": part(1), "subresource": part(2),
    });
    (verb.to_owned(), object)
}
