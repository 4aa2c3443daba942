//! Get and list: one object, or a page of them as they were at one version.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use serde_json::{Value, json};

use crate::answer::{self, Response};
use crate::cause::Cause;
use crate::cluster::Call;
use crate::form::Form;
use crate::selector::Selector;
use crate::status::Status;
use crate::store::Place;
use crate::watch;

pub(crate) fn get(call: &Call<'_>) -> Result<Response, Status> {
    let form = Form::asked(call.request)?;
    let name = call.name.clone().unwrap_or_default();
    let found = call.cluster.store.get(
        &call.resource.key(),
        &(call.namespace.clone(), name.clone()),
    );
    let object = found.ok_or_else(|| Status::not_found(&call.resource, &name))?;
    Ok(answer::json(
        StatusCode::OK,
        &form.object(&call.resource, &object),
    ))
}

pub(crate) fn list_or_watch(call: &Call<'_>) -> Result<Response, Status> {
    let query = &call.request.query;
    if query.has("watch") && query.is_true("watch") {
        return watch::answer(call);
    }
    let form = Form::asked(call.request)?;
    let page = page(call)?;
    let list = form.list(&call.resource, &page.items, page.metadata);
    Ok(answer::json(StatusCode::OK, &list))
}

pub(crate) struct Page {
    pub(crate) items: Vec<Arc<Value>>,
    metadata: Value,
}

/// Where the next page begins, and at which version; 0 means now, come what may.
struct Token {
    version: u64,
    after: Place,
}

pub(crate) fn selector(call: &Call<'_>) -> Result<Selector, Status> {
    let query = &call.request.query;
    Selector::parse(
        &call.resource,
        query.get("labelSelector"),
        query.get("fieldSelector"),
    )
}

/// A version as a client sends it.
pub(crate) fn version(text: &str) -> Result<u64, Status> {
    text.parse().map_err(|_| {
        Status::bad_request(format!(
            "invalid resource version: resourceVersion: Invalid value: {text:?}: strconv.ParseUint: parsing {text:?}: invalid syntax"
        ))
    })
}

pub(crate) fn page(call: &Call<'_>) -> Result<Page, Status> {
    let query = &call.request.query;
    let (selector, limit) = (selector(call)?, limit(call)?);
    let token = query.get("continue").map(Token::parse).transpose()?;
    let asked = query.get("resourceVersion").map(version).transpose()?;
    if token.is_some() && asked.is_some_and(|version| version > 0) {
        return Err(Status::bad_request(
            "specifying resource version is not allowed when using continue",
        ));
    }
    check_match(call)?;
    let exact = query.get("resourceVersionMatch") == Some("Exact");
    call.cluster.store.transact(|state| {
        let newest = state.version();
        let wanted = match (&token, asked) {
            (Some(token), _) if token.version > 0 => token.version,
            (None, Some(asked)) if asked > newest => {
                return Err(Status::future_version(asked, newest));
            }
            (None, Some(asked)) if exact => asked,
            _ => newest,
        };
        let key = call.resource.key();
        let is_wanted = |place: &Place, object: &Value| {
            (call.namespace.is_empty() || place.0 == call.namespace)
                && token.as_ref().is_none_or(|token| *place > token.after)
                && selector.matches(object)
        };
        let matching: Vec<(Place, Arc<Value>)> = if wanted == newest {
            let present = state
                .all(&key)
                .filter(|(place, object)| is_wanted(place, object));
            present
                .map(|(place, object)| (place.clone(), object.clone()))
                .collect()
        } else {
            let past = state
                .all_at(&key, wanted)
                .map_err(|forgotten| match &token {
                    Some(token) => Status::expired_page(
                        Token {
                            version: 0,
                            after: token.after.clone(),
                        }
                        .to_string(),
                    ),
                    None => Status::expired(wanted, forgotten.oldest),
                })?;
            past.into_iter()
                .filter(|(place, object)| is_wanted(place, object))
                .collect()
        };
        Ok(cut(matching, limit, wanted, selector.is_empty()))
    })
}

/// What may be asked of the version of a list.
fn check_match(call: &Call<'_>) -> Result<(), Status> {
    let field = "resourceVersionMatch";
    let query = &call.request.query;
    let cause = match (query.get(field), query.get("resourceVersion")) {
        (None, _) => return Ok(()),
        (Some(_), None) => Cause::forbidden(
            field,
            "resourceVersionMatch is forbidden unless resourceVersion is provided",
        ),
        (Some("Exact"), Some("0")) => Cause::forbidden(
            field,
            "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"",
        ),
        (Some("Exact" | "NotOlderThan"), _) => return Ok(()),
        (Some(other), _) => {
            let known = ["Exact", "NotOlderThan", ""].map(Value::from);
            Cause::not_supported(field, &other.into(), &known)
        }
    };
    Err(Status::invalid_options("ListOptions", &[cause]))
}

/// How many objects one page may hold. A read "from any version" comes whole: the real server's cache
/// does not page.
fn limit(call: &Call<'_>) -> Result<usize, Status> {
    let query = &call.request.query;
    match query.get("limit") {
        Some(_) if query.get("resourceVersion") == Some("0") => Ok(usize::MAX),
        Some(text) => match text.parse::<i64>() {
            Ok(limit) => Ok(usize::try_from(limit)
                .ok()
                .filter(|limit| *limit > 0)
                .unwrap_or(usize::MAX)),
            Err(_) => Err(Status::bad_request(format!(
                "strconv.ParseInt: parsing {text:?}: invalid syntax"
            ))),
        },
        None => Ok(usize::MAX),
    }
}

fn cut(
    mut matching: Vec<(Place, Arc<Value>)>,
    limit: usize,
    version: u64,
    can_count: bool,
) -> Page {
    let mut metadata = json!({"resourceVersion": version.to_string()});
    let remaining = matching.len().saturating_sub(limit);
    matching.truncate(limit);
    if let Some((after, _)) = matching.last().filter(|_| remaining > 0) {
        metadata["continue"] = Token {
            version,
            after: after.clone(),
        }
        .to_string()
        .into();
        if can_count {
            metadata["remainingItemCount"] = remaining.into();
        }
    }
    Page {
        items: matching.into_iter().map(|(_, object)| object).collect(),
        metadata,
    }
}

impl Token {
    fn parse(text: &str) -> Result<Self, Status> {
        let unreadable =
            || Status::bad_request("invalid continue token: continue key is not valid");
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| unreadable())?;
        let (version, after) = serde_json::from_slice(&bytes).map_err(|_| unreadable())?;
        Ok(Self { version, after })
    }
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(json!([self.version, self.after]).to_string()))
    }
}
