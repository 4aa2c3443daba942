//! The controller in the cluster: where its Service is, and what it answers through the API
//! server's proxy.

use std::time::Duration;

use http::{HeaderMap, Request, StatusCode, header};
use k8s_openapi::api::core::v1::Service;
use kube::client::Body;
use kube::{Api, Client};

use crate::cluster::ClusterAccess;
use crate::progress::Progress;
use crate::{Io, error};

const DEFAULT_NAMESPACE: &str = "kube-system";
const DEFAULT_NAME: &str = "sealed-secrets-controller";
/// Where upstream's manifests and charts put the controller. Never found by a label: whoever may
/// create a labelled Service would receive everybody's values.
const KNOWN_NAMESPACES: [&str; 2] = [DEFAULT_NAMESPACE, "sealed-secrets"];
const KNOWN_NAMES: [&str; 2] = [DEFAULT_NAME, "sealed-secrets"];

/// So often is a request repeated that was refused for now.
const ATTEMPTS: usize = 10;
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The controller's Service, as far as it was named.
pub(crate) struct ControllerService {
    pub(crate) namespace: Option<String>,
    pub(crate) name: Option<String>,
}

/// Why the controller's Service cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "cannot get sealed secret service: {0}.\nPlease, use the flag --controller-name and \
         --controller-namespace to set up the name and namespace of the sealed secrets controller"
    )]
    Service(String),
    #[error("cannot get sealed secret service: {0}")]
    SeveralServices(String),
    #[error("cannot get sealed secret service: Service `{namespace}/{name}` has no ports")]
    NoPorts { namespace: String, name: String },
}

impl Error {
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::SeveralServices(_) => {
                Some("name one with `--controller-namespace` and `--controller-name`".to_owned())
            }
            _ => None,
        }
    }
}

/// A controller that can be asked.
pub(crate) struct Controller {
    client: Client,
    namespace: String,
    /// `http:name:port`, as the proxy wants it.
    service: String,
}


    pub(crate) fn lines(&self) -> Vec<String> {
        let text = self.to_string();
        match (self, text.rsplit_once('\n')) {
            (Self::Service(_), Some((cause, flags))) => vec![cause.to_owned(), flags.to_owned()],
            _ => vec![text],
        }
    }
/// What the controller answered, or the API server in its place.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Vec<u8>,
    service: String,
}

impl ControllerService {
    pub(crate) async fn reach(
        &self,
        cluster: &ClusterAccess,
        io: &mut Io,
    ) -> Result<Controller, crate::Error> {
        let client = cluster.client(io).await?;
        let (namespace, name, service) = self.find(&client, io).await?;
        let ports = service.spec.and_then(|spec| spec.ports).unwrap_or_default();
        let Some(port) = ports.into_iter().next() else {
            return Err(Error::NoPorts { namespace, name }.into());
        };
        // Without a port name the colon stays: permissions are granted on that very name.
        let port = port.name.unwrap_or_default();
        Ok(Controller {
            client,
            namespace,
            service: format!("http:{name}:{port}"),
        })
    }

    /// The Service to ask. When nothing was said and the default does not exist, it is the only one
    /// of the known names in the known namespaces.
    async fn find(&self, client: &Client, io: &mut Io) -> Result<(String, String, Service), Error> {
        let namespace = self.namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE);
        let name = self.name.as_deref().unwrap_or(DEFAULT_NAME);
        let service = get(client, namespace, name);
        let missing = match Progress::waiting("waiting for the cluster", service, io).await {
            Ok(service) => return Ok((namespace.to_owned(), name.to_owned(), service)),
            Err(kube::Error::Api(status)) if status.code == 404 => status.message.clone(),
            Err(error) => return Err(Error::Service(describe(&error))),
        };
        if self.namespace.is_some() || self.name.is_some() {
            return Err(Error::Service(missing));
        }
        let mut found = Vec::new();
        for namespace in KNOWN_NAMESPACES {
            for name in KNOWN_NAMES {
                if (namespace, name) == (DEFAULT_NAMESPACE, DEFAULT_NAME) {
                    continue;
                }
                // Who may read the default only still hears about the default.
                let service = get(client, namespace, name);
                if let Ok(service) = Progress::waiting("waiting for the cluster", service, io).await
                {
                    found.push((namespace.to_owned(), name.to_owned(), service));
                }
            }
        }
        if found.len() > 1 {
            let names: Vec<_> = found
                .iter()
                .map(|(namespace, name, _)| format!("`{namespace}/{name}`"))
                .collect();
            let names = names.join(" and ");
            return Err(Error::SeveralServices(format!("{names} may all be it")));
        }
        let (namespace, name, service) = found.pop().ok_or(Error::Service(missing))?;
        io.note(&format!(
            "using the controller's Service `{namespace}/{name}`"
        ));
        Ok((namespace, name, service))
    }
}

