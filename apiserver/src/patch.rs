//! The kinds of patch: JSON (RFC 6902), merge (RFC 7386) and, for built-in kinds, strategic merge.

use http::StatusCode;
use serde_json::Value;

use crate::cluster::Call;
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
                .map_err(unreadable),
            "application/merge-patch+json" => serde_json::from_slice(body)
                .map(Self::Merge)
                .map_err(unreadable),
            "application/strategic-merge-patch+json" if call.resource.custom.is_none() => {
                serde_json::from_slice(body)
                    .map(Self::Strategic)
                    .map_err(unreadable)
            }
            _ => Err(Status::unsupported_media_type(accepted(call))),
        }
    }

    pub(crate) fn apply(self, old: &Value, call: &Call<'_>) -> Result<Value, Status> {
        let mut object = old.clone();
        // the stored version may not be the one that is patched
        object["apiVersion"] = call.resource.api_version().into();
        match self {
            Self::Json(operations) => {
                json_patch::patch(&mut object, &operations).map_err(|_| {
                    let message = "the server rejected our request due to an error in our request";
                    Status::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message)
                })?;
            }
            Self::Merge(patch) => json_patch::merge(&mut object, &patch),
            Self::Strategic(patch) => strategic_patch::apply(&mut object, patch),
        }
        Ok(object)
    }
}

fn accepted(call: &Call<'_>) -> &'static [&'static str] {
    if call.resource.custom.is_some() {
        &[
            "application/json-patch+json",
            "application/merge-patch+json",
        ]
    } else {
        &[
            "application/json-patch+json",
            "application/merge-patch+json",
            "application/strategic-merge-patch+json",
        ]
    }
}
