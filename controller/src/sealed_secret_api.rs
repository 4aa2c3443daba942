//! SealedSecrets over the wire, one by one. Their answers are decoded as those of a watch are: whatever a tenant wrote.

use kube::api::GetParams;
use kube::core::Request;
use kube::{Client, Resource};
use sealing::{SealedSecret, Status};
use serde_json::json;

use crate::answer::{self, Error, MOST};
use crate::cluster::writing;
use crate::collection::Lenient;
use crate::guarded::Guarded;
use crate::namespaced_name::NamespacedName;

/// Reads a SealedSecret; none if there is none.
pub(crate) async fn get(client: &Client, key: &NamespacedName) -> Result<Option<Guarded>, Error> {
    let request = objects(&key.namespace).get(&key.name, &GetParams::default());
    match send(client, request.map_err(kube::Error::BuildRequest)?).await {
        Ok(object) => Ok(Some(object)),
        Err(error) if error.code() == Some(404) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Replaces the status of the very version of an object that was seen, and gives what it is then. The server takes
/// the status of a PUT to it and nothing else.
pub(crate) async fn replace_status(
    client: &Client,
    seen: &Guarded,
    status: &Status,
) -> Result<Guarded, Error> {
    let NamespacedName { namespace, name } = seen.key();
    let body = json!({
        "apiVersion": SealedSecret::api_version(&()),
        "kind": SealedSecret::kind(&()),
        "metadata": {
            "namespace": namespace,
            "name": name,
            "uid": seen.metadata().uid,
            "resourceVersion": seen.metadata().resource_version,
        },
        "status": status,
    });
    let body = body.to_string().into_bytes();
    let request = objects(&namespace).replace_subresource("status", &name, &writing(), body);
    send(client, request.map_err(kube::Error::BuildRequest)?).await
}

fn objects(namespace: &str) -> Request {
    let group = SealedSecret::api_version(&());
    let plural = SealedSecret::plural(&());
    Request::new(format!("/apis/{group}/namespaces/{namespace}/{plural}"))
}

async fn send(client: &Client, request: http::Request<Vec<u8>>) -> Result<Guarded, Error> {
    let answer = answer::begin(client, request).await?;
    let bytes = answer::read(answer.into_body(), MOST).await?;
    let text = std::str::from_utf8(&bytes).map_err(|_| Error::Decode)?;
    Guarded::from_json(text).ok_or(Error::Decode)
}
