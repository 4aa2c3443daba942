//! The server of a scenario: in memory, one for each; or a real one, which scenarios share one after another.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use apiserver::{ApiServer, Quirk};
use k8s_openapi::api::core::v1::{Event, Namespace, Secret};
use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Api, Client, ResourceExt};
use sealing::SealedSecret;
use serde_json::{Value, json};

use crate::control_plane::{self, ControlPlane};
use crate::requests::{Kept, Request};
use crate::{KEY_NAMESPACE, SERVICE, eventually};

pub(crate) const CRD: &str = include_str!("../../crds/sealedsecrets.yaml");
const CONTROLLER: &str = include_str!("../../charts/static/controller.yaml");
const NAMESPACE: &str = "shop";
/// An address of nobody: the tunnel leads elsewhere.
const MADE_UP_ADDRESS: &str = "10.255.0.1";

/// Who the controller is on a server that knows its users, and its group.
pub(crate) const USER: &str = "system:serviceaccount:kube-system:sealed-secrets-controller";
const GROUP: &str = "system:serviceaccounts";
/// About as long as a real API server takes to start.
const AWAY: Duration = Duration::from_secs(3);

/// Real control planes that no scenario is using.
static IDLE: Mutex<Vec<Real>> = Mutex::new(Vec::new());

pub(crate) enum Server {
    InMemory(ApiServer, Kept),
    Real(Box<Lease>),
}

/// A real control plane, in use.
pub(crate) struct Lease {
    /// None only while it is dropped.
    real: Option<Real>,
    is_shared: bool,
    /// So much of the audit log is about scenarios before.
    begins_at: usize,
}

pub(crate) struct Real {
    plane: ControlPlane,
}

/// Whether scenarios run on a real control plane: only when it is asked for by name.
pub fn is_real() -> bool {
    std::env::var("TEST_SERVER").is_ok_and(|server| server == "real")
}

/// Whether what the real server says is written down, to be compared with from now on.
pub fn is_recording() -> bool {
    is_real() && std::env::var("RECORD").is_ok_and(|asked| asked == "1")
}

impl Server {
    /// A server that holds our CRD and the namespace `shop`.
    pub(crate) async fn shared() -> Self {
        if !is_real() {
            return Self::in_memory(CRD).await;
        }
        let idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let real = match idle {
            Some(real) => real,
            None => Real::start(CRD).await,
        };
        tidy_up(&control_plane::client(&real.plane.kubeconfig()).await).await;
        Self::Real(Box::new(Lease {
            begins_at: real.plane.requests().len(),
            real: Some(real),
            is_shared: true,
        }))
    }

    /// A server that nobody else will use, with a CRD.
    pub(crate) async fn alone(crd: &str) -> Self {
        if !is_real() {
            return Self::in_memory(crd).await;
        }
        Self::Real(Box::new(Lease {
            begins_at: 0,
            real: Some(Real::start(crd).await),
            is_shared: false,
        }))
    }

    /// A server in memory that is wrong in one way.
    pub(crate) async fn with_quirk(quirk: Quirk) -> Self {
        Self::prepared(ApiServer::start_with(quirk).await.unwrap(), CRD).await
    }

    pub(crate) async fn in_memory(crd: &str) -> Self {
        Self::prepared(ApiServer::start().await.unwrap(), crd).await
    }

    async fn prepared(server: ApiServer, crd: &str) -> Self {
        prepare_in_memory(&server, crd).await;
        Self::InMemory(server, Kept::default())
    }

    /// Everything is allowed to it.
    pub(crate) async fn client(&self) -> Client {
        match self {
            Self::InMemory(server, _) => Client::new(server.service(), "default"),
            Self::Real(lease) => control_plane::client(&Real::kubeconfig(lease)).await,
        }
    }

    /// What the controller is allowed, is allowed to it.
    pub(crate) async fn controller_client(&self) -> Client {
        match self {
            Self::InMemory(server, kept) => kept.client(&server.service(), USER),
            // as the program connects, though not by a token: those do not survive a server that starts over
            Self::Real(lease) => {
                let kubeconfig = tempfile::NamedTempFile::new().unwrap();
                let text = lease.real().plane.kubeconfig_of(USER, GROUP);
                std::fs::write(kubeconfig.path(), text).unwrap();
                controller::connect(Some(kubeconfig.path()), None)
                    .await
                    .unwrap()
            }
        }
    }

    pub(crate) fn kubeconfig(&self) -> String {
        match self {
            Self::InMemory(server, _) => server.kubeconfig(),
            Self::Real(lease) => Real::kubeconfig(lease),
        }
    }

    /// Of somebody who is known and has no rights of their own, where there are rights.
    pub(crate) fn kubeconfig_of_anybody(&self) -> String {
        match self {
            Self::InMemory(server, _) => server.kubeconfig(),
            Self::Real(lease) => lease.real().plane.kubeconfig_of("ann", "shoppers"),
        }
    }

    /// Says what answers `services/proxy` of our Service.
    pub(crate) fn lead_service_to(&self, address: SocketAddr) {
        match self {
            Self::InMemory(server, _) => server.serve_behind(KEY_NAMESPACE, SERVICE, address),
            Self::Real(lease) => lease.real().plane.tunnel.lead_to(address),
        }
    }

