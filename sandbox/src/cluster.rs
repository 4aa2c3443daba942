//! A cluster without machines: the API server in memory, installed as a real one would be, and the
//! controller beside it.

use std::io::Write;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use apiserver::ApiServer;
use controller::{Config, Listeners, Signals};
use kube::Client;
use kube::config::{KubeConfigOptions, Kubeconfig};
use tempfile::NamedTempFile;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

const CRD: &str = include_str!("../../crds/sealedsecrets.yaml");
const INSTALLATION: &str = include_str!("../../charts/static/controller.yaml");
const NAMESPACE: &str = "kube-system";
const SERVICE: &str = "sealed-secrets-controller";
const STARTED_WITHIN: Duration = Duration::from_secs(60);

/// A running cluster; it is gone when it is dropped.
pub(crate) struct Cluster {
    kubeconfig: NamedTempFile,
    client: Client,
    controller: JoinHandle<Result<(), controller::Error>>,
    stop: oneshot::Sender<()>,
    _server: ApiServer,
}

impl Cluster {
    /// Starts the API server, installs CRD and manifest, and runs the controller until it is ready.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let server = ApiServer::start().await?;
        server.create_from_yaml(CRD).await?;
        server.create_from_yaml(INSTALLATION).await?;
        let mut kubeconfig = NamedTempFile::with_prefix("sandbox-kubeconfig-")?;
        kubeconfig.write_all(server.kubeconfig().as_bytes())?;
        let client = connect(&server).await?;

        let listeners = Listeners {
            http: TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?,
            metrics: TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?,
        };
        server.serve_behind(NAMESPACE, SERVICE, listeners.http.local_addr()?);
        let (stop, stopped) = oneshot::channel::<()>();
        let signals = Signals::until(async { _ = stopped.await });
        let config = Config::defaults(NAMESPACE);
        let controller = tokio::spawn(controller::run(client.clone(), config, listeners, signals));
        let cluster = Self {
            kubeconfig,
            client,
            controller,
            stop,
            _server: server,
        };
        cluster.wait_until_ready().await?;
        Ok(cluster)
    }

    /// The file that leads kubectl and kubeseal here.
    pub(crate) fn kubeconfig(&self) -> &Path {
        self.kubeconfig.path()
    }

    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }

    /// Stops the controller and then everything else.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        _ = self.stop.send(());
        Ok(self.controller.await??)
    }

    async fn wait_until_ready(&self) -> anyhow::Result<()> {
        let path = format!("/api/v1/namespaces/{NAMESPACE}/services/http:{SERVICE}:/proxy/readyz");
        let ready = async {
            loop {
                let request = http::Request::get(&path).body(Vec::new())?;
                if self.client.request_text(request).await.is_ok() {
                    return Ok(());
                }
                if self.controller.is_finished() {
                    bail!("the controller ended before it was ready");
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(STARTED_WITHIN, ready)
            .await
            .context("the controller is not ready")?
    }
}

/// Through the front door, as any controller: HTTPS and a token.
async fn connect(server: &ApiServer) -> anyhow::Result<Client> {
    let kubeconfig = Kubeconfig::from_yaml(&server.kubeconfig())?;
    let options = KubeConfigOptions::default();
    let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await?;
    config.default_retry = false;
    config.proxy_url = None;
    Ok(Client::try_from(config)?)
}
