//! One field at fault, in the words of the real API server's validation.

use serde_json::Value;

/// One field at fault, as `Invalid` lists them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cause {
    pub(crate) field: String,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
}

impl Cause {
    /// A value that breaks a rule; it is shown as Go's `%v` would quote it.
    pub(crate) fn invalid(
        field: impl Into<String>,
        value: &Value,
        why: impl std::fmt::Display,
    ) -> Self {
        let reason = "FieldValueInvalid";
        Self {
            field: field.into(),
            reason,
            message: format!("Invalid value: {}: {why}", shown(value)),
        }
    }

    /// The same for a value that is already written as it is to be shown.
    pub(crate) fn invalid_as(
        field: impl Into<String>,
        shown: &str,
        why: impl std::fmt::Display,
    ) -> Self {
        Self {
            field: field.into(),
            reason: "FieldValueInvalid",
            message: format!("Invalid value: {shown}: {why}"),
        }
    }

    /// A value of the wrong type; `found` names the type it has.
    pub(crate) fn wrong_type(field: &str, found: &str, why: impl std::fmt::Display) -> Self {
        let message = format!("Invalid value: {found:?}: {why}");
        Self {
            field: field.to_owned(),
            reason: "FieldValueTypeInvalid",
            message,
        }
    }

    pub(crate) fn required(field: impl Into<String>, why: &str) -> Self {
        let message = if why.is_empty() {
            "Required value".to_owned()
        } else {
            format!("Required value: {why}")
        };
        Self {
            field: field.into(),
            reason: "FieldValueRequired",
            message,
        }
    }

    pub(crate) fn forbidden(field: impl Into<String>, why: &str) -> Self {
        Self {
            field: field.into(),
            reason: "FieldValueForbidden",
            message: format!("Forbidden: {why}"),
        }
    }

    pub(crate) fn too_long(field: impl Into<String>, why: impl std::fmt::Display) -> Self {
        Self {
            field: field.into(),
            reason: "FieldValueTooLong",
            message: format!("Too long: {why}"),
        }
    }

    pub(crate) fn too_many(field: impl Into<String>, count: usize, most: u64) -> Self {
        let message = format!("Too many: {count}: must have at most {most} items");
        Self {
            field: field.into(),
            reason: "FieldValueTooMany",
            message,
        }
    }

    pub(crate) fn not_supported(
        field: impl Into<String>,
        value: &Value,
        supported: &[Value],
    ) -> Self {
        let supported: Vec<String> = supported.iter().map(shown).collect();
        let message = format!(
            "Unsupported value: {}: supported values: {}",
            shown(value),
            supported.join(", ")
        );
        Self {
            field: field.into(),
            reason: "FieldValueNotSupported",
            message,
        }
    }
}

fn shown(value: &Value) -> String {
    value.to_string()
}