impl Controller {
    pub(crate) async fn get(&self, path: &str, accept: &str) -> Result<Answer, String> {
        let request = || {
            Request::get(self.address(path))
                .header(header::ACCEPT, accept)
                .body(Vec::new())
        };
        self.send(request, 1).await
    }

    /// Posts an object; who is told to come again later does so.
    pub(crate) async fn post(&self, path: &str, object: &[u8]) -> Result<Answer, String> {
        let request = || {
            Request::post(self.address(path))
                .header(header::CONTENT_TYPE, "application/json")
                .body(object.to_vec())
        };
        self.send(request, ATTEMPTS).await
    }

    fn address(&self, path: &str) -> String {
        let Self {
            namespace, service, ..
        } = self;
        format!("/api/v1/namespaces/{namespace}/services/{service}/proxy/v1/{path}")
    }

    async fn send(
        &self,
        request: impl Fn() -> Result<Request<Vec<u8>>, http::Error>,
        attempts: usize,
    ) -> Result<Answer, String> {
        let mut attempt = 1;
        loop {
            let request = request().map_err(|error| error.to_string())?;
            let answer = async {
                let response = self.client.send(request.map(Body::from)).await?;
                let (parts, body) = response.into_parts();
                Ok((parts, body.collect_bytes().await?))
            };
            let (parts, body) = answer
                .await
                .map_err(|error: kube::Error| describe(&error))?;
            let wait = retry_after(parts.status, &parts.headers);
            if let Some(wait) = wait.filter(|_| attempt < attempts) {
                tokio::time::sleep(wait).await;
                attempt += 1;
                continue;
            }
            return Ok(Answer {
                status: parts.status,
                body: body.to_vec(),
                service: self.service.clone(),
            });
        }
    }
}

impl Answer {
    /// Why it is no success, in the words of Go's client.
    pub(crate) fn refusal(&self, verb: &str) -> String {
        let message = serde_json::from_slice::<serde_json::Value>(&self.body)
            .ok()
            .filter(|body| body.get("kind").is_some_and(|kind| kind == "Status"))
            .and_then(|body| Some(body.get("message")?.as_str()?.to_owned()))
            .filter(|message| !message.is_empty());
        if let Some(message) = message {
            return message;
        }
        let (status, service) = (self.status, &self.service);
        let text = String::from_utf8_lossy(&self.body);
        let text: String = text.trim().chars().take(200).collect();
        let what = match status.as_u16() {
            404 => "the server could not find the requested resource".to_owned(),
            409 => "the server reported a conflict".to_owned(),
            429 => "the server has received too many requests and has asked us to try again later"
                .to_owned(),
            500.. => format!(
                "an error on the server ({text:?}) has prevented the request from succeeding"
            ),
            code => format!(
                "the server responded with the status code {code} but did not return more information"
            ),
        };
        format!("{what} ({verb} services {service})")
    }
}

async fn get(client: &Client, namespace: &str, name: &str) -> Result<Service, kube::Error> {
    Api::namespaced(client.clone(), namespace).get(name).await
}

/// How long to wait before asking again, where asking again is what the server wants.
fn retry_after(status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers
        .get(header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.parse().ok())
        .map(Duration::from_secs);
    match status {
        StatusCode::TOO_MANY_REQUESTS => Some(seconds.unwrap_or(Duration::from_secs(1))),
        _ if status.is_server_error() => seconds,
        _ => None,
    }
    .map(|wait| wait.min(LONGEST_WAIT))
}

pub(crate) fn describe(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        other => error::root_cause(other),
    }
}
