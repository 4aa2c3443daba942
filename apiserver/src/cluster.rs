//! The state machine behind both doors. Every request passes through [`Cluster::answer`] and every watch
//! event through `Watch::next`: whatever shall befall requests or events, befalls them there.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use http::Method;
use tokio::sync::watch;

use crate::answer::{self, Response};
use crate::quirk::Quirk;
use crate::request::{Address, Place, Request};
use crate::resource::{Registry, Resource};
use crate::status::Status;
use crate::store::Store;
use crate::{delete, discovery, openapi, proxy, read, write};

pub(crate) struct Cluster {
    pub(crate) store: Store,
    pub(crate) registry: Registry,
    /// What stands behind a Service, by namespace and name.
    backends: Mutex<HashMap<(String, String), SocketAddr>>,
    stopped: watch::Sender<bool>,
    away: AtomicBool,
    quirk: Option<Quirk>,
}

/// A request to a resource that exists: what the handlers of the verbs get.
pub(crate) struct Call<'a> {
    pub(crate) cluster: &'a Arc<Cluster>,
    pub(crate) resource: Arc<Resource>,
    /// Empty for cluster-wide resources, and for a whole kind across namespaces.
    pub(crate) namespace: String,
    pub(crate) name: Option<String>,
    pub(crate) subresource: Option<String>,
    pub(crate) request: &'a Request,
}

impl Cluster {
    pub(crate) fn new(quirk: Option<Quirk>) -> Self {
        let (store, registry) = (Store::new(), Registry::new());
        Self {
            store,
            registry,
            backends: Mutex::default(),
            stopped: watch::Sender::new(false),
            away: AtomicBool::new(false),
            quirk,
        }
    }

    /// Whether it is to be wrong in this way.
    pub(crate) fn has(&self, quirk: Quirk) -> bool {
        self.quirk == Some(quirk)
    }

    /// The one way in.
    pub(crate) async fn answer(self: &Arc<Self>, request: Request) -> Response {
        let response = self.route(&request).await.unwrap_or_else(answer::refusal);
        tracing::debug!(method = %request.method, path = request.path, code = response.status().as_u16(), "answered");
        response
    }

    async fn route(self: &Arc<Self>, request: &Request) -> Result<Response, Status> {
        match Place::parse(&request.path) {
            Place::Stored(address) => self.stored(address, request).await,
            Place::About(segments) => {
                let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
                match segments.as_slice() {
                    ["openapi", tail @ ..] => openapi::answer(&self.registry, tail),
                    segments => discovery::answer(&self.registry, segments),
                }
            }
        }
    }

    async fn stored(
        self: &Arc<Self>,
        address: Address,
        request: &Request,
    ) -> Result<Response, Status> {
        let Address {
            group,
            version,
            namespace,
            plural,
            name,
            subresource,
            rest,
        } = address;
        let resource = self
            .registry
            .find(&group, &version, &plural)
            .ok_or_else(|| self.registry.nowhere(&group, &version))?;
        if namespace.is_some() && !resource.namespaced {
            return Err(Status::no_such_path());
        }
        let namespace = namespace.unwrap_or_default();
        let call = Call {
            cluster: self,
            resource,
            namespace,
            name,
            subresource,
            request,
        };
        if call.name.is_some() && call.namespace.is_empty() && call.resource.namespaced {
            return Err(Status::no_such_path());
        }
        match call.subresource.as_deref() {
            Some("proxy") if call.resource.is_core("services") => proxy::answer(&call, &rest).await,
            None => call.dispatch(),
            Some("status") if call.resource.status && rest.is_empty() => call.dispatch(),
            Some(_) if call.resource.custom.is_some() => Err(Status::not_found(
                &call.resource,
                call.name.as_deref().unwrap_or_default(),
            )),
            Some(_) => Err(Status::no_such_path()),
        }
    }

    pub(crate) fn serve_behind(&self, namespace: &str, service: &str, addr: SocketAddr) {
        let mut backends = self.backends.lock().unwrap_or_else(PoisonError::into_inner);
        backends.insert((namespace.to_owned(), service.to_owned()), addr);
    }

    pub(crate) fn backend(&self, namespace: &str, service: &str) -> Option<SocketAddr> {
        let backends = self.backends.lock().unwrap_or_else(PoisonError::into_inner);
        backends
            .get(&(namespace.to_owned(), service.to_owned()))
            .copied()
    }

    /// Forgets every object and kind, and ends every watch; nobody is answered from now on.
    pub(crate) fn go_away(&self) {
        self.away.store(true, Ordering::Release);
        self.registry.start_over();
        self.store.start_over();
    }

    pub(crate) fn come_back(&self) {
        self.away.store(false, Ordering::Release);
    }

    pub(crate) fn is_away(&self) -> bool {
        self.away.load(Ordering::Acquire)
    }

    /// Ends every watch.
    pub(crate) fn stop(&self) {
        self.stopped.send_replace(true);
    }

    pub(crate) fn stopped(&self) -> watch::Receiver<bool> {
        self.stopped.subscribe()
    }
}

impl Call<'_> {
    fn dispatch(&self) -> Result<Response, Status> {
        let is_status = self.subresource.is_some();
        match (&self.request.method, self.name.is_some()) {
            (&Method::GET, true) => read::get(self),
            (&Method::GET, false) => read::list_or_watch(self),
            (&Method::POST, false) => write::create(self),
            (&Method::PUT, true) => write::update(self),
            (&Method::PATCH, true) => write::patch(self),
            (&Method::DELETE, true) if !is_status => delete::one(self),
            (&Method::DELETE, false) => delete::collection(self),
            _ => Err(Status::method_not_allowed()),
        }
    }
}
