//! A server with one CRD, a client of it, and the two ways to wait.

use std::time::Duration;

use apiserver::ApiServer;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, DynamicObject, PostParams};
use kube::core::{ApiResource, GroupVersionKind, Status};
use kube::{Client, Error};
use serde_json::{Value, json};

const CRD: &str = include_str!("crd.yaml");

pub(crate) struct Server {
    pub(crate) api: ApiServer,
    pub(crate) client: Client,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let api = ApiServer::start().await.unwrap();
        api.create_from_yaml(CRD).await.unwrap();
        let client = Client::new(api.service(), "default");
        Self { api, client }
    }

    pub(crate) fn secrets(&self) -> Api<Secret> {
        Api::default_namespaced(self.client.clone())
    }

    pub(crate) fn widgets(&self) -> Api<DynamicObject> {
        Api::default_namespaced_with(self.client.clone(), &widget_resource())
    }

    /// A GET with an `Accept` of its own.
    pub(crate) async fn get(&self, path: &str, accept: &str) -> Value {
        let request = http::Request::get(path)
            .header("accept", accept)
            .body(Vec::new())
            .unwrap();
        serde_json::from_str(&self.client.request_text(request).await.unwrap()).unwrap()
    }

    pub(crate) async fn create_widget(&self, widget: Value) -> DynamicObject {
        self.widgets()
            .create(&PostParams::default(), &object(widget))
            .await
            .unwrap()
    }

    pub(crate) async fn create_secret(&self, secret: Value) -> Secret {
        self.secrets()
            .create(
                &PostParams::default(),
                &serde_json::from_value(secret).unwrap(),
            )
            .await
            .unwrap()
    }
}

pub(crate) fn widget_resource() -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk("example.com", "v1", "Widget"))
}

pub(crate) fn object(value: Value) -> DynamicObject {
    serde_json::from_value(value).unwrap()
}

pub(crate) fn widget(name: &str, spec: Value) -> Value {
    json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": name}, "spec": spec})
}

/// What the server refused with.
pub(crate) fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> Box<Status> {
    match result.unwrap_err() {
        Error::Api(status) => status,
        other => panic!("{other:?}"),
    }
}

/// Asks until the answer is yes.
pub(crate) async fn eventually<F: Future<Output = bool>>(question: impl Fn() -> F) {
    for _ in 0..200 {
        if question().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it never came true");
}
