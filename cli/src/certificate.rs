//! The certificate to seal to: from a file, a URL, or the controller in the cluster.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::{Request, Uri, header};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Service;
use kube::client::Body;
use kube::{Api, Client};
use sealing::Certificate;

use crate::cluster::ClusterAccess;
use crate::{Io, error, input, proxy};

const FETCH_TIMEOUT: Duration = Duration::from_secs(30);
const WARNED_BEFORE_EXPIRY: SignedDuration = SignedDuration::from_hours(30 * 24);

const DEFAULT_NAMESPACE: &str = "kube-system";
const DEFAULT_NAME: &str = "sealed-secrets-controller";
/// Where upstream's manifests and charts put the controller. Never found by a label: whoever may
/// create a labelled Service would receive everybody's values.
const KNOWN_NAMESPACES: [&str; 2] = [DEFAULT_NAMESPACE, "sealed-secrets"];
const KNOWN_NAMES: [&str; 2] = [DEFAULT_NAME, "sealed-secrets"];

/// Where the certificate comes from.
pub(crate) enum Source {
    /// A file or a URL.
    Location(String),
    Controller(ControllerService),
}

/// The controller's Service, as far as it was named.
pub(crate) struct ControllerService {
    pub(crate) namespace: Option<String>,
    pub(crate) name: Option<String>,
}

/// Why there is no certificate to seal to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    File(#[from] input::Error),
    #[error("cannot fetch {location:?}: {cause}")]
    Location { location: String, cause: String },
    #[error(
        "cannot get sealed secret service: {0}.\nPlease, use the flag --controller-name and \
         --controller-namespace to set up the name and namespace of the sealed secrets controller"
    )]
    Service(String),
    #[error("cannot get sealed secret service: {0}")]
    SeveralServices(String),
    #[error("cannot get sealed secret service: Service `{namespace}/{name}` has no ports")]
    NoPorts { namespace: String, name: String },
    #[error("cannot fetch certificate: {0}")]
    Fetch(String),
    #[error(transparent)]
    Unusable(#[from] sealing::certificate::Error),
}

impl Error {
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::File(input::Error::Open { path, source })
                if source.kind() == io::ErrorKind::NotFound =>
            {
                Some(format!(
                    "save one with `kubeseal --fetch-cert > {}`",
                    path.display()
                ))
            }
            Self::SeveralServices(_) => {
                Some("name one with `--controller-namespace` and `--controller-name`".to_owned())
            }
            _ => None,
        }
    }
}

impl Source {
    /// The certificate's bytes, as they are stored or served.
    pub(crate) async fn fetch(
        &self,
        cluster: &ClusterAccess,
        io: &mut Io,
    ) -> Result<Vec<u8>, crate::Error> {
        match self {
            Self::Location(location) => Ok(from_location(location, io).await?),
            Self::Controller(service) => {
                let client = cluster.client(io).await?;
                let (namespace, name) = service.find(&client, io).await?;
                Ok(from_cluster(&client, &namespace, &name).await?)
            }
        }
    }

    /// The certificate, if it can be sealed to now.
    pub(crate) async fn certificate(
        &self,
        cluster: &ClusterAccess,
        io: &mut Io,
    ) -> Result<Certificate, crate::Error> {
        let certificate = usable(&self.fetch(cluster, io).await?, io.now)?;
        if io.now + WARNED_BEFORE_EXPIRY > certificate.not_after() {
            let end = certificate.not_after().strftime("%B %-d, %Y");
            io.warn(&format!(
                "the certificate expires on {end}; fetch the controller's newest one"
            ));
        }
        Ok(certificate)
    }
}

/// Reads a certificate and checks that its time is not over.
pub(crate) fn usable(pem: &[u8], now: Timestamp) -> Result<Certificate, Error> {
    let certificate = Certificate::from_pem(pem)?;
    certificate.check_not_expired(now)?;
    Ok(certificate)
}

/// Asks the controller's Service for its certificate, through the API server's proxy.
pub async fn from_cluster(
    client: &Client,
    namespace: &str,
    service: &str,
) -> Result<Vec<u8>, Error> {
    let found = Api::<Service>::namespaced(client.clone(), namespace)
        .get(service)
        .await;
    let found = found.map_err(|error| Error::Service(describe(&error)))?;
    let ports = found.spec.and_then(|spec| spec.ports).unwrap_or_default();
    let Some(port) = ports.into_iter().next() else {
        return Err(Error::NoPorts {
            namespace: namespace.to_owned(),
            name: service.to_owned(),
        });
    };
    // Without a port name the colon stays: permissions are granted on that very name.
    let port = port.name.unwrap_or_default();
    let path =
        format!("/api/v1/namespaces/{namespace}/services/http:{service}:{port}/proxy/v1/cert.pem");
    let request = Request::get(path)
        .header(header::ACCEPT, "application/x-pem-file, */*")
        .body(Body::empty());
    let fetch = async {
        let response = client
            .send(request.map_err(kube::Error::HttpError)?)
            .await?;
        let status = response.status();
        let body = response.into_body().collect_bytes().await?;
        Ok((status, body))
    };
    let (status, body) = fetch
        .await
        .map_err(|error: kube::Error| Error::Fetch(describe(&error)))?;
    if status.is_success() {
        Ok(body.to_vec())
    } else {
        Err(Error::Fetch(refusal(status, &body)))
    }
}

