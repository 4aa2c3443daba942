//! The kinds of patch: JSON (RFC 6902), merge (RFC 7386) and, for built-in kinds, strategic merge.

use serde_json::Value;

use crate::cluster::Call;
use crate::metadata::go_name;
use crate::status::Status;
use crate::strategic_patch;

pub(crate) enum Patch {
    Json(Vec<json_patch::PatchOperation>),
    Merge(Value),
    Strategic(Value),
}

impl Patch {
    pub(crate) fn parse(call: &Call<'_>) -> Result<Self, Status> {
        let unreadable = |_| {
            Status::bad_request("error decoding patch: the body is not JSON of the expected shape")
        };
        let body = &call.request.body;
        match call.request.content_type() {
            "application/json-patch+json" => serde_json::from_slice(body)
                .map(Self::Json)
                .map_err(|_| wrong_patch(body, "[]handlers.jsonPatchOp")),
            "application/merge-patch+json" => match serde_json::from_slice(body) {
                Ok(patch @ Value::Object(_)) => Ok(Self::Merge(patch)),
                _ => Err(wrong_patch(body, "map[string]interface {}")),
            },
            "application/strategic-merge-patch+json" if call.resource.custom.is_none() => {
                serde_json::from_slice(body)
                    .map(Self::Strategic)
                    .map_err(unreadable)
            }
            _ if call.resource.custom.is_none() => Err(Status::unsupported_patch()),
            _ => Err(Status::unsupported_media_type(ACCEPTED)),
        }
    }

    pub(crate) fn apply(self, old: &Value, call: &Call<'_>) -> Result<Value, Status> {
        let mut object = old.clone();
        // the stored version may not be the one that is patched
        object["apiVersion"] = call.resource.api_version().into();
        match self {
            Self::Json(operations) => {
                json_patch::patch(&mut object, &operations)
                    .map_err(|_| Status::inapplicable_patch())?;
            }
            Self::Merge(patch) => json_patch::merge(&mut object, &patch),
            Self::Strategic(patch) => strategic_patch::apply(&mut object, patch),
        }
        Ok(object)
    }
}

fn wrong_patch(body: &[u8], go_type: &str) -> Status {
    let found = match serde_json::from_slice(body) {
        Ok(value) => format!(
            "json: cannot unmarshal {} into Go value of type {go_type}",
            go_name(&value)
        ),
        // the real server quotes what it read
        Err(_) => "the body is not JSON".to_owned(),
    };
    Status::bad_request(format!("error decoding patch: {found}"))
}

/// For custom resources.
const ACCEPTED: &[&str] = &[
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/apply-patch+yaml",
];
