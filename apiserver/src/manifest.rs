//! Manifests: several objects in one YAML text, each created as a client would.

use std::sync::Arc;

use http::{HeaderMap, Method};
use http_body_util::BodyExt;
use serde_json::Value;

use crate::Error;
use crate::cluster::Cluster;
use crate::request::{Query, Request};

pub(crate) async fn create(cluster: &Arc<Cluster>, yaml: &str) -> Result<(), Error> {
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(yaml).map_err(|error| Error::Manifest(error.to_string()))?;
    for document in documents {
        match document {
            Value::Null => {}
            Value::Object(mut list) if list.get("kind").is_some_and(|kind| kind == "List") => {
                for item in list
                    .remove("items")
                    .and_then(|items| items.as_array().cloned())
                    .unwrap_or_default()
                {
                    create_one(cluster, item).await?;
                }
            }
            object => create_one(cluster, object).await?,
        }
    }
    Ok(())
}

async fn create_one(cluster: &Arc<Cluster>, object: Value) -> Result<(), Error> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (api_version, kind, name) = (
        text(&object["apiVersion"]),
        text(&object["kind"]),
        text(&object["metadata"]["name"]),
    );
    let refuse = |message: String| Error::Create {
        kind: kind.clone(),
        name: name.clone(),
        message,
    };
    let resource = cluster
        .registry
        .of_kind(&api_version, &kind)
        .ok_or_else(|| {
            refuse(format!(
                "no matches for kind {kind:?} in version {api_version:?}"
            ))
        })?;
    let prefix = if resource.group.is_empty() {
        "api"
    } else {
        "apis"
    };
    let namespace = match (
        resource.namespaced,
        object["metadata"]["namespace"].as_str(),
    ) {
        (true, namespace) => format!("/namespaces/{}", namespace.unwrap_or("default")),
        (false, _) => String::new(),
    };
    let request = Request {
        method: Method::POST,
        path: format!("/{prefix}/{api_version}{namespace}/{}", resource.plural),
        query: Query::default(),
        headers: HeaderMap::new(),
        body: object.to_string().into(),
    };
    let response = cluster.answer(request).await;
    if response.status().is_success() {
        return Ok(());
    }
    let body = response
        .into_body()
        .collect()
        .await
        .map(|body| body.to_bytes())
        .unwrap_or_default();
    let status: Value = serde_json::from_slice(&body).unwrap_or_default();
    Err(refuse(text(&status["message"])))
}
