//! Deletes: at once, or marked and left to finalizers, namespaces and CRDs to finish.

use std::sync::Arc;

use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::answer::{self, Response};
use crate::cause::Cause;
use crate::cluster::Call;
use crate::form::Form;
use crate::metadata::now;
use crate::quirk::Quirk;
use crate::resource::{Registry, Resource};
use crate::status::Status;
use crate::store::{Place, State};
use crate::{crd, namespace, owners, read, write};

/// What became of an object that was asked to go.
pub(crate) struct Outcome {
    pub(crate) object: Arc<Value>,
    pub(crate) is_gone: bool,
}

/// The part of `DeleteOptions` that has an effect here.
struct Options {
    uid: Option<String>,
    version: Option<String>,
    /// What the garbage collector has to do before the object may go.
    first: Option<&'static str>,
    dry_run: bool,
}

pub(crate) fn one(call: &Call<'_>) -> Result<Response, Status> {
    let (form, options) = (Form::asked(call.request)?, Options::parse(call)?);
    let name = call.name.clone().unwrap_or_default();
    let place = (call.namespace.clone(), name.clone());
    let resource = &call.resource;
    if resource.is_core("namespaces") && namespace::PERMANENT.contains(&name.as_str()) {
        return Err(Status::forbidden(
            resource,
            &name,
            "this namespace may not be deleted",
        ));
    }
    let outcome = call.cluster.store.transact(|state| {
        let old = state
            .get(&resource.key(), &place)
            .ok_or_else(|| Status::not_found(resource, &name))?;
        options.check(resource, &name, &old)?;
        options.carry_out(call, state, &place, old)
    })?;
    if outcome.is_gone && !resource.is_core("namespaces") && !resource.is_core("services") {
        return Ok(answer::json(
            StatusCode::OK,
            &success(resource, &name, &outcome.object),
        ));
    }
    Ok(answer::json(
        StatusCode::OK,
        &form.object(resource, &outcome.object),
    ))
}

