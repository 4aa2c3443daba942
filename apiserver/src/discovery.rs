//! What the server can be asked: groups, versions, resources, its own version and health.

use std::collections::BTreeMap;

use http::StatusCode;
use serde_json::{Value, json};

use crate::answer::{self, Response};
use crate::resource::{Registry, Resource, api_version};
use crate::status::Status;

pub(crate) fn answer(registry: &Registry, segments: &[&str]) -> Result<Response, Status> {
    let content = match segments {
        ["healthz" | "livez" | "readyz", ..] => {
            return Ok(answer::with_type(
                StatusCode::OK,
                "text/plain; charset=utf-8",
                b"ok".to_vec(),
            ));
        }
        [] => {
            json!({"paths": ["/api", "/api/v1", "/apis", "/healthz", "/livez", "/openapi/v3", "/readyz", "/version"]})
        }
        ["version"] => version(),
        ["api"] => {
            json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})
        }
        ["api", "v1"] => resources(registry, "", "v1").ok_or_else(Status::not_served)?,
        ["apis"] => json!({
            "kind": "APIGroupList", "apiVersion": "v1",
            "groups": groups(registry).into_iter().map(|(name, versions)| group(&name, &versions)).collect::<Vec<_>>(),
        }),
        ["apis", name] => {
            let versions = groups(registry)
                .remove(*name)
                .ok_or_else(Status::not_served)?;
            let mut group = group(name, &versions);
            group["kind"] = "APIGroup".into();
            group["apiVersion"] = "v1".into();
            group
        }
        ["apis", group, version] => {
            resources(registry, group, version).ok_or_else(Status::not_served)?
        }
        _ => return Err(Status::not_served()),
    };
    Ok(answer::json(StatusCode::OK, &content))
}

/// The release whose behaviour is modelled.
fn version() -> Value {
    json!({
        "major": "1", "minor": "32", "gitVersion": "v1.32.0", "gitCommit": "", "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z", "goVersion": "", "compiler": "", "platform": "memory",
    })
}

fn groups(registry: &Registry) -> BTreeMap<String, Vec<String>> {
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for resource in registry
        .all()
        .iter()
        .filter(|resource| !resource.group.is_empty())
    {
        let versions = groups.entry(resource.group.clone()).or_default();
        if !versions.contains(&resource.version) {
            versions.push(resource.version.clone());
        }
    }
    groups
}

fn group(name: &str, versions: &[String]) -> Value {
    let version =
        |version: &String| json!({"groupVersion": api_version(name, version), "version": version});
    json!({
        "name": name,
        "versions": versions.iter().map(version).collect::<Vec<_>>(),
        "preferredVersion": versions.first().map(version),
    })
}

fn resources(registry: &Registry, group: &str, version: &str) -> Option<Value> {
    let served: Vec<_> = registry
        .all()
        .into_iter()
        .filter(|resource| resource.group == group && resource.version == version)
        .collect();
    let listed: Vec<Value> = served
        .iter()
        .flat_map(|resource| entries(resource))
        .collect();
    (!served.is_empty()).then(|| {
        json!({
            "kind": "APIResourceList", "apiVersion": "v1",
            "groupVersion": api_version(group, version), "resources": listed,
        })
    })
}

fn entries(resource: &Resource) -> Vec<Value> {
    let verbs = if resource.custom.is_some() {
        [
            "delete",
            "deletecollection",
            "get",
            "list",
            "patch",
            "create",
            "update",
            "watch",
        ]
    } else {
        [
            "create",
            "delete",
            "deletecollection",
            "get",
            "list",
            "patch",
            "update",
            "watch",
        ]
    };
    let mut entry = json!({
        "name": resource.plural, "singularName": resource.singular, "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": verbs,
    });
    if !resource.short_names.is_empty() {
        entry["shortNames"] = resource.short_names.clone().into();
    }
    if !resource.categories.is_empty() {
        entry["categories"] = resource.categories.clone().into();
    }
    let subresource = |name: &str, verbs: &[&str]| {
        json!({
            "name": format!("{}/{name}", resource.plural), "singularName": "", "namespaced": resource.namespaced,
            "kind": resource.kind, "verbs": verbs,
        })
    };
    let status = resource
        .status
        .then(|| subresource("status", &["get", "patch", "update"]));
    let proxy = resource
        .is_core("services")
        .then(|| subresource("proxy", &["create", "delete", "get", "patch", "update"]));
    [entry].into_iter().chain(status).chain(proxy).collect()
}