    /// Makes it lose everything, as if etcd had, and puts back what it held when it was started with our CRD.
    pub(crate) async fn start_over(&mut self) {
        match self {
            Self::InMemory(server, _) => {
                server.start_over(AWAY).await.unwrap();
                prepare_in_memory(server, CRD).await;
            }
            Self::Real(lease) => {
                let plane = &mut lease.real.as_mut().unwrap().plane;
                plane
                    .start_over(async |client| prepare(&client, CRD).await)
                    .await;
            }
        }
    }

    /// All that the controller asked in this scenario; on a real server also every write by whomever.
    pub(crate) fn requests(&self) -> Vec<Request> {
        match self {
            Self::InMemory(_, kept) => kept.all(),
            Self::Real(lease) => lease.real().plane.requests().split_off(lease.begins_at),
        }
    }
}

impl Lease {
    fn real(&self) -> &Real {
        self.real.as_ref().unwrap()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(real) = self.real.take() else { return };
        if std::thread::panicking() {
            real.plane.keep_logs();
        } else if self.is_shared {
            IDLE.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(real);
        }
    }
}

impl Real {
    /// With a CRD, the namespace `shop`, and all that we ship for a controller.
    async fn start(crd: &str) -> Self {
        Self {
            plane: ControlPlane::start(async |client| prepare(&client, crd).await).await,
        }
    }

    fn kubeconfig(lease: &Lease) -> String {
        lease.real().plane.kubeconfig()
    }
}

async fn prepare_in_memory(server: &ApiServer, crd: &str) {
    server.create_from_yaml(crd).await.unwrap();
    let namespace = format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {NAMESPACE}}}\n");
    server.create_from_yaml(&namespace).await.unwrap();
}

async fn prepare(client: &Client, crd: &str) {
    create_from_yaml(client, crd).await;
    let namespace =
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": NAMESPACE } });
    create(client, namespace).await;
    create_from_yaml(client, CONTROLLER).await;
    eventually("SealedSecrets are served", async || {
        sealed_secrets(client)
            .list(&ListParams::default())
            .await
            .ok()
    })
    .await;
    create_backend(client).await;
}

/// A Pod that never runs, ready at an address of nobody, behind our Service.
async fn create_backend(client: &Client) {
    let pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": SERVICE, "namespace": KEY_NAMESPACE, "labels": { "name": SERVICE } },
        "spec": { "containers": [{ "name": "c", "image": "none" }], "automountServiceAccountToken": false, "serviceAccountName": SERVICE },
    });
    create(client, pod).await;
    let status = json!({ "status": {
        "phase": "Running", "podIP": MADE_UP_ADDRESS, "podIPs": [{ "ip": MADE_UP_ADDRESS }],
        "conditions": [{ "type": "Ready", "status": "True" }],
    } });
    let pods: Api<k8s_openapi::api::core::v1::Pod> = Api::namespaced(client.clone(), KEY_NAMESPACE);
    pods.patch_status(SERVICE, &Default::default(), &Patch::Merge(status))
        .await
        .unwrap();
    let slice = json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": SERVICE, "namespace": KEY_NAMESPACE,
            "labels": { "kubernetes.io/service-name": SERVICE },
        },
        "addressType": "IPv4",
        "endpoints": [{
            "addresses": [MADE_UP_ADDRESS], "conditions": { "ready": true },
            "targetRef": { "kind": "Pod", "name": SERVICE, "namespace": KEY_NAMESPACE },
        }],
        "ports": [{ "name": "", "port": 8080, "protocol": "TCP" }],
    });
    create(client, slice).await;
}

/// Leaves nothing of earlier scenarios in any namespace.
pub(crate) async fn tidy_up(client: &Client) {
    let (all, now) = (ListParams::default(), DeleteParams::default());
    let namespaces: Api<Namespace> = Api::all(client.clone());
    for namespace in namespaces.list(&all).await.unwrap() {
        let name = namespace.name_any();
        let sealed = Api::<DynamicObject>::namespaced_with(
            client.clone(),
            &name,
            &ApiResource::erase::<SealedSecret>(&()),
        );
        sealed.delete_collection(&now, &all).await.unwrap();
        let secrets: Api<Secret> = Api::namespaced(client.clone(), &name);
        secrets.delete_collection(&now, &all).await.unwrap();
        let events: Api<Event> = Api::namespaced(client.clone(), &name);
        events.delete_collection(&now, &all).await.unwrap();
    }
}

fn sealed_secrets(client: &Client) -> Api<DynamicObject> {
    Api::all_with(client.clone(), &ApiResource::erase::<SealedSecret>(&()))
}

/// Creates every object of a manifest.
pub(crate) async fn create_from_yaml(client: &Client, yaml: &str) {
    let documents: Vec<Value> = serde_saphyr::from_multiple(yaml).unwrap();
    for document in documents.into_iter().filter(|document| !document.is_null()) {
        create(client, document).await;
    }
}

/// Creates an object of whatever kind.
async fn create(client: &Client, object: Value) {
    let object: DynamicObject = serde_json::from_value(object).unwrap();
    let types = object.types.clone().unwrap();
    let resource = ApiResource::from_gvk(&GroupVersionKind::try_from(&types).unwrap());
    let api: Api<DynamicObject> = match object.namespace() {
        Some(namespace) => Api::namespaced_with(client.clone(), &namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    };
    let created = api.create(&PostParams::default(), &object).await;
    created.unwrap_or_else(|error| panic!("cannot create {types:?}: {error}"));
}
