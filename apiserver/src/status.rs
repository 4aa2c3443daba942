//! What the server says when it refuses: `Status` objects with the words of the real API server.
//! Clients match on these texts, so each is written here once.

use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::cause::Cause;
use crate::resource::{Resource, dotted};

/// A refusal, ready to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Status {
    pub(crate) code: StatusCode,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
    /// Some refusals say that they have nothing more to say.
    details: Option<Map<String, Value>>,
    /// Where a list whose token expired may go on, inconsistently.
    resume: Option<String>,
}

impl Status {
    pub(crate) fn new(code: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            details: None,
            resume: None,
        }
    }

    fn about(mut self, resource: &Resource, name: &str) -> Self {
        self.detail("name", name);
        self.detail("group", &resource.group);
        self.detail("kind", &resource.plural);
        self
    }

    fn details(&mut self) -> &mut Map<String, Value> {
        self.details.get_or_insert_default()
    }

    fn without_details(mut self) -> Self {
        self.details();
        self
    }

    fn detail(&mut self, key: &str, value: &str) {
        if !value.is_empty() {
            self.details().insert(key.to_owned(), value.into());
        }
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized")
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    /// The URL leads nowhere.
    pub(crate) fn no_such_path() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "NotFound",
            "the server could not find the requested resource",
        )
        .without_details()
    }

    /// Not even a group or version: the answer is text.
    pub(crate) fn not_served() -> Self {
        Self::new(StatusCode::NOT_FOUND, "", "404 page not found")
    }

    /// Whether it is told as text instead of as an object.
    pub(crate) fn is_text(&self) -> bool {
        self.reason.is_empty() && self.code == StatusCode::NOT_FOUND
    }

    pub(crate) fn not_found(resource: &Resource, name: &str) -> Self {
        let message = format!("{} {name:?} not found", resource.qualified());
        Self::new(StatusCode::NOT_FOUND, "NotFound", message).about(resource, name)
    }

    pub(crate) fn already_exists(resource: &Resource, name: &str) -> Self {
        let message = format!("{} {name:?} already exists", resource.qualified());
        Self::new(StatusCode::CONFLICT, "AlreadyExists", message).about(resource, name)
    }

    pub(crate) fn conflict(resource: &Resource, name: &str, why: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} {name:?}: {why}",
            resource.qualified()
        );
        Self::new(StatusCode::CONFLICT, "Conflict", message).about(resource, name)
    }

    /// A delete whose preconditions do not hold; it speaks of the kind.
    pub(crate) fn unmet_precondition(resource: &Resource, name: &str, why: &str) -> Self {
        let kind = dotted(&resource.kind, &resource.group);
        let message = format!("Operation cannot be fulfilled on {kind} {name:?}: {why}");
        let mut status = Self::new(StatusCode::CONFLICT, "Conflict", message);
        status.detail("name", name);
        status.detail("group", &resource.group);
        status.detail("kind", &resource.kind);
        status
    }

    /// A write to a custom resource that names no version.
    pub(crate) fn version_required(resource: &Resource, name: &str) -> Self {
        let cause = Cause {
            field: "metadata.resourceVersion".to_owned(),
            reason: "FieldValueInvalid",
            message: "Invalid value: 0: must be specified for an update".to_owned(),
        };
        Self::invalid_kind(&resource.group, &resource.plural, name, &[cause])
    }

    /// The object says that it is of another kind.
    pub(crate) fn other_kind(resource: &Resource, kind: &str, name: &str) -> Self {
        let why = format!("must be {}", resource.kind);
        let cause = Cause::invalid("kind", &kind.into(), why);
        Self::invalid_kind(&resource.group, kind, name, &[cause])
    }

    /// The caller decided on a version that is no longer the newest.
    pub(crate) fn modified(resource: &Resource, name: &str) -> Self {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(resource, name, why)
    }

    pub(crate) fn forbidden(resource: &Resource, name: &str, why: &str) -> Self {
        let message = format!("{} {name:?} is forbidden: {why}", resource.qualified());
        Self::new(StatusCode::FORBIDDEN, "Forbidden", message).about(resource, name)
    }

    pub(crate) fn terminating(resource: &Resource, name: &str, namespace: &str) -> Self {
        let why = format!(
            "unable to create new content in namespace {namespace} because it is being terminated"
        );
        let mut status = Self::forbidden(resource, name, &why);
        status.causes(&[Cause {
            field: "metadata.namespace".to_owned(),
            reason: "NamespaceTerminating",
            message: format!("namespace {namespace} is being terminated"),
        }]);
        status
    }

    pub(crate) fn invalid(resource: &Resource, name: &str, causes: &[Cause]) -> Self {
        Self::invalid_kind(&resource.group, &resource.kind, name, causes)
    }

    /// A patch whose result has fields nobody knows; as on the real server, it is the request that is
    /// invalid and no object.
    pub(crate) fn invalid_patch(cause: Cause) -> Self {
        Self::invalid_kind("", "", "", &[cause])
    }

    /// Parameters that do not go together, or that nobody knows; `options` is what they are options of.
    pub(crate) fn invalid_options(options: &str, causes: &[Cause]) -> Self {
        Self::invalid_kind("meta.k8s.io", options, "", causes)
    }

    fn invalid_kind(group: &str, kind: &str, name: &str, causes: &[Cause]) -> Self {
        let told: Vec<String> = causes
            .iter()
            .map(|cause| format!("{}: {}", cause.field, cause.message))
            .collect();
        let told = match told.as_slice() {
            [one] => one.clone(),
            several => format!("[{}]", several.join(", ")),
        };
        let message = format!("{} {name:?} is invalid: {told}", dotted(kind, group));
        let mut status = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message);
        status.detail("name", name);
        status.detail("group", group);
        status.detail("kind", kind);
        status.causes(causes);
        status
    }

    fn causes(&mut self, causes: &[Cause]) {
        let causes = causes
            .iter()
            .map(|cause| json!({"reason": cause.reason, "message": cause.message, "field": cause.field}))
            .collect();
        self.details().insert("causes".to_owned(), causes);
    }

    pub(crate) fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message).without_details()
    }

    pub(crate) fn crd_terminating() -> Self {
        let message = "create not allowed while custom resource definition is terminating";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message)
    }

    pub(crate) fn unsupported_media_type(accepted: &[&str]) -> Self {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {}",
            accepted.join(", ")
        );
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "UnsupportedMediaType",
            message,
        )
    }

    /// A patch of no type that kinds built in have.
    pub(crate) fn unsupported_patch() -> Self {
        let message = "415: Unsupported Media Type";
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "UnsupportedMediaType",
            message,
        )
        .without_details()
    }

    /// A JSON patch that cannot be applied, or whose test fails.
    pub(crate) fn inapplicable_patch() -> Self {
        let message = "the server rejected our request due to an error in our request";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message).without_details()
    }

    pub(crate) fn not_acceptable() -> Self {
        let message = "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, \
                       application/vnd.kubernetes.protobuf";
        Self::new(StatusCode::NOT_ACCEPTABLE, "NotAcceptable", message).without_details()
    }

    pub(crate) fn too_large(limit: usize) -> Self {
        let message = format!("Request entity too large: limit is {limit}");
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestEntityTooLarge",
            message,
        )
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", message)
    }

    /// An error of Go's that nobody gave a reason.
    pub(crate) fn unexplained(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "", message)
    }

    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "ServiceUnavailable",
            message,
        )
    }

    /// The watch or list asked for a version that is forgotten.
    pub(crate) fn expired(asked: u64, oldest: u64) -> Self {
        Self::new(
            StatusCode::GONE,
            "Expired",
            format!("too old resource version: {asked} ({oldest})"),
        )
    }

    pub(crate) fn expired_page(resume: String) -> Self {
        let message = "The provided continue parameter is too old to display a consistent list result. You can \
                       start a new list without the continue parameter, or use the continue token in this response \
                       to retrieve the remainder of the results. Continuing with the provided token results in an \
                       inconsistent list - objects that were created, modified, or deleted between the time the \
                       first chunk was returned and now may show up in the list.";
        let mut status = Self::new(StatusCode::GONE, "Expired", message);
        status.resume = Some(resume);
        status
    }

    /// The version asked for has not happened yet.
    pub(crate) fn future_version(asked: u64, newest: u64) -> Self {
        let message = format!("Too large resource version: {asked}, current: {newest}");
        let mut status = Self::new(StatusCode::GATEWAY_TIMEOUT, "Timeout", message);
        status
            .details()
            .insert("retryAfterSeconds".to_owned(), 1.into());
        status.causes(&[Cause {
            field: String::new(),
            reason: "ResourceVersionTooLarge",
            message: "Too large resource version".to_owned(),
        }]);
        status
    }

    pub(crate) fn into_json(self) -> Value {
        let mut metadata = Map::new();
        if let Some(resume) = self.resume {
            metadata.insert("continue".to_owned(), resume.into());
        }
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": metadata,
            "status": "Failure", "message": self.message, "code": self.code.as_u16(),
        });
        if !self.reason.is_empty() {
            status["reason"] = self.reason.into();
        }
        if let Some(details) = self.details {
            status["details"] = details.into();
        }
        status
    }
}
