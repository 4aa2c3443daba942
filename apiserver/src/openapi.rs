//! OpenAPI v3, as much as kubectl reads: the schemas of custom resources, which kinds there are, and that
//! the server itself reports unknown fields. Built-in kinds are not described any closer.

use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::answer::{self, Response};
use crate::resource::{Registry, Resource};
use crate::status::Status;

pub(crate) fn answer(registry: &Registry, segments: &[&str]) -> Result<Response, Status> {
    let content = match segments {
        ["v3"] => index(registry),
        ["v3", "api", version] => document(registry, "", version)?,
        ["v3", "apis", group, version] => document(registry, group, version)?,
        _ => return Err(Status::no_such_path()),
    };
    Ok(answer::json(StatusCode::OK, &content))
}

fn index(registry: &Registry) -> Value {
    let paths = registry.all().into_iter().map(|resource| {
        let path = root(&resource);
        let url = json!({"serverRelativeURL": format!("/openapi/v3/{path}")});
        (path, url)
    });
    json!({"paths": paths.collect::<Map<_, _>>()})
}

/// `api/v1`, `apis/bitnami.com/v1alpha1`.
fn root(resource: &Resource) -> String {
    let prefix = if resource.group.is_empty() {
        "api"
    } else {
        "apis"
    };
    format!("{prefix}/{}", resource.api_version())
}

fn document(registry: &Registry, group: &str, version: &str) -> Result<Value, Status> {
    let served = registry
        .all()
        .into_iter()
        .filter(|resource| resource.group == group && resource.version == version);
    let (mut paths, mut schemas) = (Map::new(), Map::new());
    for resource in served {
        let namespace = if resource.namespaced {
            "/namespaces/{namespace}"
        } else {
            ""
        };
        let collection = format!("/{}{namespace}/{}", root(&resource), resource.plural);
        paths.insert(
            format!("{collection}/{{name}}"),
            operations(&resource, &["get", "put", "patch", "delete"]),
        );
        paths.insert(collection, operations(&resource, &["get", "post"]));
        schemas.insert(schema_name(&resource), schema(&resource));
    }
    if paths.is_empty() {
        return Err(Status::no_such_path());
    }
    Ok(json!({
        "openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "v1.32.0"},
        "paths": paths, "components": {"schemas": schemas},
    }))
}

fn operations(resource: &Resource, methods: &[&str]) -> Value {
    let parameters = json!([
        {"name": "dryRun", "in": "query", "schema": {"type": "string"}},
        {"name": "fieldValidation", "in": "query", "schema": {"type": "string"}},
    ]);
    let content =
        json!({"schema": {"$ref": format!("#/components/schemas/{}", schema_name(resource))}});
    let operation = |method: &str| {
        let mut operation = json!({
            "x-kubernetes-group-version-kind": group_version_kind(resource),
            "parameters": parameters,
            "responses": {"200": {"description": "OK", "content": {"application/json": content}}},
        });
        // strategic merge patches are understood, but no schema here says how lists merge
        let accepted: &[&str] = match method {
            "patch" => &[
                "application/json-patch+json",
                "application/merge-patch+json",
            ],
            "post" | "put" => &["application/json"],
            _ => &[],
        };
        if !accepted.is_empty() {
            let accepted: Map<_, _> = accepted
                .iter()
                .map(|media| (media.to_string(), content.clone()))
                .collect();
            operation["requestBody"] = json!({"content": accepted});
        }
        operation
    };
    methods
        .iter()
        .map(|method| (method.to_string(), operation(method)))
        .collect::<Map<_, _>>()
        .into()
}

fn schema(resource: &Resource) -> Value {
    let mut schema = match &resource.custom {
        Some(custom) => custom.schema.clone(),
        None => json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}),
    };
    let text = json!({"type": "string"});
    schema["properties"]["apiVersion"] = text.clone();
    schema["properties"]["kind"] = text;
    schema["properties"]["metadata"] = json!({"type": "object"});
    schema["x-kubernetes-group-version-kind"] = json!([group_version_kind(resource)]);
    schema
}

fn group_version_kind(resource: &Resource) -> Value {
    json!({"group": resource.group, "version": resource.version, "kind": resource.kind})
}

/// `com.bitnami.v1alpha1.SealedSecret`: the group turned round, as the real server names them.
fn schema_name(resource: &Resource) -> String {
    if resource.group.is_empty() {
        return format!("io.k8s.api.core.{}.{}", resource.version, resource.kind);
    }
    let group: Vec<&str> = resource.group.rsplit('.').collect();
    format!("{}.{}.{}", group.join("."), resource.version, resource.kind)
}
