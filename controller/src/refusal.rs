//! What of an API server's refusal may be told. Pure.
//!
//! Its text may quote what was sent, which is values: a webhook's or a policy's words are passed on as they
//! are, with a reason and causes of their choosing. So only texts of a known form are told, and of each no
//! more than its form.

use kube::core::Status;

/// So many fields of an invalid object are named.
const NAMED: usize = 20;
/// A name that is longer is none that Kubernetes has.
const NAME: usize = 253;

/// The API server's own words, as upstream passes them on: `{}` stands for a name, and what follows a form
/// that ends in `*` is left out.
const FORMS: [&str; 23] = [
    "secrets \"{}\" already exists",
    "object is being deleted: secrets \"{}\" already exists",
    "secrets \"{}\" not found",
    "namespaces \"{}\" not found",
    "Operation cannot be fulfilled on secrets \"{}\": the object has been modified; please apply your changes to \
        the latest version and try again",
    "Operation cannot be fulfilled on secrets \"{}\": StorageError: invalid object*",
    "secrets is forbidden: User \"{}\" cannot {} resource \"secrets\" in API group \"\" in the namespace \"{}\"*",
    "secrets \"{}\" is forbidden: User \"{}\" cannot {} resource \"secrets\" in API group \"\" in the namespace \"{}\"*",
    "secrets \"{}\" is forbidden: unable to create new content in namespace {} because it is being terminated",
    "secrets \"{}\" is forbidden: exceeded quota: {}, requested: {}, used: {}, limited: {}",
    "the server has received too many requests and has asked us to try again later",
    "Timeout: request did not complete within requested timeout*",
    "Timeout: request did not complete within the allotted timeout*",
    "the server was unable to return a response in the time allotted, but may still be processing the request*",
    "The {} operation against {} could not be completed at this time, please try again.",
    "etcdserver: request timed out",
    "etcdserver: request is too large",
    "etcdserver: mvcc: database space exceeded",
    "etcdserver: leader changed",
    "admission webhook \"{}\" denied the request*",
    "Internal error occurred: failed calling webhook \"{}\"*",
    "secrets \"{}\" is forbidden: ValidatingAdmissionPolicy '{}' with binding '{}' denied request*",
    "Unauthorized",
];

/// The words that Kubernetes has for a refusal.
const REASONS: [&str; 17] = [
    "Unauthorized",
    "Forbidden",
    "NotFound",
    "AlreadyExists",
    "Conflict",
    "Gone",
    "ServerTimeout",
    "StoreReadError",
    "Timeout",
    "TooManyRequests",
    "MethodNotAllowed",
    "NotAcceptable",
    "RequestEntityTooLarge",
    "UnsupportedMediaType",
    "InternalError",
    "Expired",
    "ServiceUnavailable",
];

/// The words that it has for what is wrong with a field.
const FAULTS: [&str; 9] = [
    "FieldValueNotFound",
    "FieldValueRequired",
    "FieldValueDuplicate",
    "FieldValueInvalid",
    "FieldValueNotSupported",
    "FieldValueForbidden",
    "FieldValueTooLong",
    "FieldValueTooMany",
    "FieldValueTypeInvalid",
];

/// The fields of a Secret.
const FIELDS: [&str; 5] = ["data", "stringData", "metadata", "type", "immutable"];

/// What may be told of a failed request for a Secret.
pub(crate) fn told(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => of_status(status),
        kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) => {
            "the API server's answer does not decode".to_owned()
        }
        // The connection's, before there was an answer.
        error => error.to_string(),
    }
}

/// Whether the API server itself says that the namespace is being deleted.
pub(crate) fn is_the_end_of_a_namespace(status: &Status) -> bool {
    let mut causes = status.details.iter().flat_map(|details| &details.causes);
    !status.message.starts_with("admission webhook")
        && causes.any(|cause| cause.reason == "NamespaceTerminating")
}

