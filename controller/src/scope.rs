//! The namespaces that are watched: all at once, or one by one, and some of them may come later.

use std::collections::BTreeSet;
use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client};

use crate::cluster::in_time;
use crate::config::{Config, Watched};
use crate::namespaced_name::NamespacedName;
use crate::observed::Observed;

const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// What one watch covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    AllNamespaces,
    Namespace(String),
}

impl Scope {
    /// The scopes of a controller.
    pub(crate) fn all(config: &Config) -> Vec<Self> {
        match &config.watched {
            Watched::All => vec![Self::AllNamespaces],
            Watched::Own { additional } => [&config.namespace]
                .into_iter()
                .chain(additional)
                .map(|namespace| Self::Namespace(namespace.clone()))
                .collect(),
        }
    }

    pub(crate) fn holds(&self, key: &NamespacedName) -> bool {
        match self {
            Self::AllNamespaces => true,
            Self::Namespace(namespace) => key.namespace == *namespace,
        }
    }

    /// The one namespace that it is; empty for all.
    pub(crate) fn namespace(&self) -> &str {
        match self {
            Self::AllNamespaces => "",
            Self::Namespace(namespace) => namespace,
        }
    }

    /// What its watch of SealedSecrets is called.
    pub(crate) fn of_sealed_secrets(&self) -> String {
        self.name("SealedSecrets")
    }

    /// What its watch of Secrets is called.
    pub(crate) fn of_secrets(&self) -> String {
        self.name("Secrets")
    }

    /// What all its watches are called.
    pub(crate) fn watches(&self) -> BTreeSet<String> {
        [self.of_sealed_secrets(), self.of_secrets()].into()
    }

    fn name(&self, what: &str) -> String {
        match self {
            Self::AllNamespaces => what.to_owned(),
            Self::Namespace(namespace) => format!("{what} in {namespace}"),
        }
    }

    /// Waits until its namespace is there; for a missing one nothing else waits.
    pub(crate) async fn exists(&self, client: &Client, config: &Config, observed: &Observed) {
        let Self::Namespace(namespace) = self else {
            return;
        };
        if *namespace == config.namespace {
            return;
        }
        let namespaces: Api<Namespace> = Api::all(client.clone());
        let mut is_told = false;
        loop {
            match in_time(namespaces.get_metadata(namespace)).await {
                Ok(Err(kube::Error::Api(status))) if status.code == 404 => {
                    if !std::mem::replace(&mut is_told, true) {
                        tracing::warn!(namespace, "namespace doesn't exist");
                    }
                    self.watches()
                        .iter()
                        .for_each(|watch| observed.mark_synced(watch));
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
                // Whatever else is answered, the watches will tell.
                _ => return,
            }
        }
    }
}
