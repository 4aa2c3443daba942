//! Create, update and patch: decode, check what the sender decided on, keep what only the server decides,
//! check the rules, commit.

use std::sync::Arc;

use http::StatusCode;
use serde_json::{Value, json};

use crate::answer::{self, Response};
use crate::cause::Cause;
use crate::cluster::Call;
use crate::decode::{self, Decoded, Validation};
use crate::form::Form;
use crate::quirk::Quirk;
use crate::status::Status;
use crate::store::{Place, State};
use crate::{crd, metadata, namespace, patch, rules, secret};

pub(crate) fn create(call: &Call<'_>) -> Result<Response, Status> {
    let (form, validation, dry_run) = (
        Form::asked(call.request)?,
        Validation::asked(call.request)?,
        dry_run(call)?,
    );
    let resource = &call.resource;
    if resource.namespaced && call.namespace.is_empty() {
        return Err(Status::method_not_allowed());
    }
    let Decoded {
        mut object,
        unknown,
    } = decode::object(resource, decode::body(call.request)?)?;
    refuse_unknown(call, validation, &unknown)?;
    place_in_namespace(call, &mut object)?;
    if object["metadata"].get("resourceVersion").is_some() {
        return Err(Status::unexplained(
            "resourceVersion should not be set on objects to be created",
        ));
    }
    metadata::prepare_new(resource, &mut object);
    rules::complete_new(resource, &mut object);
    let name = object["metadata"]["name"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let place = (call.namespace.clone(), name.clone());
    let causes = broken_rules(call, None, &object);
    let answered = resource.is_crd().then(|| crd::as_created(&object));
    let created = call.cluster.store.transact(|state| {
        namespace::check_open(call, state, &name)?;
        check_still_served(call)?;
        if !causes.is_empty() {
            return Err(Status::invalid(resource, &name, &causes));
        }
        if state.get(&resource.key(), &place).is_some() {
            return Err(Status::already_exists(resource, &name));
        }
        if dry_run {
            return Ok(Arc::new(object));
        }
        Ok(commit(call, state, &place, object))
    })?;
    let code = if call.cluster.has(Quirk::CreatedAsOk) {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    };
    let created = answered.map_or(created.clone(), |answered| {
        let mut answered = answered;
        answered["metadata"]["resourceVersion"] = created["metadata"]["resourceVersion"].clone();
        Arc::new(answered)
    });
    let mut response = answer::json(code, &form.object(resource, &created));
    if resource.is_core("secrets") {
        response = answer::warn(response, &secret::warnings(&created));
    }
    Ok(warn_unknown(response, validation, &unknown))
}

pub(crate) fn update(call: &Call<'_>) -> Result<Response, Status> {
    let validation = Validation::asked(call.request)?;
    let Decoded { object, unknown } = decode::object(&call.resource, decode::body(call.request)?)?;
    refuse_unknown(call, validation, &unknown)?;
    check_name(call, &object)?;
    amend(call, validation, |_| Ok(Decoded { object, unknown }))
}

pub(crate) fn patch(call: &Call<'_>) -> Result<Response, Status> {
    let validation = Validation::asked(call.request)?;
    let patch = patch::Patch::parse(call)?;
    amend(call, validation, |old| {
        let patched = patch.apply(old, call)?;
        let decoded = decode::object(&call.resource, patched)?;
        if validation == Validation::Strict && !decoded.unknown.is_empty() {
            let why = format!(
                "strict decoding error: {}",
                decode::unknown_fields(&decoded.unknown).join(", ")
            );
            let sent = String::from_utf8_lossy(&call.request.body).into_owned();
            return Err(Status::invalid_patch(Cause::invalid(
                "patch",
                &sent.into(),
                why,
            )));
        }
        check_name(call, &decoded.object)?;
        Ok(decoded)
    })
}

/// Replaces an object by what `make` makes of it, unless the sender decided on another version.
fn amend(
    call: &Call<'_>,
    validation: Validation,
    make: impl FnOnce(&Value) -> Result<Decoded, Status>,
) -> Result<Response, Status> {
    let (form, dry_run) = (Form::asked(call.request)?, dry_run(call)?);
    let resource = &call.resource;
    let name = call.name.clone().unwrap_or_default();
    let place = (call.namespace.clone(), name.clone());
    let (amended, unknown) = call.cluster.store.transact(|state| {
        let old = state
            .get(&resource.key(), &place)
            .ok_or_else(|| Status::not_found(resource, &name))?;
        let Decoded {
            object: mut new,
            unknown,
        } = make(&old)?;
        place_in_namespace(call, &mut new)?;
        if !call.cluster.has(Quirk::StaleWrites) {
            metadata::check_preconditions(resource, &name, &old, &new)?;
        }
        let new = if call.subresource.is_some() {
            with_status_of(&old, &new)
        } else {
            succeed(call, &old, new)
        };
        let causes = broken_rules(call, Some(&old), &new);
        if !causes.is_empty() {
            return Err(Status::invalid(resource, &name, &causes));
        }
        let new = if dry_run {
            Arc::new(new)
        } else {
            commit(call, state, &place, new)
        };
        Ok((new, unknown))
    })?;
    let response = answer::json(StatusCode::OK, &form.object(resource, &amended));
    Ok(warn_unknown(response, validation, &unknown))
}

fn broken_rules(call: &Call<'_>, old: Option<&Value>, new: &Value) -> Vec<Cause> {
    if call.cluster.has(Quirk::NothingInvalid) {
        return Vec::new();
    }
    let mut causes = rules::check(&call.resource, old, new);
    if call.subresource.is_some() {
        // as the real server, which validates a status by itself and then says where it lies
        for cause in &mut causes {
            cause.message = cause.message.replace(": status.", ": ");
        }
    }
    causes
}

/// The old object with nothing but the status of the new one.
fn with_status_of(old: &Value, new: &Value) -> Value {
    let mut object = old.clone();
    match new.get("status") {
        Some(status) => object["status"] = status.clone(),
        None => {
            object.as_object_mut().map(|fields| fields.remove("status"));
        }
    }
    object
}

/// The new object with everything a write to the main resource cannot change.
fn succeed(call: &Call<'_>, old: &Value, mut new: Value) -> Value {
    metadata::keep(old, &mut new);
    if call.resource.status && !call.cluster.has(Quirk::StatusByAnyWrite) {
        new = with_status_of(&new, old);
    }
    rules::keep(&call.resource, old, &mut new);
    let counts_labels = call.cluster.has(Quirk::GenerationOnLabel)
        && old["metadata"]["labels"] != new["metadata"]["labels"];
    let counts = counts_labels || differs(call.resource.status, old, &new);
    if call.resource.has_generation() && counts {
        let generation = old["metadata"]["generation"].as_u64().unwrap_or_default();
        new["metadata"]["generation"] = (generation + 1).into();
    }
    new
}

/// Whether anything but metadata (and status, where it is apart) differs.
fn differs(status_apart: bool, old: &Value, new: &Value) -> bool {
    let ignored =
        |key: &str| matches!(key, "metadata" | "apiVersion") || (key == "status" && status_apart);
    let fields = |value: &Value| -> serde_json::Map<String, Value> {
        let fields = value.as_object().into_iter().flatten();
        fields
            .filter(|(key, _)| !ignored(key))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    };
    fields(old) != fields(new)
}

/// Stores an object, or lets it go if it was only waiting for its finalizers.
fn commit(call: &Call<'_>, state: &mut State, place: &Place, object: Value) -> Arc<Value> {
    let (resource, registry) = (&call.resource, &call.cluster.registry);
    let key = resource.key();
    let is_going = object["metadata"].get("deletionTimestamp").is_some();
    let is_held = object["metadata"].get("finalizers").is_some() || resource.is_core("namespaces");
    if is_going && !is_held {
        // nothing is written: the last write that was is what the watches see go
        state.remove(&key, place);
        return Arc::new(object);
    }
    let committed = if call.cluster.has(Quirk::EveryWriteCounts) {
        state.write(&key, place, object)
    } else {
        state.put(&key, place, object)
    };
    if call.cluster.has(Quirk::SilentStatus) && call.subresource.is_some() {
        state.forget_last();
    }
    if resource.is_crd() {
        crd::install(registry, &committed);
    }
    committed
}

/// A CRD may have begun to go since the request arrived.
fn check_still_served(call: &Call<'_>) -> Result<(), Status> {
    let Call {
        cluster, resource, ..
    } = call;
    let now = cluster
        .registry
        .find(&resource.group, &resource.version, &resource.plural);
    match now.ok_or_else(Status::no_such_path)?.custom.as_ref() {
        Some(custom) if custom.terminating => Err(Status::crd_terminating()),
        _ => Ok(()),
    }
}

fn refuse_unknown(
    call: &Call<'_>,
    validation: Validation,
    unknown: &[String],
) -> Result<(), Status> {
    if validation != Validation::Strict || unknown.is_empty() {
        return Ok(());
    }
    let why = format!(
        "strict decoding error: {}",
        decode::unknown_fields(unknown).join(", ")
    );
    Err(decode::cannot_handle(&call.resource, &why))
}

fn warn_unknown(response: Response, validation: Validation, unknown: &[String]) -> Response {
    if validation == Validation::Warn {
        answer::warn(response, &decode::unknown_fields(unknown))
    } else {
        response
    }
}

fn place_in_namespace(call: &Call<'_>, object: &mut Value) -> Result<(), Status> {
    let metadata = &mut object["metadata"];
    if !call.resource.namespaced {
        metadata
            .as_object_mut()
            .map(|metadata| metadata.remove("namespace"));
        return Ok(());
    }
    match metadata["namespace"].as_str() {
        Some(namespace) if namespace != call.namespace => {
            let message = "the namespace of the provided object does not match the namespace sent on the request";
            Err(Status::bad_request(message))
        }
        _ => {
            metadata["namespace"] = call.namespace.clone().into();
            Ok(())
        }
    }
}

fn check_name(call: &Call<'_>, object: &Value) -> Result<(), Status> {
    let (sent, expected) = (
        object["metadata"]["name"].as_str().unwrap_or_default(),
        call.name.as_deref().unwrap_or_default(),
    );
    if sent == expected {
        return Ok(());
    }
    let message =
        format!("the name of the object ({sent}) does not match the name on the URL ({expected})");
    Err(Status::bad_request(message))
}

pub(crate) fn dry_run(call: &Call<'_>) -> Result<bool, Status> {
    match call.request.query.get("dryRun") {
        None => Ok(false),
        Some("All") => Ok(true),
        Some(other) => {
            let cause = Cause::not_supported("dryRun", &json!([other]), &["All".into()]);
            let options = decode::options(&call.request.method);
            Err(Status::invalid_options(options, &[cause]))
        }
    }
}
