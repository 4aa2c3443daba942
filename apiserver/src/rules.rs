//! What each kind asks of its objects, beyond names and schemas.

use serde_json::{Value, json};

use crate::resource::Resource;
use crate::status::Cause;
use crate::{crd, names, schema, secret};

/// What the server itself adds to a new object.
pub(crate) fn complete_new(resource: &Resource, object: &mut Value) {
    if resource.status
        && let Some(fields) = object.as_object_mut()
    {
        fields.remove("status");
    }
    if resource.is_core("namespaces") {
        object["spec"] = json!({"finalizers": ["kubernetes"]});
        object["status"] = json!({"phase": "Active"});
        object["metadata"]["labels"]["kubernetes.io/metadata.name"] =
            object["metadata"]["name"].clone();
    } else if resource.is_core("services") {
        complete_service(object);
    } else if resource.is_crd() {
        crd::complete(object);
    }
}

fn complete_service(service: &mut Value) {
    if !service["spec"].is_object() {
        service["spec"] = json!({});
    }
    let spec = &mut service["spec"];
    if spec.get("type").is_none() {
        spec["type"] = "ClusterIP".into();
    }
    if spec.get("clusterIP").is_none() && spec["type"] != "ExternalName" {
        let [third, fourth] = crate::random::bytes();
        spec["clusterIP"] = format!("10.96.{third}.{fourth}").into();
    }
    for port in spec["ports"]
        .as_array_mut()
        .into_iter()
        .flatten()
        .filter(|port| port.is_object())
    {
        if port.get("protocol").is_none() {
            port["protocol"] = "TCP".into();
        }
        if port.get("targetPort").is_none() {
            port["targetPort"] = port["port"].clone();
        }
    }
    service["status"] = json!({"loadBalancer": {}});
}

/// Every rule `new` breaks, by itself and as the successor of `old`.
pub(crate) fn check(resource: &Resource, old: Option<&Value>, new: &Value) -> Vec<Cause> {
    let mut causes = names::check(resource, new);
    if let Some(custom) = &resource.custom {
        causes.extend(schema::validate(new, &custom.schema));
    }
    if resource.is_core("secrets") {
        causes.extend(secret::check(new));
        causes.extend(
            old.map(|old| secret::check_update(old, new))
                .unwrap_or_default(),
        );
    } else if resource.is_core("events") {
        causes.extend(check_event(new));
    } else if resource.is_crd() {
        causes.extend(crd::check(new));
    }
    if let Some(old) = old {
        causes.extend(check_finalizers(old, new));
    }
    causes
}

fn check_event(event: &Value) -> Option<Cause> {
    let about = event["involvedObject"]["namespace"]
        .as_str()
        .unwrap_or_default();
    let namespace = event["metadata"]["namespace"].as_str().unwrap_or_default();
    // an event about something cluster-wide lies in `default`
    let fits = about == namespace || (about.is_empty() && namespace == "default");
    let refuse = || {
        let why = "does not match event.namespace";
        Cause::invalid(
            "involvedObject.namespace",
            &event["involvedObject"]["namespace"],
            why,
        )
    };
    (!fits).then(refuse)
}

fn check_finalizers(old: &Value, new: &Value) -> Option<Cause> {
    old["metadata"].get("deletionTimestamp")?;
    let known = old["metadata"]["finalizers"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let now = new["metadata"]["finalizers"]
        .as_array()
        .into_iter()
        .flatten();
    let added: Vec<String> = now
        .filter(|finalizer| !known.contains(finalizer))
        .map(ToString::to_string)
        .collect();
    let why = format!(
        "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
        added.join(", ")
    );
    (!added.is_empty()).then(|| Cause::forbidden("metadata.finalizers", &why))
}
