//! Secrets over the wire. Their answers are decoded here, because a client that cannot decode one
//! would log it whole.

use k8s_openapi::Resource;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, GetParams, ListParams, Preconditions};
use kube::core::Request;
use kube::{Client, ResourceExt};
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::answer::{self, MOST};
use crate::cluster::{Late, in_time, writing};
use crate::refusal;

/// Why a Secret was not read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{}", refusal::told(.0))]
    Api(#[from] kube::Error),
    #[error(transparent)]
    Late(#[from] Late),
    /// The answer is no Secret; its text is not told.
    #[error("the API server's answer is not a Secret")]
    Answer,
}

impl From<answer::Error> for Error {
    fn from(error: answer::Error) -> Self {
        match error {
            answer::Error::Api(error) => Self::Api(error),
            answer::Error::Late(late) => Self::Late(late),
            answer::Error::Decode | answer::Error::TooLong(_) => Self::Answer,
        }
    }
}

/// Reads a Secret; none if there is none.
pub(crate) async fn get(
    client: &Client,
    namespace: &str,
    name: &str,
) -> Result<Option<Secret>, Error> {
    let request = secrets(namespace)
        .get(name, &GetParams::default())
        .map_err(kube::Error::BuildRequest)?;
    match send(client, request).await {
        Ok(secret) => Ok(Some(secret)),
        Err(Error::Api(kube::Error::Api(status))) if status.code == 404 => Ok(None),
        Err(error) => Err(error),
    }
}

/// Finds a Secret by a list: whoever may only list the Secrets of a namespace may do this.
pub(crate) async fn find(
    client: &Client,
    namespace: &str,
    name: &str,
) -> Result<Option<Secret>, Error> {
    let by_name = ListParams::default().fields(&format!("metadata.name={name}"));
    let request = secrets(namespace).list(&by_name);
    let answer = send(client, request.map_err(kube::Error::BuildRequest)?).await;
    let found: List<Secret> = answer?;
    Ok(found.items.into_iter().next())
}

/// Deletes the very version of a Secret that was seen; false if there is none, or another.
pub(crate) async fn delete(client: &Client, seen: &Secret) -> Result<bool, Error> {
    let options = DeleteParams {
        preconditions: Some(Preconditions {
            uid: seen.uid(),
            resource_version: seen.resource_version(),
        }),
        ..DeleteParams::default()
    };
    let namespace = seen.namespace().unwrap_or_default();
    let request = secrets(&namespace).delete(&seen.name_any(), &options);
    let answer = client.request_text(request.map_err(kube::Error::BuildRequest)?);
    match in_time(answer).await?.map(Zeroizing::new) {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Creates a Secret, in one attempt.
pub(crate) async fn create(client: &Client, secret: &Secret) -> Result<Secret, Error> {
    let namespace = secret.namespace().unwrap_or_default();
    let body = serde_json::to_vec(secret).map_err(kube::Error::SerdeError)?;
    let request = secrets(&namespace).create(&writing(), body);
    send(client, request.map_err(kube::Error::BuildRequest)?).await
}

/// Replaces the very version of a Secret that its `resourceVersion` names.
pub(crate) async fn replace(client: &Client, secret: &Secret) -> Result<Secret, Error> {
    let namespace = secret.namespace().unwrap_or_default();
    let body = serde_json::to_vec(secret).map_err(kube::Error::SerdeError)?;
    let request = secrets(&namespace).replace(&secret.name_any(), &writing(), body);
    send(client, request.map_err(kube::Error::BuildRequest)?).await
}

fn secrets(namespace: &str) -> Request {
    Request::new(format!(
        "/api/{}/namespaces/{namespace}/secrets",
        Secret::VERSION
    ))
}

/// As much of a list as anybody here asks for.
#[derive(serde::Deserialize)]
struct List<K> {
    items: Vec<K>,
}

async fn send<T: DeserializeOwned>(
    client: &Client,
    request: http::Request<Vec<u8>>,
) -> Result<T, Error> {
    let answer = answer::begin(client, request).await?;
    let bytes = answer::read(answer.into_body(), MOST).await?;
    serde_json::from_slice(&bytes).map_err(|_| Error::Answer)
}
