//! The controller in the cluster: where its Service is, and what it answers through the API
//! server's proxy.

use std::time::Duration;

use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use k8s_openapi::api::core::v1::Service;
use kube::Client;
use kube::client::Body;

use crate::cluster::ClusterAccess;
use crate::progress::Progress;
use crate::{Io, error};

const DEFAULT_NAMESPACE: &str = "kube-system";
const DEFAULT_NAME: &str = "sealed-secrets-controller";
/// What upstream's manifests and charts call the controller. Never found by a label: whoever may
/// create a labelled Service would receive everybody's values.
const KNOWN_NAMES: [&str; 2] = [DEFAULT_NAME, "sealed-secrets"];
/// Another namespace that people put it in, and that is anybody's who may create namespaces.
const OTHER_NAMESPACE: &str = "sealed-secrets";

/// So often is a request repeated that was refused for now, as Go's client does.
const REPEATED: usize = 10;
/// Who is told to stay away for longer gives up.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// More than any object that a cluster stores; whoever sends on and on fills no memory.
const LARGEST_ANSWER: usize = 16 << 20;

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
    #[error(
        "cannot get sealed secret service: {missing}; there is `{OTHER_NAMESPACE}/{name}`, but whoever \
         may create namespaces may have made it"
    )]
    Unconfirmed { missing: String, name: String },
    #[error("cannot get sealed secret service: Service `{namespace}/{name}` has no ports")]
    NoPorts { namespace: String, name: String },
}

impl Error {
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::SeveralServices(_) => {
                Some("name one with `--controller-namespace` and `--controller-name`".to_owned())
            }
            Self::Unconfirmed { name, .. } => Some(format!(
                "if it is your controller, say so: `--controller-namespace {OTHER_NAMESPACE} --controller-name {name}`"
            )),
            _ => None,
        }
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        let text = self.to_string();
        match (self, text.rsplit_once('\n')) {
            (Self::Service(_), Some((cause, flags))) => vec![cause.to_owned(), flags.to_owned()],
            _ => vec![text],
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
    /// of the known names: in the default namespace, else in the other one, if somebody confirms it.
    async fn find(&self, client: &Client, io: &mut Io) -> Result<(String, String, Service), Error> {
        let namespace = self.namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE);
        let name = self.name.as_deref().unwrap_or(DEFAULT_NAME);
        let missing = match get(client, namespace, name, io).await? {
            Ok(service) => return Ok((namespace.to_owned(), name.to_owned(), service)),
            Err(missing) => missing,
        };
        if self.namespace.is_some() || self.name.is_some() {
            return Err(Error::Service(missing));
        }
        for namespace in [DEFAULT_NAMESPACE, OTHER_NAMESPACE] {
            let Some((name, service)) = the_only_one(client, namespace, io).await? else {
                continue;
            };
            let question = format!(
                "use `{namespace}/{name}`? it is your controller only if nobody else may create namespaces"
            );
            if namespace == OTHER_NAMESPACE && !io.confirm(&question) {
                let name = name.to_owned();
                return Err(Error::Unconfirmed { missing, name });
            }
            io.note(&format!(
                "using the controller's Service `{namespace}/{name}`"
            ));
            return Ok((namespace.to_owned(), name.to_owned(), service));
        }
        Err(Error::Service(missing))
    }
}

/// The Service in a namespace that has a known name; who may read the default only finds none.
async fn the_only_one(
    client: &Client,
    namespace: &str,
    io: &mut Io,
) -> Result<Option<(&'static str, Service)>, Error> {
    let mut found = Vec::new();
    for name in KNOWN_NAMES {
        let is_default = (namespace, name) == (DEFAULT_NAMESPACE, DEFAULT_NAME);
        if !is_default && let Ok(Ok(service)) = get(client, namespace, name, io).await {
            found.push((name, service));
        }
    }
    if found.len() > 1 {
        let names = found
            .iter()
            .map(|(name, _)| format!("`{namespace}/{name}`"));
        let names = names.collect::<Vec<_>>().join(" and ");
        return Err(Error::SeveralServices(format!("{names} may both be it")));
    }
    Ok(found.pop())
}