pub(crate) fn collection(call: &Call<'_>) -> Result<Response, Status> {
    let (form, options) = (Form::asked(call.request)?, Options::parse(call)?);
    let resource = &call.resource;
    // as on the real server, a kind is emptied namespace by namespace
    if resource.is_core("namespaces") || (resource.namespaced && call.namespace.is_empty()) {
        return Err(Status::method_not_allowed());
    }
    let page = read::page(call)?;
    let deleted = call.cluster.store.transact(|state| {
        let mut deleted = Vec::new();
        for object in page.items {
            let name = object["metadata"]["name"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            let place = (call.namespace.clone(), name);
            // it may have gone since the page was read
            let Some(old) = state.get(&resource.key(), &place) else {
                continue;
            };
            let outcome = options.carry_out(call, state, &place, old.clone())?;
            deleted.push(if outcome.is_gone { old } else { outcome.object });
        }
        Ok(deleted)
    })?;
    let metadata = json!({"resourceVersion": call.cluster.store.transact(|state| state.version()).to_string()});
    Ok(answer::json(
        StatusCode::OK,
        &form.list(resource, &deleted, metadata),
    ))
}

impl Options {
    fn parse(call: &Call<'_>) -> Result<Self, Status> {
        let query = &call.request.query;
        let body: Value = match call.request.body.as_ref() {
            [] => Value::Null,
            text => serde_json::from_slice(text)
                .map_err(|_| Status::bad_request("cannot read DeleteOptions"))?,
        };
        let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
        let policy = text(&body["propagationPolicy"])
            .or_else(|| query.get("propagationPolicy").map(ToOwned::to_owned));
        let orphans =
            body["orphanDependents"] == true || query.get("orphanDependents") == Some("true");
        let first = match policy.as_deref() {
            Some("Orphan") => Some(owners::ORPHAN),
            Some("Foreground") => Some(owners::FOREGROUND),
            None if orphans => Some(owners::ORPHAN),
            Some("Background") | None => None,
            Some(other) => {
                let known = ["Foreground", "Background", "Orphan", "nil"].map(Value::from);
                let cause = Cause::not_supported("propagationPolicy", &other.into(), &known);
                return Err(Status::invalid_options("DeleteOptions", &[cause]));
            }
        };
        let preconditions = &body["preconditions"];
        Ok(Self {
            uid: text(&preconditions["uid"]),
            version: text(&preconditions["resourceVersion"]),
            first,
            dry_run: write::dry_run(call)?
                || body["dryRun"]
                    .as_array()
                    .is_some_and(|stages| !stages.is_empty()),
        })
    }

    fn check(&self, resource: &Resource, name: &str, old: &Value) -> Result<(), Status> {
        let (uid, version) = (&old["metadata"]["uid"], &old["metadata"]["resourceVersion"]);
        if let Some(wanted) = self.uid.as_ref().filter(|wanted| uid != wanted.as_str()) {
            let why = format!(
                "the UID in the precondition ({wanted}) does not match the UID in record ({}). The object might have \
                 been deleted and then recreated",
                uid.as_str().unwrap_or_default()
            );
            return Err(Status::unmet_precondition(resource, name, &why));
        }
        if let Some(wanted) = self
            .version
            .as_ref()
            .filter(|wanted| version != wanted.as_str())
        {
            let why = format!(
                "the ResourceVersion in the precondition ({wanted}) does not match the ResourceVersion in record ({}). \
                 The object might have been modified",
                version.as_str().unwrap_or_default()
            );
            return Err(Status::unmet_precondition(resource, name, &why));
        }
        Ok(())
    }

    fn carry_out(
        &self,
        call: &Call<'_>,
        state: &mut State,
        place: &Place,
        old: Arc<Value>,
    ) -> Result<Outcome, Status> {
        if self.dry_run {
            return Ok(Outcome {
                object: old,
                is_gone: true,
            });
        }
        if let Some(finalizer) = self.first {
            let mut held = (*old).clone();
            owners::hold(&mut held, finalizer);
            return begin_held(&call.cluster.registry, state, &call.resource, place, held)
                .ok_or_else(|| Status::not_found(&call.resource, &place.1));
        }
        let gone = || Status::not_found(&call.resource, &place.1);
        if call.cluster.has(Quirk::FinalizersIgnored) && !call.resource.is_crd() {
            let object = state.remove(&call.resource.key(), place).ok_or_else(gone)?;
            return Ok(Outcome {
                object,
                is_gone: true,
            });
        }
        begin(&call.cluster.registry, state, &call.resource, place).ok_or_else(gone)
    }
}

/// Deletes an object, or marks it if something has to happen first.
pub(crate) fn begin(
    registry: &Registry,
    state: &mut State,
    resource: &Resource,
    place: &Place,
) -> Option<Outcome> {
    let key = resource.key();
    let old = state.get(&key, place)?;
    let is_held = old["metadata"].get("finalizers").is_some() || resource.is_core("namespaces");
    if !is_held {
        return state.remove(&key, place).map(|object| Outcome {
            object,
            is_gone: true,
        });
    }
    begin_held(registry, state, resource, place, (*old).clone())
}

/// Marks an object that something has to happen to before it may go.
fn begin_held(
    registry: &Registry,
    state: &mut State,
    resource: &Resource,
    place: &Place,
    mut marked: Value,
) -> Option<Outcome> {
    let key = resource.key();
    if marked["metadata"].get("deletionTimestamp").is_some() {
        return Some(Outcome {
            object: state.put(&key, place, marked),
            is_gone: false,
        });
    }
    marked["metadata"]["deletionTimestamp"] = now().into();
    if resource.is_core("namespaces") {
        marked["status"]["phase"] = "Terminating".into();
    } else if resource.is_crd() {
        crd::mark_deleted(&mut marked);
    } else {
        marked["metadata"]["deletionGracePeriodSeconds"] = 0.into();
    }
    if let Some(generation) = marked["metadata"]["generation"].as_u64()
        && !resource.is_crd()
    {
        marked["metadata"]["generation"] = (generation + 1).into();
    }
    let object = state.put(&key, place, marked);
    if resource.is_crd() {
        crd::install(registry, &object);
    }
    Some(Outcome {
        object,
        is_gone: false,
    })
}

fn success(resource: &Resource, name: &str, object: &Value) -> Value {
    let mut details = Map::from_iter([
        ("name".to_owned(), name.into()),
        ("kind".to_owned(), resource.plural.clone().into()),
        ("uid".to_owned(), object["metadata"]["uid"].clone()),
    ]);
    if !resource.group.is_empty() {
        details.insert("group".to_owned(), resource.group.clone().into());
    }
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
}
