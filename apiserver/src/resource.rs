//! What the server serves: a table of built-in resources, one line each, and those that CRDs add.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use serde_json::Value;

use crate::status::Status;

/// One resource in one version: what a URL's group, version and plural stand for.
#[derive(Debug, Clone)]
pub(crate) struct Resource {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) plural: String,
    pub(crate) singular: String,
    pub(crate) kind: String,
    pub(crate) list_kind: String,
    pub(crate) short_names: Vec<String>,
    pub(crate) categories: Vec<String>,
    pub(crate) namespaced: bool,
    /// Has a `/status` of its own, out of reach of other writes.
    pub(crate) status: bool,
    /// Every field at the top level, where unknown ones are told apart.
    pub(crate) fields: &'static [&'static str],
    pub(crate) custom: Option<Custom>,
}

/// What a CRD says of one version beyond its names.
#[derive(Debug, Clone)]
pub(crate) struct Custom {
    pub(crate) schema: Value,
    pub(crate) columns: Vec<Value>,
    /// Objects go, and no new ones come, while the CRD is being deleted.
    pub(crate) terminating: bool,
}

/// Names the stored objects of a resource, whatever version they are read in.
pub(crate) type Key = Arc<str>;

impl Resource {
    pub(crate) fn key(&self) -> Key {
        Key::from(self.qualified())
    }

    pub(crate) fn api_version(&self) -> String {
        api_version(&self.group, &self.version)
    }

    /// `secrets`, `sealedsecrets.bitnami.com`: how messages name the resource.
    pub(crate) fn qualified(&self) -> String {
        dotted(&self.plural, &self.group)
    }

    pub(crate) fn is_core(&self, plural: &str) -> bool {
        self.group.is_empty() && self.plural == plural
    }

    pub(crate) fn is_crd(&self) -> bool {
        self.group == "apiextensions.k8s.io"
    }

    /// Whether writes count generations: custom resources, and kinds that have a spec to follow.
    pub(crate) fn has_generation(&self) -> bool {
        self.custom.is_some()
            || matches!(
                self.plural.as_str(),
                "deployments"
                    | "customresourcedefinitions"
                    | "poddisruptionbudgets"
                    | "networkpolicies"
            )
    }
}

pub(crate) fn api_version(group: &str, version: &str) -> String {
    if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    }
}

/// `secrets`, `Secret`, `sealedsecrets.bitnami.com`: how messages name a resource or kind.
pub(crate) fn dotted(name: &str, group: &str) -> String {
    if group.is_empty() {
        name.to_owned()
    } else {
        format!("{name}.{group}")
    }
}

/// Every resource served now.
pub(crate) struct Registry {
    builtin: Vec<Arc<Resource>>,
    custom: RwLock<BTreeMap<String, Vec<Arc<Resource>>>>,
}

impl Registry {
    pub(crate) fn new() -> Self {
        Self {
            builtin: BUILTIN.iter().map(|row| Arc::new(row.resource())).collect(),
            custom: RwLock::default(),
        }
    }

    pub(crate) fn all(&self) -> Vec<Arc<Resource>> {
        let custom = self.custom.read().unwrap_or_else(PoisonError::into_inner);
        self.builtin
            .iter()
            .chain(custom.values().flatten())
            .cloned()
            .collect()
    }

    pub(crate) fn find(&self, group: &str, version: &str, plural: &str) -> Option<Arc<Resource>> {
        self.search(|resource| {
            resource.group == group && resource.version == version && resource.plural == plural
        })
    }

    /// The refusal of a resource that there is not: the groups built in say it in their own words.
    pub(crate) fn nowhere(&self, group: &str, version: &str) -> Status {
        let is_builtin = self
            .builtin
            .iter()
            .any(|resource| resource.group == group && resource.version == version);
        if is_builtin {
            Status::no_such_path()
        } else {
            Status::not_served()
        }
    }

    pub(crate) fn of_kind(&self, api_version: &str, kind: &str) -> Option<Arc<Resource>> {
        self.search(|resource| resource.kind == kind && resource.api_version() == api_version)
    }

    /// The resource, in any version, of an owner whose version may no longer be served.
    pub(crate) fn of_group_kind(&self, group: &str, kind: &str) -> Option<Arc<Resource>> {
        self.search(|resource| resource.kind == kind && resource.group == group)
    }

    /// The resource of stored objects, in any version.
    pub(crate) fn of_key(&self, key: &str) -> Option<Arc<Resource>> {
        self.search(|resource| *resource.key() == *key)
    }

    fn search(&self, wanted: impl Fn(&Resource) -> bool) -> Option<Arc<Resource>> {
        let custom = self.custom.read().unwrap_or_else(PoisonError::into_inner);
        self.builtin
            .iter()
            .chain(custom.values().flatten())
            .find(|resource| wanted(resource))
            .cloned()
    }