fn of_status(status: &Status) -> String {
    let message = &status.message;
    if let Some(known) = FORMS.iter().find_map(|form| fits(message, form)) {
        return known.to_owned();
    }
    match status.reason.as_str() {
        "Invalid" if fits(message, "Secret \"{}\" is invalid: *").is_some() => invalid(status),
        "Invalid" | "BadRequest" => "the API server refused the Secret as invalid".to_owned(),
        reason if REASONS.contains(&reason) => {
            format!("the API server refused the request: {reason}")
        }
        _ => format!(
            "the API server refused the request with code {}",
            status.code
        ),
    }
}

/// Which fields are wrong and how, without what is in them.
fn invalid(status: &Status) -> String {
    let causes = || status.details.iter().flat_map(|details| &details.causes);
    let named: Vec<String> = causes()
        .take(NAMED)
        .map(|cause| format!("{}: {}", field(&cause.field), fault(&cause.reason)))
        .collect();
    let text = format!("the Secret is invalid: {}", named.join(", "));
    match causes().count().saturating_sub(NAMED) {
        _ if named.is_empty() => "the API server refused the Secret as invalid".to_owned(),
        0 => text,
        more => format!("{text} and {more} more"),
    }
}

fn field(path: &str) -> &str {
    let root = path.split(['.', '[']).next().unwrap_or_default();
    match FIELDS.contains(&root) {
        true => &path[..path.floor_char_boundary(NAME)],
        false => "a field",
    }
}

fn fault(reason: &str) -> &str {
    let known = FAULTS.iter().find(|fault| **fault == reason);
    known.copied().unwrap_or("refused")
}

/// As much of a text as its form says, if it has that form.
fn fits<'a>(text: &'a str, form: &str) -> Option<&'a str> {
    let (form, is_open) = match form.strip_suffix('*') {
        Some(form) => (form, true),
        None => (form, false),
    };
    let mut parts = form.split("{}");
    let mut rest = text.strip_prefix(parts.next()?)?;
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        let is_last = parts.peek().is_none();
        let end = match part {
            "" if is_last => rest.len(),
            part => rest.find(part)?,
        };
        let (name, behind) = rest.split_at(end);
        if !is_name(name) {
            return None;
        }
        rest = &behind[part.len()..];
    }
    let told = text.len() - rest.len();
    (is_open || rest.is_empty()).then(|| &text[..told])
}

