//! The connection: in-cluster credentials, or a kubeconfig that was named on purpose.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::api::PostParams;
use kube::client::ClientBuilder;
use kube::config::{InClusterError, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use tower::limit::RateLimitLayer;

use crate::config::RequestLimit;
use crate::token_file;

/// No watch is silent for longer: its bookmarks come every minute, and it ends after 290 s.
const SILENCE: Duration = Duration::from_secs(295);
/// Every other answer comes sooner than that, or not at all.
const ANSWER: Duration = Duration::from_secs(30);
const FIELD_MANAGER: &str = "sealed-secrets-controller";

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The process is in no cluster.
    #[error("cannot read the in-cluster configuration: {0}")]
    InCluster(#[from] InClusterError),
    /// The kubeconfig cannot be read. A text that is none is not quoted: it may hold credentials.
    #[error("cannot read the kubeconfig `{}`: {}", .0.display(), without_text(.1))]
    Kubeconfig(PathBuf, KubeconfigError),
    /// The token that is named in it, or the pod's.
    #[error(transparent)]
    Token(#[from] token_file::Error),
    /// No client can be made of it.
    #[error("cannot make a client: {0}")]
    Client(#[from] kube::Error),
}

/// The API server did not answer in time.
#[derive(Debug, thiserror::Error)]
#[error("the API server did not answer within {} s", ANSWER.as_secs())]
pub(crate) struct Late;

/// Connects to the cluster around this process, or to that of a kubeconfig; asks it no more than `limit`.
pub async fn connect(
    kubeconfig: Option<&Path>,
    limit: Option<RequestLimit>,
) -> Result<Client, Error> {
    let mut config = match kubeconfig {
        None => Config::incluster()?,
        Some(path) => from_file(path)
            .await
            .map_err(|error| Error::Kubeconfig(path.to_owned(), error))?,
    };
    // kube would send every method again, POST included, after answers that may hide a success.
    config.default_retry = false;
    config.read_timeout = Some(SILENCE);
    // kube does not trim it; and where there are both, client-go prefers the file.
    let token_file = config.auth_info.token_file.take();
    if token_file.is_some() {
        config.auth_info.token = None;
    }
    let client = ClientBuilder::try_from(config)?;
    let client = match limit {
        None => client.build(),
        Some(limit) => {
            let layer = RateLimitLayer::new(limit.burst.into(), limit.window());
            client.with_layer(&layer).build()
        }
    };
    let client = match token_file {
        None => client,
        Some(path) => token_file::authorized(client, Path::new(&path))?,
    };
    Ok(client)
}

/// Who writes, in the fields of every object that we write.
pub(crate) fn writing() -> PostParams {
    PostParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PostParams::default()
    }
}

/// Waits for the answer to anything but a watch.
pub(crate) async fn in_time<T>(call: impl Future<Output = T>) -> Result<T, Late> {
    tokio::time::timeout(ANSWER, call).await.map_err(|_| Late)
}

fn without_text(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::ReadConfig(cause, _) => cause.to_string(),
        KubeconfigError::Parse(_) => "not a kubeconfig".to_owned(),
        error => error.to_string(),
    }
}

async fn from_file(path: &Path) -> Result<Config, KubeconfigError> {
    let file = Kubeconfig::read_from(path)?;
    Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await
}
