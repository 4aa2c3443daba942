//! The requests to the API server, counted by verb and by the code of the answer.

use http::{Method, Request};
use kube::Client;
use kube::client::Body;
use prometheus::IntCounterVec;
use tower::service_fn;

/// A client whose requests are counted.
pub(crate) fn counted(client: Client, requests: IntCounterVec) -> Client {
    let namespace = client.default_namespace().to_owned();
    let counted = service_fn(move |request: Request<Body>| {
        let requests = requests.clone();
        let verb = verb(request.method(), request.uri());
        let client = client.clone();
        async move {
            let answer = client.send(request).await;
            let code = match &answer {
                Ok(answer) => answer.status().as_str().to_owned(),
                Err(_) => "none".to_owned(),
            };
            requests.with_label_values(&[verb, &code]).inc();
            answer
        }
    });
    Client::new(counted, namespace)
}

/// What Kubernetes calls a request.
fn verb(method: &Method, uri: &http::Uri) -> &'static str {
    let mut query = uri.query().unwrap_or_default().split('&');
    match *method {
        Method::GET if query.any(|pair| matches!(pair, "watch" | "watch=true" | "watch=1")) => {
            "watch"
        }
        Method::GET if names_one(uri.path()) => "get",
        Method::GET => "list",
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        _ => "other",
    }
}

/// Whether a path leads to one object, and not to all of a kind.
fn names_one(path: &str) -> bool {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let below_version = match parts.as_slice() {
        ["api", _, rest @ ..] | ["apis", _, _, rest @ ..] => rest,
        _ => return false,
    };
    match below_version {
        ["namespaces", _, _, rest @ ..] => !rest.is_empty(),
        [_, rest @ ..] => !rest.is_empty(),
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_requests_as_kubernetes_does() {
        for (method, path, name) in [
            (Method::GET, "/api/v1/secrets?watch=true&x=y", "watch"),
            (Method::GET, "/api/v1/secrets?limit=500", "list"),
            (Method::GET, "/api/v1/namespaces/shop/secrets", "list"),
            (Method::GET, "/api/v1/namespaces/shop/secrets/db", "get"),
            (Method::GET, "/api/v1/namespaces/shop", "get"),
            (
                Method::GET,
                "/apis/bitnami.com/v1alpha1/sealedsecrets",
                "list",
            ),
            (Method::POST, "/api/v1/namespaces/shop/events", "create"),
            (
                Method::PUT,
                "/apis/bitnami.com/v1alpha1/namespaces/shop/sealedsecrets/db/status",
                "update",
            ),
            (Method::PATCH, "/api/v1/namespaces/shop/events/e", "patch"),
            (
                Method::DELETE,
                "/api/v1/namespaces/shop/secrets/db",
                "delete",
            ),
        ] {
            assert_eq!(verb(&method, &path.parse().unwrap()), name, "{path}");
        }
    }
}