impl ControllerService {
    /// The Service to ask. When nothing was said and the default does not exist, it is the only one
    /// of the known names in the known namespaces.
    async fn find(&self, client: &Client, io: &mut Io) -> Result<(String, String), Error> {
        let namespace = self.namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE);
        let name = self.name.as_deref().unwrap_or(DEFAULT_NAME);
        let default = || (namespace.to_owned(), name.to_owned());
        if self.namespace.is_some()
            || self.name.is_some()
            || exists(client, namespace, name).await?
        {
            return Ok(default());
        }
        let mut found = Vec::new();
        for namespace in KNOWN_NAMESPACES {
            for name in KNOWN_NAMES {
                if (namespace, name) != (DEFAULT_NAMESPACE, DEFAULT_NAME)
                    && exists(client, namespace, name).await?
                {
                    found.push((namespace.to_owned(), name.to_owned()));
                }
            }
        }
        match found.as_slice() {
            [] => Ok(default()), // and the error is about the default
            [(namespace, name)] => {
                io.note(&format!(
                    "using the controller's Service `{namespace}/{name}`"
                ));
                Ok((namespace.clone(), name.clone()))
            }
            several => {
                let names: Vec<_> = several
                    .iter()
                    .map(|(namespace, name)| format!("`{namespace}/{name}`"))
                    .collect();
                Err(Error::SeveralServices(format!(
                    "{} may all be it",
                    names.join(" and ")
                )))
            }
        }
    }
}

async fn exists(client: &Client, namespace: &str, name: &str) -> Result<bool, Error> {
    match Api::<Service>::namespaced(client.clone(), namespace)
        .get(name)
        .await
    {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(false),
        Err(error) => Err(Error::Service(describe(&error))),
    }
}

async fn from_location(location: &str, io: &mut Io) -> Result<Vec<u8>, Error> {
    match scheme(location) {
        None => Ok(input::read_file(Path::new(location))?.to_vec()),
        Some("file") => Ok(input::read_file(&file_path(location))?.to_vec()),
        Some("http" | "https") => {
            let location_told = without_password(location);
            let fail = |cause| Error::Location {
                location: location_told,
                cause,
            };
            from_url(location, io).await.map_err(fail)
        }
        Some(other) => {
            let cause = format!("unsupported protocol scheme {other:?}");
            Err(Error::Location {
                location: without_password(location),
                cause,
            })
        }
    }
}

/// The scheme of a URL; a single letter is a drive of Windows.
fn scheme(location: &str) -> Option<&str> {
    let (scheme, _) = location.split_once(':')?;
    let is_scheme = scheme.len() > 1
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    is_scheme.then_some(scheme)
}

fn file_path(location: &str) -> PathBuf {
    let path = location.trim_start_matches("file:");
    // After two slashes a host may stand; the path begins with the third.
    let path = path
        .strip_prefix("//")
        .map_or(path, |rest| rest.find('/').map_or(rest, |at| &rest[at..]));
    PathBuf::from(path)
}

async fn from_url(location: &str, io: &mut Io) -> Result<Vec<u8>, String> {
    let uri: Uri = location.parse().map_err(|_| "not a URL".to_owned())?;
    if uri.scheme_str() == Some("http") {
        io.warn("the certificate comes over plain http: anyone on the way can put another one in its place");
    }
    let mut builder = reqwest::Client::builder().timeout(FETCH_TIMEOUT).no_proxy();
    if let Some(address) = proxy::proxy_for(&uri, io) {
        let all =
            reqwest::Proxy::all(address.to_string()).map_err(|error| error::root_cause(&error))?;
        builder = builder.proxy(all);
    }
    let fetch = async {
        let response = builder.build()?.get(location).send().await?;
        let status = response.status();
        Ok((status, response.bytes().await?))
    };
    let (status, body) = fetch
        .await
        .map_err(|error: reqwest::Error| error::root_cause(&error.without_url()))?;
    if status == reqwest::StatusCode::OK {
        Ok(body.to_vec())
    } else {
        Err(status.to_string())
    }
}

/// The address without what stands in front of its host: an error may end up in a log.
fn without_password(location: &str) -> String {
    let Some((scheme, rest)) = location.split_once("://") else {
        return location.to_owned();
    };
    let authority = rest.split('/').next().unwrap_or_default();
    let credentials = authority.rfind('@').map_or(0, |at| at + 1);
    format!("{scheme}://{}", &rest[credentials..])
}

fn describe(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        other => error::root_cause(other),
    }
}

/// The API server says why in a Status; a proxied answer may be anything, and is not repeated.
fn refusal(status: http::StatusCode, body: &[u8]) -> String {
    let message = serde_json::from_slice::<serde_json::Value>(body)
        .ok()
        .and_then(|body| Some(body.get("message")?.as_str()?.to_owned()))
        .filter(|message| !message.is_empty());
    message.unwrap_or_else(|| format!("the server answered {status}"))
}
