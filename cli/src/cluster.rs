//! The cluster that is meant, as kubectl finds it: kubeconfig, context, namespace.

mod overrides;
mod plugin;
mod token;

use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::client::ClientBuilder;
use kube::config::{Context, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use tower::util::MapRequestLayer;

pub(crate) use self::overrides::Overrides;
use crate::text::Text;
use crate::{Io, error, input, proxy};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// How flags and environment say to reach the cluster.
pub(crate) struct ClusterAccess {
    pub(crate) kubeconfig: Option<PathBuf>,
    pub(crate) context: Option<String>,
    pub(crate) namespace: Option<String>,
    pub(crate) overrides: Overrides,
}

/// Why no cluster, or no namespace, can be named.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "invalid configuration: no configuration has been provided, \
         try setting KUBERNETES_MASTER environment variable"
    )]
    NoConfiguration,
    #[error("stat {}: no such file or directory", .0.display())]
    NoSuchFile(PathBuf),
    #[error("cannot read the kubeconfig `{}`: {cause}", path.display())]
    Unreadable { path: PathBuf, cause: String },
    #[error("context {0:?} does not exist")]
    NoSuchContext(String),
    #[error("cluster {0:?} does not exist")]
    NoSuchCluster(String),
    #[error("auth info {0:?} does not exist")]
    NoSuchUser(String),
    #[error(
        "Invalid timeout value. Timeout must be a single integer in seconds, or an integer followed \
         by a corresponding time unit (e.g. 1s | 2m | 3h)"
    )]
    Timeout,
    #[error(transparent)]
    Plugin(#[from] plugin::Error),
    #[error(transparent)]
    Token(#[from] token::Error),
    #[error("cannot use the kubeconfig: {0}")]
    Unusable(String),
    #[error("cannot use the configuration of this pod: {0}")]
    InCluster(String),
}

impl Error {
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Plugin(error) => error.hint(),
            _ => None,
        }
    }
}

/// Where the configuration comes from.
enum Found {
    Kubeconfig(Box<Kubeconfig>),
    InCluster,
}

impl ClusterAccess {
    /// A client that gives up soon and sends nothing twice.
    pub(crate) async fn client(&self, io: &mut Io) -> Result<Client, Error> {
        let timeout = self.overrides.timeout()?.unwrap_or(READ_TIMEOUT);
        let mut config = match self.find(io)? {
            Found::Kubeconfig(kubeconfig) => {
                let context = self.selected_context(&kubeconfig)?;
                let effective = self.overrides.apply(&kubeconfig, context.as_ref())?;
                with_proxy(effective, io).await?
            }
            Found::InCluster => {
                let mut config =
                    Config::incluster().map_err(|error| Error::InCluster(error.to_string()))?;
                config.proxy_url = proxy::proxy_for(&config.cluster_url, io);
                config
            }
        };
        if config.cluster_url.scheme_str() != Some("https") {
            // Whoever listens on the way could use them.
            config.auth_info = Overrides::without_credentials(&config.auth_info);
        }
        if let Some(plugin) = config.auth_info.exec.take() {
            config.auth_info = plugin::sign_in(&plugin, config.auth_info, io)?;
        }
        config.default_retry = false;
        config.connect_timeout = Some(CONNECT_TIMEOUT.min(timeout));
        config.read_timeout = Some(timeout);
        let add_token = token::take(&mut config.auth_info)?;
        let builder = ClientBuilder::try_from(config).map_err(|error| match error {
            // The address may hold a password.
            kube::Error::ProxyProtocolUnsupported { .. } => {
                Error::Unusable("only http and socks5 proxies are supported".to_owned())
            }
            error => Error::Unusable(error::root_cause(&error)),
        })?;
        Ok(match add_token {
            Some(add_token) => builder.with_layer(&MapRequestLayer::new(add_token)).build(),
            None => builder.build(),
        })
    }

    /// The namespace of the selected context; none where no configuration names a cluster.
    pub(crate) fn default_namespace(&self, io: &Io) -> Result<Option<String>, Error> {
        match self.find(io) {
            Ok(Found::Kubeconfig(kubeconfig)) => {
                let Some(context) = self.selected_context(&kubeconfig)? else {
                    return Err(Error::NoConfiguration);
                };
                let namespace = context.namespace.filter(|namespace| !namespace.is_empty());
                Ok(Some(namespace.unwrap_or_else(|| "default".to_owned())))
            }
            Ok(Found::InCluster) => match io.variable(&["POD_NAMESPACE"]) {
                Some(namespace) => Ok(Some(namespace.to_owned())),
                None => Ok(Config::incluster()
                    .ok()
                    .map(|config| config.default_namespace)),
            },
            Err(error) => Err(error),
        }
    }

