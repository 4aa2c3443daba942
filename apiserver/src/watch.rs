//! Watches: what happened since a version, and what happens next, as a stream of events.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use http::{HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use serde_json::{Map, Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, Interval, interval_at};

use crate::answer::Response;
use crate::cause::Cause;
use crate::cluster::{Call, Cluster};
use crate::form::Form;
use crate::quirk::Quirk;
use crate::read;
use crate::resource::Resource;
use crate::selector::Selector;
use crate::status::Status;
use crate::store::Change;

const LONGEST: Duration = Duration::from_secs(45 * 60);
const BOOKMARK_EVERY: Duration = Duration::from_secs(10);

pub(crate) fn answer(call: &Call<'_>) -> Result<Response, Status> {
    let watch = Watch::begin(call)?;
    let events = stream::unfold(watch, |mut watch| async move {
        let event = watch.next().await?;
        Some((Ok::<_, Infallible>(Frame::data(event)), watch))
    });
    let mut response = http::Response::new(StreamBody::new(events).boxed_unsync());
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    Ok(response)
}

struct Watch {
    cluster: Arc<Cluster>,
    resource: Arc<Resource>,
    namespace: String,
    selector: Selector,
    form: Form,
    bookmarks: bool,
    /// Everything up to this version is told, or waits in `ready`.
    told: u64,
    /// Tables name their columns once.
    columns_told: bool,
    ready: VecDeque<Bytes>,
    over: bool,
    newest: watch::Receiver<u64>,
    stopped: watch::Receiver<bool>,
    deadline: Instant,
    bookmark_due: Interval,
}

impl Watch {
    fn begin(call: &Call<'_>) -> Result<Self, Status> {
        let query = &call.request.query;
        let streams_list = query.get("sendInitialEvents").map(|value| value == "true");
        check_initial_events(call, streams_list)?;
        let asked = query.get("resourceVersion").map(version).transpose()?;
        let longest = query
            .get("timeoutSeconds")
            .and_then(|text| text.parse().ok())
            .filter(|seconds| *seconds > 0);
        let mut watch = Self {
            cluster: call.cluster.clone(),
            resource: call.resource.clone(),
            namespace: call.namespace.clone(),
            selector: read::selector(call)?,
            form: Form::asked(call.request)?,
            bookmarks: query.is_true("allowWatchBookmarks"),
            told: asked.unwrap_or_default(),
            columns_told: false,
            ready: VecDeque::new(),
            over: false,
            newest: call.cluster.store.subscribe(),
            stopped: call.cluster.stopped(),
            deadline: Instant::now() + longest.map_or(LONGEST, Duration::from_secs),
            bookmark_due: interval_at(Instant::now() + BOOKMARK_EVERY, BOOKMARK_EVERY),
        };
        match (streams_list, asked) {
            (Some(true), _) | (None, None | Some(0)) => watch.tell_all(streams_list == Some(true)),
            (_, None | Some(0)) => {
                watch.told = watch.cluster.store.transact(|state| state.version())
            }
            _ => {}
        }
        Ok(watch)
    }

