//! CustomResourceDefinitions: what one must say, the resources it adds, and what its deletion takes along.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::cause::Cause;
use crate::cluster::Cluster;
use crate::metadata::now;
use crate::resource::{Custom, Key, Registry, Resource};
use crate::store::{Place, State};
use crate::{delete, owners};

const FINALIZER: &str = "customresourcecleanup.apiextensions.k8s.io";

pub(crate) fn key() -> Key {
    Key::from("customresourcedefinitions.apiextensions.k8s.io")
}

/// Names that follow from others.
pub(crate) fn default(crd: &mut Value) {
    let kind = crd["spec"]["names"]["kind"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let Some(names) = crd
        .pointer_mut("/spec/names")
        .and_then(Value::as_object_mut)
    else {
        return;
    };
    names
        .entry("listKind")
        .or_insert_with(|| format!("{kind}List").into());
    names
        .entry("singular")
        .or_insert_with(|| kind.to_lowercase().into());
    if let Some(spec) = crd["spec"].as_object_mut() {
        spec.entry("conversion")
            .or_insert_with(|| json!({"strategy": "None"}));
    }
}

/// What the server says of a CRD as soon as it is there; nothing here can conflict with its names.
pub(crate) fn complete(crd: &mut Value) {
    let condition = |kind: &str, reason: &str, message: &str| json!({"type": kind, "status": "True", "lastTransitionTime": now(), "reason": reason, "message": message});
    let stored: Vec<Value> = versions(crd)
        .filter(|version| version["storage"] == true)
        .map(|version| version["name"].clone())
        .collect();
    crd["status"] = json!({
        "acceptedNames": crd["spec"]["names"],
        "storedVersions": stored,
        "conditions": [
            condition("NamesAccepted", "NoConflicts", "no conflicts found"),
            condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
        ],
    });
    crd["metadata"]["finalizers"] = json!([FINALIZER]);
}

/// What a create is answered: a real server has not looked at the names by then.
pub(crate) fn as_created(crd: &Value) -> Value {
    let mut crd = crd.clone();
    crd["metadata"]
        .as_object_mut()
        .map(|metadata| metadata.remove("finalizers"));
    crd["status"]["acceptedNames"] = json!({"plural": "", "kind": ""});
    crd["status"]["conditions"] = Value::Null;
    crd
}

/// Says that its objects will go.
pub(crate) fn mark_deleted(crd: &mut Value) {
    let message =
        "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon";
    let condition = json!({
        "type": "Terminating", "status": "True", "lastTransitionTime": now(),
        "reason": "InstanceDeletionPending", "message": message,
    });
    if let Some(conditions) = crd["status"]["conditions"].as_array_mut() {
        conditions.push(condition);
    }
}

pub(crate) fn check(crd: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &crd["spec"];
    for field in ["group", "scope"] {
        if spec[field].as_str().unwrap_or_default().is_empty() {
            causes.push(Cause::required(format!("spec.{field}"), ""));
        }
    }
    for field in ["plural", "kind"] {
        if spec["names"][field].as_str().unwrap_or_default().is_empty() {
            causes.push(Cause::required(format!("spec.names.{field}"), ""));
        }
    }
    let name = format!(
        "{}.{}",
        text(&spec["names"]["plural"]),
        text(&spec["group"])
    );
    if crd["metadata"]["name"] != name.as_str() {
        let why = "must be spec.names.plural+\".\"+spec.group";
        causes.push(Cause::invalid(
            "metadata.name",
            &crd["metadata"]["name"],
            why,
        ));
    }
    for (index, version) in versions(crd).enumerate() {
        if !version["schema"]["openAPIV3Schema"].is_object() {
            let field = format!("spec.versions[{index}].schema.openAPIV3Schema");
            causes.push(Cause::required(field, ""));
        }
    }
    if versions(crd)
        .filter(|version| version["storage"] == true)
        .count()
        != 1
    {
        let why = "must have exactly one version marked as storage version";
        causes.push(Cause::invalid("spec.versions", &spec["versions"], why));
    }
    causes
}

/// Serves what the CRD describes.
pub(crate) fn install(registry: &Registry, crd: &Value) {
    let served = versions(crd).filter(|version| version["served"] == true);
    let resources = served
        .map(|version| Arc::new(resource(crd, version)))
        .collect();
    registry.install(text(&crd["metadata"]["name"]), resources);
}

fn resource(crd: &Value, version: &Value) -> Resource {
    let (spec, names) = (&crd["spec"], &crd["spec"]["names"]);
    let texts = |value: &Value| -> Vec<String> {
        value
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(ToOwned::to_owned)
            .collect()
    };
    Resource {
        group: text(&spec["group"]).to_owned(),
        version: text(&version["name"]).to_owned(),
        plural: text(&names["plural"]).to_owned(),
        singular: text(&names["singular"]).to_owned(),
        kind: text(&names["kind"]).to_owned(),
        list_kind: text(&names["listKind"]).to_owned(),
        short_names: texts(&names["shortNames"]),
        categories: texts(&names["categories"]),
        namespaced: spec["scope"] == "Namespaced",
        status: version["subresources"]["status"].is_object(),
        fields: &[],
        custom: Some(Custom {
            schema: version["schema"]["openAPIV3Schema"].clone(),
            columns: version["additionalPrinterColumns"]
                .as_array()
                .cloned()
                .unwrap_or_default(),
            terminating: crd["metadata"].get("deletionTimestamp").is_some(),
        }),
    }
}

fn versions(crd: &Value) -> impl Iterator<Item = &Value> {
    crd["spec"]["versions"].as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Lets the objects of deleted CRDs go, then what they owned, then the CRDs.
pub(crate) fn settle(cluster: &Cluster) {
    let key = key();
    let going: Vec<String> = cluster.store.transact(|state| {
        let going = state
            .all(&key)
            .filter(|(_, crd)| crd["metadata"].get("deletionTimestamp").is_some());
        going.map(|((_, name), _)| name.clone()).collect()
    });
    for name in going {
        let is_empty = cluster
            .store
            .transact(|state| delete_objects(cluster, state, &name));
        if is_empty {
            owners::collect_all(cluster);
            cluster
                .store
                .transact(|state| finish(cluster, state, &name));
        }
    }
}

fn delete_objects(cluster: &Cluster, state: &mut State, crd: &str) -> bool {
    let key = Key::from(crd);
    let places: Vec<Place> = state.all(&key).map(|(place, _)| place.clone()).collect();
    if let Some(resource) = cluster.registry.of_key(crd) {
        for place in &places {
            delete::begin(&cluster.registry, state, &resource, place);
        }
    }
    state.all(&key).next().is_none()
}

fn finish(cluster: &Cluster, state: &mut State, name: &str) {
    let place = (String::new(), name.to_owned());
    let Some(crd) = state.get(&key(), &place) else {
        return;
    };
    let mut crd = (*crd).clone();
    let others = crd["metadata"]["finalizers"]
        .as_array_mut()
        .map(|finalizers| {
            finalizers.retain(|finalizer| finalizer != FINALIZER);
            !finalizers.is_empty()
        });
    if others == Some(true) {
        state.put(&key(), &place, crd);
    } else {
        state.remove(&key(), &place);
        cluster.registry.uninstall(name);
    }
}