    pub(crate) fn install(&self, crd: &str, versions: Vec<Arc<Resource>>) {
        self.custom
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(crd.to_owned(), versions);
    }

    pub(crate) fn uninstall(&self, crd: &str) {
        self.custom
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(crd);
    }

    /// Leaves what is built in.
    pub(crate) fn start_over(&self) {
        self.custom
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}

struct Row {
    group: &'static str,
    version: &'static str,
    plural: &'static str,
    kind: &'static str,
    short_names: &'static [&'static str],
    namespaced: bool,
    in_all: bool,
    status: bool,
    fields: &'static [&'static str],
}

impl Row {
    const fn new(
        group: &'static str,
        version: &'static str,
        plural: &'static str,
        kind: &'static str,
    ) -> Self {
        Self {
            group,
            version,
            plural,
            kind,
            short_names: &[],
            namespaced: true,
            in_all: false,
            status: false,
            fields: &[],
        }
    }

    const fn short(mut self, names: &'static [&'static str]) -> Self {
        self.short_names = names;
        self
    }

    /// Listed by `kubectl get all`.
    const fn in_all(mut self) -> Self {
        self.in_all = true;
        self
    }

    const fn cluster_wide(mut self) -> Self {
        self.namespaced = false;
        self
    }

    const fn with_status(mut self) -> Self {
        self.status = true;
        self
    }

    const fn fields(mut self, fields: &'static [&'static str]) -> Self {
        self.fields = fields;
        self
    }

    fn resource(&self) -> Resource {
        Resource {
            group: self.group.to_owned(),
            version: self.version.to_owned(),
            plural: self.plural.to_owned(),
            singular: self.kind.to_lowercase(),
            kind: self.kind.to_owned(),
            list_kind: format!("{}List", self.kind),
            short_names: self.short_names.iter().map(ToString::to_string).collect(),
            categories: self.in_all.then(|| "all".to_owned()).into_iter().collect(),
            namespaced: self.namespaced,
            status: self.status,
            fields: self.fields,
            custom: None,
        }
    }
}

const RBAC: &str = "rbac.authorization.k8s.io";

const BUILTIN: &[Row] = &[
    Row::new("", "v1", "namespaces", "Namespace")
        .short(&["ns"])
        .cluster_wide()
        .with_status(),
    Row::new("", "v1", "secrets", "Secret").fields(&[
        "apiVersion",
        "kind",
        "metadata",
        "data",
        "stringData",
        "type",
        "immutable",
    ]),
    Row::new("", "v1", "configmaps", "ConfigMap")
        .short(&["cm"])
        .fields(&[
            "apiVersion",
            "kind",
            "metadata",
            "data",
            "binaryData",
            "immutable",
        ]),
    Row::new("", "v1", "events", "Event").short(&["ev"]),
    Row::new("", "v1", "services", "Service")
        .short(&["svc"])
        .in_all()
        .with_status(),
    Row::new("", "v1", "serviceaccounts", "ServiceAccount").short(&["sa"]),
    Row::new("", "v1", "persistentvolumes", "PersistentVolume")
        .short(&["pv"])
        .cluster_wide()
        .with_status(),
    Row::new("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim")
        .short(&["pvc"])
        .with_status(),
    Row::new("batch", "v1", "cronjobs", "CronJob")
        .short(&["cj"])
        .with_status(),
    Row::new("apps", "v1", "deployments", "Deployment")
        .short(&["deploy"])
        .in_all()
        .with_status(),
    Row::new(
        "policy",
        "v1",
        "poddisruptionbudgets",
        "PodDisruptionBudget",
    )
    .short(&["pdb"])
    .with_status(),
    Row::new(
        "networking.k8s.io",
        "v1",
        "networkpolicies",
        "NetworkPolicy",
    )
    .short(&["netpol"]),
    Row::new("networking.k8s.io", "v1", "ingresses", "Ingress")
        .short(&["ing"])
        .with_status(),
    Row::new("coordination.k8s.io", "v1", "leases", "Lease"),
    Row::new(RBAC, "v1", "roles", "Role"),
    Row::new(RBAC, "v1", "rolebindings", "RoleBinding"),
    Row::new(RBAC, "v1", "clusterroles", "ClusterRole").cluster_wide(),
    Row::new(RBAC, "v1", "clusterrolebindings", "ClusterRoleBinding").cluster_wide(),
    Row::new(
        "apiextensions.k8s.io",
        "v1",
        "customresourcedefinitions",
        "CustomResourceDefinition",
    )
    .short(&["crd", "crds"])
    .cluster_wide()
    .with_status(),
];