    fn find(&self, io: &Io) -> Result<Found, Error> {
        if let Some(path) = &self.kubeconfig {
            if !path.exists() {
                return Err(Error::NoSuchFile(path.clone()));
            }
            return Ok(Found::Kubeconfig(Box::new(read(path)?)));
        }
        let kubeconfig = match io.variable(&["KUBECONFIG"]) {
            Some(list) => merged(std::env::split_paths(list))?,
            None => merged(
                io.variable(&["HOME", "USERPROFILE"])
                    .map(|home| Path::new(home).join(".kube/config")),
            )?,
        };
        match kubeconfig {
            Some(kubeconfig)
                if kubeconfig.current_context.is_some()
                    || self.context.is_some()
                    || self.overrides.name_a_cluster() =>
            {
                Ok(Found::Kubeconfig(Box::new(kubeconfig)))
            }
            None if self.overrides.server.is_some() => Ok(Found::Kubeconfig(Box::default())),
            _ if io.variable(&["KUBERNETES_SERVICE_HOST"]).is_some() => Ok(Found::InCluster),
            _ => Err(Error::NoConfiguration),
        }
    }

    fn selected_context(&self, kubeconfig: &Kubeconfig) -> Result<Option<Context>, Error> {
        let selected = self
            .context
            .as_deref()
            .or(kubeconfig.current_context.as_deref());
        let Some(name) = selected.filter(|name| !name.is_empty()) else {
            return Ok(None);
        };
        let named = kubeconfig
            .contexts
            .iter()
            .find(|context| context.name == name);
        let context = named.and_then(|named| named.context.clone());
        context
            .map(Some)
            .ok_or_else(|| Error::NoSuchContext(name.to_owned()))
    }
}

/// kube compares NO_PROXY with the proxy's own address instead of the cluster's, so the proxy is
/// chosen here: the kubeconfig's own, else the environment's.
async fn with_proxy(kubeconfig: Kubeconfig, io: &mut Io) -> Result<Config, Error> {
    let cluster = kubeconfig.clusters.first();
    let own = cluster.and_then(|named| named.cluster.as_ref()?.proxy_url.clone());
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .map_err(|error| Error::Unusable(describe(&error)))?;
    config.proxy_url = match own.filter(|url| !url.is_empty()) {
        Some(url) => Some(
            url.parse()
                .map_err(|_| Error::Unusable("`proxy-url` is no URL".to_owned()))?,
        ),
        None => proxy::proxy_for(&config.cluster_url, io),
    };
    Ok(config)
}

/// Merges the files that exist, as kubectl does.
fn merged(paths: impl IntoIterator<Item = PathBuf>) -> Result<Option<Kubeconfig>, Error> {
    let mut merged: Option<Kubeconfig> = None;
    for path in paths.into_iter().filter(|path| path.exists()) {
        let next = read(&path)?;
        merged = Some(match merged {
            None => next,
            Some(first) => first
                .merge(next)
                .map_err(|error| Error::Unusable(describe(&error)))?,
        });
    }
    Ok(merged)
}

fn read(path: &Path) -> Result<Kubeconfig, Error> {
    let fail = |cause| Error::Unreadable {
        path: path.to_owned(),
        cause,
    };
    // kube panics on UTF-16 that ends within a letter; a pipe can be read only once.
    if path.is_file() {
        let bytes = input::read_file(path).map_err(|error| fail(error.to_string()))?;
        Text::read(bytes).map_err(|error| fail(error.to_string()))?;
    }
    Kubeconfig::read_from(path).map_err(|error| fail(describe(&error)))
}

/// A kubeconfig may hold credentials, and a parser's words may quote them.
fn describe(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::ReadConfig(source, _) => error::cause(source),
        KubeconfigError::Parse(source) => match source.location() {
            Some(place) => format!(
                "line {}, column {}: not a kubeconfig",
                place.line(),
                place.column()
            ),
            None => "not a kubeconfig".to_owned(),
        },
        other => other.to_string(),
    }
}
