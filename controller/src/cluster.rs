//! The connection: in-cluster credentials, or a kubeconfig that was named on purpose.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

/// No watch is silent for longer: its bookmarks come every minute, and it ends after 290 s.
const SILENCE: Duration = Duration::from_secs(295);

/// Connects to the cluster around this process, or to that of a kubeconfig.
pub async fn connect(kubeconfig: Option<&Path>) -> anyhow::Result<Client> {
    let mut config = match kubeconfig {
        None => Config::incluster().context("cannot read the in-cluster configuration")?,
        Some(path) => {
            let file = Kubeconfig::read_from(path)
                .with_context(|| format!("cannot read the kubeconfig `{}`", path.display()))?;
            Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?
        }
    };
    // kube would send every method again, POST included, after answers that may hide a success.
    config.default_retry = false;
    config.read_timeout = Some(SILENCE);
    Ok(Client::try_from(config)?)
}