impl Controller {
    pub(crate) async fn get(&self, path: &str, accept: &str) -> Result<Answer, String> {
        let request = || {
            Request::get(self.address(path))
                .header(header::ACCEPT, accept)
                .body(Vec::new())
        };
        self.send(request).await
    }

    /// Posts an object.
    pub(crate) async fn post(&self, path: &str, object: &[u8]) -> Result<Answer, String> {
        let request = || {
            Request::post(self.address(path))
                .header(header::CONTENT_TYPE, "application/json")
                .body(object.to_vec())
        };
        self.send(request).await
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
    ) -> Result<Answer, String> {
        send(&self.client, &self.service, request).await
    }
}

/// Sends a request, and again where the server says when.
async fn send(
    client: &Client,
    service: &str,
    request: impl Fn() -> Result<Request<Vec<u8>>, http::Error>,
) -> Result<Answer, String> {
    let mut repeated = 0;
    loop {
        let request = request().map_err(|error| error.to_string())?;
        let response = client.send(request.map(Body::from)).await;
        let response = response.map_err(|error| error::root_cause(&error))?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, LARGEST_ANSWER).collect().await;
        let body = body.map_err(|error| match error.is::<LengthLimitError>() {
            true => "the answer is larger than 16 MiB".to_owned(),
            false => error::root_cause(&*error),
        })?;
        let wait = retry_after(parts.status, &parts.headers);
        if let Some(wait) = wait.filter(|_| repeated < REPEATED) {
            tokio::time::sleep(wait).await;
            repeated += 1;
            continue;
        }
        return Ok(Answer {
            status: parts.status,
            body: body.to_bytes().to_vec(),
            service: service.to_owned(),
        });
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

/// A Service; if there is none, the API server's words for that.
async fn get(
    client: &Client,
    namespace: &str,
    name: &str,
    io: &mut Io,
) -> Result<Result<Service, String>, Error> {
    let request =
        || Request::get(format!("/api/v1/namespaces/{namespace}/services/{name}")).body(Vec::new());
    let answer = send(client, name, request);
    let answer = Progress::waiting("waiting for the cluster", answer, io).await;
    let answer = answer.map_err(Error::Service)?;
    match answer.status {
        StatusCode::NOT_FOUND => Ok(Err(answer.refusal("get"))),
        status if status.is_success() => match serde_json::from_slice(&answer.body) {
            Ok(service) => Ok(Ok(service)),
            Err(_) => Err(Error::Service("the answer is no Service".to_owned())),
        },
        _ => Err(Error::Service(answer.refusal("get"))),
    }
}

/// How long to wait before asking again, where asking again is what the server wants: Go's client
/// does so only if it is told when.
fn retry_after(status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    if status != StatusCode::TOO_MANY_REQUESTS && !status.is_server_error() {
        return None;
    }
    let told = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    let wait = Duration::from_secs(told.parse().ok()?);
    Some(wait).filter(|wait| *wait <= LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_again_only_when_it_is_told_when() {
        let after = |status: u16, told: Option<&str>| {
            let told = told.map(|told| (header::RETRY_AFTER, told.parse().unwrap()));
            let status = StatusCode::from_u16(status).unwrap();
            retry_after(status, &told.into_iter().collect())
        };
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        for (status, told, wait) in [
            (429, Some("7"), seconds(7)),
            (503, Some("0"), seconds(0)),
            (500, Some("300"), seconds(300)),
            (429, None, None),
            (503, None, None),
            (409, Some("1"), None),
            (429, Some("301"), None),
            (429, Some("Fri, 01 Jan 2027 00:00:00 GMT"), None),
        ] {
            assert_eq!(after(status, told), wait, "{status} {told:?}");
        }
    }
}