    /// The next event, or the end. Every event passes here.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if self.over || self.newest.has_changed().is_err() {
                return None;
            }
            self.newest.mark_unchanged();
            self.read_changes();
            if self.ready.is_empty() && !self.over {
                self.wait().await;
            }
        }
    }

    async fn wait(&mut self) {
        tokio::select! {
            changed = self.newest.changed() => self.over = changed.is_err(),
            () = until_true(&mut self.stopped) => self.over = true,
            () = tokio::time::sleep_until(self.deadline) => {
                self.bookmark(json!({}));
                self.over = true;
            }
            _ = self.bookmark_due.tick() => self.bookmark(json!({})),
        }
    }

    /// The present objects, as if they had just been added.
    fn tell_all(&mut self, mark_end: bool) {
        let key = self.resource.key();
        let (version, objects) = self.cluster.store.transact(|state| {
            let within = state.all(&key).filter(|(place, _)| self.covers(&place.0));
            (
                state.version(),
                within.map(|(_, object)| object.clone()).collect::<Vec<_>>(),
            )
        });
        self.told = version;
        for object in objects {
            if self.selector.matches(&object) {
                let event = self.event("ADDED", &object);
                self.ready.push_back(event);
            }
        }
        if mark_end {
            self.bookmark(json!({"k8s.io/initial-events-end": "true"}));
        }
    }

    fn read_changes(&mut self) {
        let told = self.told;
        let (version, changes) = self
            .cluster
            .store
            .transact(|state| (state.version(), state.changes_after(told)));
        match changes {
            Ok(changes) => {
                let key = self.resource.key();
                for change in &changes {
                    if change.key == key && self.covers(&change.place.0) {
                        let event = self.seen(change);
                        self.ready.extend(event);
                    }
                }
                // a version from the future is waited for
                self.told = version.max(told);
            }
            Err(forgotten) => {
                let status = Status::expired(told, forgotten.oldest).into_json();
                self.ready.push_back(line("ERROR", &status));
                self.over = true;
            }
        }
    }

    fn covers(&self, namespace: &str) -> bool {
        self.namespace.is_empty() || self.namespace == namespace
    }

    /// A change as the selector lets it be seen: an object that no longer matches is gone.
    fn seen(&mut self, change: &Change) -> Option<Bytes> {
        let before = change
            .before
            .as_ref()
            .filter(|before| self.selector.matches(before));
        let now =
            Some(&change.object).filter(|object| !change.deleted && self.selector.matches(object));
        match (before, now) {
            (None, Some(object)) => Some(self.event("ADDED", object)),
            (Some(_), Some(object)) => Some(self.event("MODIFIED", object)),
            (Some(before), None) if self.cluster.has(Quirk::DeletedAsItWas) => {
                Some(self.event("DELETED", before))
            }
            (Some(_), None) if change.deleted => Some(self.event("DELETED", &change.object)),
            (Some(_), None) if self.cluster.has(Quirk::BlindSelector) => None,
            (Some(before), None) => {
                let mut last = (**before).clone();
                last["metadata"]["resourceVersion"] = change.version.to_string().into();
                Some(self.event("DELETED", &last))
            }
            (None, None) => None,
        }
    }

    fn event(&mut self, kind: &str, object: &Value) -> Bytes {
        let mut told = self.form.object(&self.resource, object);
        if matches!(self.form, Form::Table(_)) {
            if self.columns_told {
                told.to_mut()["columnDefinitions"] = Value::Null;
            }
            self.columns_told = true;
        }
        line(kind, &told)
    }

    fn bookmark(&mut self, annotations: Value) {
        if self.bookmarks {
            let version = ("resourceVersion".to_owned(), self.told.to_string().into());
            let mut metadata = Map::from_iter([version]);
            if annotations
                .as_object()
                .is_some_and(|annotations| !annotations.is_empty())
            {
                metadata.insert("annotations".to_owned(), annotations);
            }
            self.ready.push_back(line(
                "BOOKMARK",
                &self.form.bookmark(&self.resource, metadata.into()),
            ));
        }
    }
}

/// A version as a client sends it; a watch takes offence in its own way.
fn version(text: &str) -> Result<u64, Status> {
    text.parse().map_err(|_| {
        Status::unexplained(format!(
            "resourceVersion: Invalid value: {text:?}: strconv.ParseUint: parsing {text:?}: invalid syntax"
        ))
    })
}

async fn until_true(switch: &mut watch::Receiver<bool>) {
    // a sender that is gone says the same
    let _ = switch.wait_for(|on| *on).await;
}

fn line(kind: &str, object: &Value) -> Bytes {
    #[derive(serde::Serialize)]
    struct Event<'a> {
        r#type: &'a str,
        object: &'a Value,
    }
    let mut text = serde_json::to_vec(&Event {
        r#type: kind,
        object,
    })
    .expect("a JSON value can be written");
    text.push(b'\n');
    text.into()
}

fn check_initial_events(call: &Call<'_>, streams_list: Option<bool>) -> Result<(), Status> {
    let matching = call.request.query.get("resourceVersionMatch");
    let (field, why) = match (streams_list, matching) {
        (Some(_), Some("NotOlderThan")) | (None, None) => return Ok(()),
        (Some(_), _) => (
            "resourceVersionMatch",
            "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
        ),
        (None, Some(_)) => (
            "resourceVersionMatch",
            "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
        ),
    };
    Err(Status::invalid_options(
        "ListOptions",
        &[Cause::forbidden(field, why)],
    ))
}