/// Whether a word may be a name, a verb or a quantity: what is in its place is none of those otherwise.
fn is_name(word: &str) -> bool {
    let is_of_names = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:/=,@".contains(&byte);
    !word.is_empty() && word.len() <= NAME && word.bytes().all(is_of_names)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn refused(code: u16, reason: &str, message: &str, causes: Value) -> String {
        let status = json!({
            "status": "Failure", "code": code, "reason": reason, "message": message, "details": { "causes": causes },
        });
        told(&kube::Error::Api(serde_json::from_value(status).unwrap()))
    }

    fn said(code: u16, reason: &str, message: &str) -> String {
        refused(code, reason, message, json!([]))
    }

    #[test]
    fn tells_the_api_servers_own_words() {
        let rbac = "secrets is forbidden: User \"system:serviceaccount:kube-system:sealed-secrets-controller\" cannot \
            create resource \"secrets\" in API group \"\" in the namespace \"shop\"";
        let conflict = "Operation cannot be fulfilled on secrets \"db\": the object has been modified; please apply \
            your changes to the latest version and try again";
        let quota = "secrets \"db\" is forbidden: exceeded quota: few, requested: count/secrets=1, used: count/secrets=3, \
            limited: count/secrets=3";
        let busy = "the server has received too many requests and has asked us to try again later";
        for (code, reason, message) in [
            (409, "AlreadyExists", "secrets \"db\" already exists"),
            (404, "NotFound", "namespaces \"shop\" not found"),
            (409, "Conflict", conflict),
            (403, "Forbidden", rbac),
            (403, "Forbidden", quota),
            (429, "TooManyRequests", busy),
        ] {
            assert_eq!(said(code, reason, message), message);
        }
        let more = format!("{rbac}: RBAC: clusterrole \"x\" not found");
        assert_eq!(said(403, "Forbidden", &more), rbac);
    }

    #[test]
    fn tells_of_a_webhook_its_name_and_none_of_its_words() {
        for reason in ["Forbidden", "Conflict", "Invalid", "s3cret"] {
            let message = "admission webhook \"policy.example.com\" denied the request: the value s3cret is weak";
            let causes = json!([{ "field": "data[s3cret]", "reason": "FieldValueInvalid" }]);
            let told = refused(403, reason, message, causes);
            assert_eq!(
                told,
                "admission webhook \"policy.example.com\" denied the request"
            );
        }
        let odd = "admission webhook \"s3cret value\" denied the request: s3cret";
        let told = said(403, "Forbidden", odd);
        assert_eq!(told, "the API server refused the request: Forbidden");
        let failed = "Internal error occurred: failed calling webhook \"a.b\": got s3cret";
        let told = said(500, "InternalError", failed);
        assert_eq!(
            told,
            "Internal error occurred: failed calling webhook \"a.b\""
        );
    }

    #[test]
    fn tells_of_a_policy_its_name_and_none_of_its_words() {
        let policy = "secrets \"db\" is forbidden: ValidatingAdmissionPolicy 'strong' with binding 'all' denied request";
        for reason in ["Invalid", "Forbidden"] {
            assert_eq!(
                said(422, reason, &format!("{policy}: s3cret is weak")),
                policy
            );
        }
    }

    #[test]
    fn tells_nothing_of_what_it_does_not_know() {
        for (reason, told) in [
            ("Forbidden", "the API server refused the request: Forbidden"),
            ("s3cret", "the API server refused the request with code 418"),
            ("BadRequest", "the API server refused the Secret as invalid"),
            (
                "Failed to parse error data",
                "the API server refused the request with code 418",
            ),
        ] {
            for message in [
                "s3cret",
                "secrets \"db\" already exists: s3cret",
                "secrets \"s3 cret\" not found",
            ] {
                assert_eq!(said(418, reason, message), told);
            }
        }
        let told = told(&kube::Error::SerdeError(
            serde_json::from_str::<u8>("\"s3cret\"").unwrap_err(),
        ));
        assert_eq!(told, "the API server's answer does not decode");
    }

    #[test]
    fn names_the_fields_of_an_invalid_secret_and_not_what_is_in_them() {
        let message = "Secret \"db\" is invalid: data[a]: Invalid value: \"s3cret\"";
        let cause = |field: &str, reason: &str| json!({ "field": field, "reason": reason, "message": "s3cret" });
        let told = |causes| refused(422, "Invalid", message, causes);
        assert_eq!(
            told(json!([
                cause("data[a]", "FieldValueInvalid"),
                cause("s3cret", "s3cret")
            ])),
            "the Secret is invalid: data[a]: FieldValueInvalid, a field: refused"
        );
        assert_eq!(
            told(json!([])),
            "the API server refused the Secret as invalid"
        );
        let many: Vec<Value> = (0..25)
            .map(|_| cause("metadata.labels", "FieldValueInvalid"))
            .collect();
        assert!(told(many.into()).ends_with("metadata.labels: FieldValueInvalid and 5 more"));
        let long = format!("data[{}]", "x".repeat(5000));
        assert!(told(json!([cause(&long, "FieldValueTooLong")])).len() < 400);
    }

    #[test]
    fn believes_no_webhook_that_a_namespace_ends() {
        let status = |message: &str| -> Status {
            let causes =
                json!([{ "reason": "NamespaceTerminating", "field": "metadata.namespace" }]);
            let status = json!({ "code": 403, "reason": "Forbidden", "message": message, "details": { "causes": causes } });
            serde_json::from_value(status).unwrap()
        };
        let own = "secrets \"db\" is forbidden: unable to create new content in namespace shop because it is being terminated";
        assert!(is_the_end_of_a_namespace(&status(own)));
        assert!(!is_the_end_of_a_namespace(&status(
            "admission webhook \"a.b\" denied the request: no"
        )));
    }
}
