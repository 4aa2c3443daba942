//! What each kind asks of its objects, beyond names and schemas.

use serde_json::{Value, json};

use crate::cause::Cause;
use crate::resource::Resource;
use crate::{config_map, crd, names, schema, secret};

/// Fills in what follows from the rest, on every write.
pub(crate) fn set_defaults(resource: &Resource, object: &mut Value) {
    if resource.is_core("services") {
        default_service(object);
    } else if resource.is_core("events") {
        default_event(object);
    } else if resource.is_crd() {
        crd::default(object);
    }
}

/// Go writes these whether they are set or not.
fn default_event(event: &mut Value) {
    for key in ["eventTime", "firstTimestamp", "lastTimestamp"] {
        if event.get(key).is_none() {
            event[key] = Value::Null;
        }
    }
    for key in ["reportingComponent", "reportingInstance"] {
        if event[key].is_null() {
            event[key] = "".into();
        }
    }
    for key in ["involvedObject", "source"] {
        if event[key].is_null() {
            event[key] = json!({});
        }
    }
}

fn default_service(service: &mut Value) {
    if !service["spec"].is_object() {
        service["spec"] = json!({});
    }
    let spec = &mut service["spec"];
    for (key, default) in [("type", "ClusterIP"), ("sessionAffinity", "None")] {
        if spec.get(key).is_none() {
            spec[key] = default.into();
        }
    }
    if spec["type"] != "ExternalName" {
        for (key, default) in [
            ("internalTrafficPolicy", json!("Cluster")),
            ("ipFamilies", json!(["IPv4"])),
            ("ipFamilyPolicy", json!("SingleStack")),
        ] {
            if spec.get(key).is_none() {
                spec[key] = default;
            }
        }
    }
    let ports = spec["ports"].as_array_mut().into_iter().flatten();
    for port in ports.filter(|port| port.is_object()) {
        if port.get("protocol").is_none() {
            port["protocol"] = "TCP".into();
        }
        if port.get("targetPort").is_none() {
            port["targetPort"] = port["port"].clone();
        }
    }
}

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
        object["status"] = json!({"loadBalancer": {}});
        if object["spec"].get("clusterIP").is_none() && object["spec"]["type"] != "ExternalName" {
            let [third, fourth] = crate::random::bytes();
            object["spec"]["clusterIP"] = format!("10.96.{third}.{fourth}").into();
            object["spec"]["clusterIPs"] = json!([object["spec"]["clusterIP"]]);
        }
    } else if resource.is_crd() {
        crd::complete(object);
    }
}

/// Carries over from `old` what only the server fills in.
pub(crate) fn keep(resource: &Resource, old: &Value, new: &mut Value) {
    if resource.is_core("namespaces") {
        new["spec"] = old["spec"].clone();
    } else if resource.is_core("services")
        && new["spec"].get("clusterIP").is_none()
        && !old["spec"]["clusterIP"].is_null()
    {
        for key in ["clusterIP", "clusterIPs"] {
            new["spec"][key] = old["spec"][key].clone();
        }
    }
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
    } else if resource.is_core("configmaps") {
        causes.extend(config_map::check(new));
    } else if resource.is_core("services") {
        causes.extend(check_service(new));
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

fn check_service(service: &Value) -> Option<Cause> {
    let spec = &service["spec"];
    let has_ports = spec["ports"]
        .as_array()
        .is_some_and(|ports| !ports.is_empty());
    let needs_none = spec["type"] == "ExternalName" || spec["clusterIP"] == "None";
    (!has_ports && !needs_none).then(|| Cause::required("spec.ports", ""))
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
        Cause::invalid("involvedObject.namespace", &about.into(), why)
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
