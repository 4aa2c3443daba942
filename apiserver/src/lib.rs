//! A Kubernetes API server in memory: one state machine, two doors, real semantics, no disk and no etcd.
//!
//! ```text
//! HTTPS ─┐        ┌─▶ discovery, OpenAPI
//!        ├─▶ cluster ─▶ read, watch ──────────────────────────▶ store
//! tower ─┘        └─▶ write, delete ─▶ decode ─▶ rules ─▶ commit ─▲
//!                                    background: owners, namespaces, CRDs
//! ```
//!
//! It knows Kubernetes and nothing else: other kinds come as CRDs. Where it and a real API server
//! disagree, it is wrong.

mod answer;
mod background;
mod cause;
mod cluster;
mod config_map;
mod crd;
mod decode;
mod delete;
mod discovery;
mod door;
mod form;
mod json_path;
mod kubeconfig;
mod label_selector;
mod manifest;
mod metadata;
mod names;
mod namespace;
mod openapi;
mod owners;
mod patch;
mod protobuf;
mod proxy;
mod prune;
mod quirk;
mod random;
mod read;
mod request;
mod resource;
mod rules;
mod schema;
mod secret;
mod selector;
mod status;
mod store;
mod strategic_patch;
mod table;
mod tls;
mod watch;
mod write;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::cluster::Cluster;
pub use crate::door::Service;
pub use crate::quirk::Quirk;
use crate::tls::Identity;

/// A running server; dropping it stops it.
pub struct ApiServer {
    cluster: Arc<Cluster>,
    address: SocketAddr,
    kubeconfig: String,
    /// The listener and the background work, aborted on drop.
    _tasks: JoinSet<()>,
}

/// Why the server did not start, or did not take a manifest.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot listen on 127.0.0.1: {0}")]
    Listen(#[source] std::io::Error),
    #[error(transparent)]
    Tls(#[from] tls::Error),
    #[error("cannot read the manifest: {0}")]
    Manifest(String),
    #[error("cannot create {kind} `{name}`: {message}")]
    Create {
        kind: String,
        name: String,
        message: String,
    },
}

impl ApiServer {
    /// Listens on a free port of 127.0.0.1, with the namespaces every cluster has.
    pub async fn start() -> Result<Self, Error> {
        Self::start_as(None).await
    }

    /// The same, but wrong in one way: for tests of tests.
    pub async fn start_with(quirk: Quirk) -> Result<Self, Error> {
        Self::start_as(Some(quirk)).await
    }

    async fn start_as(quirk: Option<Quirk>) -> Result<Self, Error> {
        let identity = Identity::new()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .map_err(Error::Listen)?;
        let address = listener.local_addr().map_err(Error::Listen)?;
        let token = random::token();
        let kubeconfig = kubeconfig::text(address, &identity.authority, &token);
        let cluster = Arc::new(Cluster::new(quirk));
        let mut tasks = JoinSet::new();
        tasks.spawn(door::listen(
            listener,
            TlsAcceptor::from(identity.config),
            cluster.clone(),
            token.into(),
        ));
        tasks.spawn(background::settle(cluster.clone()));
        let server = Self {
            cluster,
            address,
            kubeconfig,
            _tasks: tasks,
        };
        server.create_from_yaml(FIRST_OBJECTS).await?;
        Ok(server)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// YAML with the address, the authority and a token; its namespace is `default`.
    pub fn kubeconfig(&self) -> String {
        self.kubeconfig.clone()
    }

    /// The door within the process. It asks for no token.
    pub fn service(&self) -> Service {
        Service {
            cluster: self.cluster.clone(),
        }
    }

    /// Creates every object of a manifest, in its order. Objects without a namespace go to `default`.
    pub async fn create_from_yaml(&self, yaml: &str) -> Result<(), Error> {
        manifest::create(&self.cluster, yaml).await
    }

    /// Says what answers `services/proxy` of a Service: plain HTTP at `addr`.
    pub fn serve_behind(&self, namespace: &str, service: &str, addr: SocketAddr) {
        self.cluster.serve_behind(namespace, service, addr);
    }

    /// Loses everything, as if etcd had: every watch breaks off, nobody is answered for a while, and then the
    /// server is as it was when it started, with versions from the beginning.
    pub async fn start_over(&self, away: Duration) -> Result<(), Error> {
        self.cluster.go_away();
        tokio::time::sleep(away).await;
        self.create_from_yaml(FIRST_OBJECTS).await?;
        self.cluster.come_back();
        Ok(())
    }

    /// Forgets what happened so far: watches and pages of older versions are told 410.
    pub fn compact(&self) {
        self.cluster.store.transact(store::State::compact);
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        self.cluster.stop();
    }
}

const FIRST_OBJECTS: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: default}
---
apiVersion: v1
kind: Namespace
metadata: {name: kube-system}
---
apiVersion: v1
kind: Namespace
metadata: {name: kube-public}
---
apiVersion: v1
kind: Namespace
metadata: {name: kube-node-lease}
";
