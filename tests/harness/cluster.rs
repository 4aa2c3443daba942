//! A server that a scenario has for itself while it runs, with our CRD and a controller in it.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use controller::{Config, Listeners, Signals};
use k8s_openapi::ByteString;
use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::core::v1::{Event, Namespace, Secret, Service, ServiceAccount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{DeleteParams, DynamicObject, ListParams, PostParams};
use kube::core::ApiResource;
use kube::{Api, Client, ResourceExt};
use sealing::SealedSecret;
use serde_json::{Value, json};
use tempfile::{NamedTempFile, TempDir};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::requests::Request;
use crate::server::{self, CRD, Server, USER, is_real};
use crate::{Fixture, eventually};

/// The controller's own namespace.
pub const KEY_NAMESPACE: &str = "kube-system";
/// The Service that leads to the controller.
pub const SERVICE: &str = "sealed-secrets-controller";

/// An API server, and at most one controller.
pub struct Cluster {
    server: Server,
    /// Everything is allowed to it.
    pub client: Client,
    controller: Option<Controller>,
}

struct Controller {
    address: SocketAddr,
    metrics: SocketAddr,
    stop: oneshot::Sender<()>,
    renew: mpsc::Sender<()>,
    task: JoinHandle<Result<(), controller::Error>>,
}

impl Cluster {
    /// An API server with our CRD, the namespace `shop` and nothing else.
    pub async fn empty() -> Self {
        Self::on(Server::shared().await).await
    }

    /// The same with another CRD, on a server that no other scenario uses before or after.
    pub async fn with_crd(crd: &str) -> Self {
        Self::on(Server::alone(crd).await).await
    }

    /// The same for scenarios that take away what others need.
    pub async fn alone() -> Self {
        Self::with_crd(CRD).await
    }

    /// A server in memory, whatever the others are.
    pub async fn in_memory() -> Self {
        Self::on(Server::in_memory(CRD).await).await
    }

    /// A server in memory that is wrong in one way.
    pub async fn with_quirk(quirk: apiserver::Quirk) -> Self {
        Self::on(Server::with_quirk(quirk).await).await
    }

    async fn on(server: Server) -> Self {
        let client = server.client().await;
        Self {
            server,
            client,
            controller: None,
        }
    }

    /// With the keys of these fixtures and a controller that is ready.
    pub async fn start(fixtures: &[&Fixture]) -> Self {
        Self::empty().await.with_keys(fixtures).await
    }

    /// The same with other settings.
    pub async fn start_with(config: Config, fixtures: &[&Fixture]) -> Self {
        Self::empty().await.with_keys_and(config, fixtures).await
    }

    /// Creates the keys of these fixtures and starts a controller.
    pub async fn with_keys(self, fixtures: &[&Fixture]) -> Self {
        self.with_keys_and(quiet(), fixtures).await
    }

    async fn with_keys_and(mut self, config: Config, fixtures: &[&Fixture]) -> Self {
        for fixture in fixtures {
            self.create_secret(&key_secret(fixture)).await;
        }
        self.run_controller(config).await;
        self
    }

    /// Starts a controller and waits until it is ready.
    pub async fn run_controller(&mut self, config: Config) {
        self.begin_controller(config).await;
        self.ready().await;
    }

    /// Waits until the controller is ready.
    pub async fn ready(&self) {
        eventually("the controller is ready", async || {
            self.http("readyz")
                .await
                .starts_with("HTTP/1.1 200")
                .then_some(())
        })
        .await;
    }

    /// Starts a controller.
    pub async fn begin_controller(&mut self, config: Config) {
        let client = self.server.controller_client().await;
        self.begin_controller_as(client, config).await;
    }

    /// Starts a controller that reaches the server by this client.
    pub async fn begin_controller_as(&mut self, client: Client, config: Config) {
        let listeners = listeners().await;
        let address = listeners.http.local_addr().unwrap();
        let metrics = listeners.metrics.local_addr().unwrap();
        self.server.lead_service_to(address);
        self.create_service().await;
        let (stop, stopped) = oneshot::channel();
        let (renew, asked) = mpsc::channel(1);
        let signals = Signals::new(async { _ = stopped.await }, asked);
        let task = tokio::spawn(controller::run(client, config, listeners, signals));
        self.controller = Some(Controller {
            address,
            metrics,
            stop,
            renew,
            task,
        });
    }

    /// Takes everything from the server, as if etcd had lost it, and puts back all but keys and SealedSecrets. The
    /// controller runs on.
    pub async fn start_over(&mut self) {
        self.server.start_over().await;
        self.create_service().await;
    }

    /// Starts a controller beside the one that runs, and lets it run for as long as the scenario.
    pub async fn run_second_controller(&self, config: Config) {
        let client = self.server.controller_client().await;
        let signals = Signals::until(std::future::pending());
        let listeners = listeners().await;
        tokio::spawn(controller::run(client, config, listeners, signals));
    }

    /// Asks the controller for a new key, as SIGUSR1 would.
    pub async fn ask_for_a_key(&self) {
        let controller = self.controller.as_ref().unwrap();
        controller.renew.send(()).await.unwrap();
    }

    /// Asks the controller to stop, and waits until it has.
    pub async fn stop_controller(&mut self) {
        let controller = self.controller.take().unwrap();
        _ = controller.stop.send(());
        controller.task.await.unwrap().unwrap();
    }

    /// The controller's answer to a GET, head and body.
    pub async fn http(&self, path: &str) -> String {
        self.ask("GET", path, "").await
    }

    /// The controller's answer to a POST, head and body.
    pub async fn post(&self, path: &str, body: &str) -> String {
        self.ask("POST", path, body).await
    }

    /// Its answer to a GET on the metrics listener, head and body.
    pub async fn metrics(&self, path: &str, header: &str) -> String {
        let request = request("GET", path, header, "");
        let answer = send(self.controller.as_ref().unwrap().metrics, &request).await;
        String::from_utf8(answer).unwrap()
    }

    /// The same as `post` for a caller who is said to have this address.
    pub async fn post_for(&self, caller: &str, path: &str, body: &str) -> String {
        let header = format!("X-Forwarded-For: {caller}\r\n");
        let answer = self.raw(&request("POST", path, &header, body)).await;
        String::from_utf8(answer).unwrap()
    }

    /// Where the controller answers.
    pub fn address(&self) -> SocketAddr {
        self.controller.as_ref().unwrap().address
    }

    /// Whatever comes back for these bytes until the connection is closed.
    pub async fn raw(&self, bytes: &[u8]) -> Vec<u8> {
        send(self.address(), bytes).await
    }

    async fn ask(&self, method: &str, path: &str, body: &str) -> String {
        let answer = self.raw(&request(method, path, "", body)).await;
        String::from_utf8(answer).unwrap()
    }

    /// A kubeconfig to which everything is allowed.
    pub fn kubeconfig(&self) -> NamedTempFile {
        file(&self.server.kubeconfig())
    }

    /// The kubeconfig of somebody who is known to the cluster and no more.
    pub fn kubeconfig_of_anybody(&self) -> NamedTempFile {
        file(&self.server.kubeconfig_of_anybody())
    }

    /// All that the controller asked so far, in order.
    pub fn requests(&self) -> Vec<Request> {
        let mut requests = self.server.requests();
        requests.retain(|request| request.user == USER);
        requests
    }

    /// A folder with the kubeconfig, `config`, for a controller that runs as a process: with a token of its
    /// ServiceAccount, where there is one, in a file that ends as editors and mounted volumes end files.
    pub async fn kubeconfig_of_the_controller(&self) -> TempDir {
        let mut kubeconfig: Value = serde_saphyr::from_str(&self.server.kubeconfig()).unwrap();
        let user = &mut kubeconfig["users"][0]["user"];
        let token = match is_real() {
            true => {
                let accounts: Api<ServiceAccount> =
                    Api::namespaced(self.client.clone(), KEY_NAMESPACE);
                let (hour, once) = (TokenRequest::default(), PostParams::default());
                let asked = accounts.create_token_request(SERVICE, &once, &hour).await;
                asked.unwrap().status.unwrap().token.unwrap()
            }
            false => user["token"].as_str().unwrap().to_owned(),
        };
        let folder = tempfile::tempdir().unwrap();
        let token_file = folder.path().join("token");
        std::fs::write(&token_file, format!("{token}\n")).unwrap();
        *user = json!({ "tokenFile": token_file });
        std::fs::write(folder.path().join("config"), kubeconfig.to_string()).unwrap();
        folder
    }

    /// Creates every object of a manifest.
    pub async fn create_from_yaml(&self, yaml: &str) {
        server::create_from_yaml(&self.client, yaml).await;
    }

    /// How many requests came from a user that is no controller.
    pub fn requests_of(&self, user: &str) -> usize {
        let requests = self.server.requests();
        let of_user = requests.iter().filter(|request| request.user == user);
        of_user.count()
    }

    /// Leaves no SealedSecret, Secret or Event anywhere.
    pub async fn clear(&self) {
        server::tidy_up(&self.client).await;
    }

    /// How often the controller wrote anything.
    pub fn writes(&self) -> usize {
        let requests = self.requests();
        requests.iter().filter(|request| request.is_write()).count()
    }

    /// Who deleted an object, where there is an audit log.
    pub fn deleted_by(&self, resource: &str, name: &str) -> Option<Vec<String>> {
        is_real().then_some(())?;
        let requests = self.server.requests().into_iter();
        let deletes = requests.filter(|request| {
            request.is("delete", resource) && request.is_write() && request.object["name"] == name
        });
        Some(deletes.map(|delete| delete.user).collect())
    }

    pub async fn create_namespace(&self, name: &str) {
        let mut namespace = Namespace::default();
        namespace.metadata.name = Some(name.to_owned());
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        let created = namespaces.create(&PostParams::default(), &namespace).await;
        match created {
            Err(kube::Error::Api(status)) if status.is_already_exists() => {} // of an earlier scenario
            created => drop(created.unwrap()),
        }
    }

    async fn create_service(&self) {
        let service: Service = serde_json::from_value(json!({
            "metadata": { "name": SERVICE },
            "spec": { "ports": [{ "port": 8080 }] },
        }))
        .unwrap();
        let services: Api<Service> = Api::namespaced(self.client.clone(), KEY_NAMESPACE);
        _ = services.create(&PostParams::default(), &service).await;
    }

    pub async fn create_secret(&self, secret: &Secret) {
        let namespace = secret.namespace().unwrap();
        self.secrets(&namespace)
            .create(&PostParams::default(), secret)
            .await
            .unwrap();
    }

    pub fn secrets(&self, namespace: &str) -> Api<Secret> {
        Api::namespaced(self.client.clone(), namespace)
    }

    pub fn sealed_secrets(&self, namespace: &str) -> Api<DynamicObject> {
        let resource = ApiResource::erase::<SealedSecret>(&());
        Api::namespaced_with(self.client.clone(), namespace, &resource)
    }

    /// Creates an object from its JSON.
    pub async fn create(&self, object: Value) {
        let object: DynamicObject = serde_json::from_value(object).unwrap();
        let namespace = object.namespace().unwrap();
        self.sealed_secrets(&namespace)
            .create(&PostParams::default(), &object)
            .await
            .unwrap();
    }

    /// Creates a SealedSecret from a text that no library here may be able to read.
    pub async fn create_text(&self, namespace: &str, text: String) {
        let path = format!("/apis/bitnami.com/v1alpha1/namespaces/{namespace}/sealedsecrets");
        let request = http::Request::post(path)
            .header("content-type", "application/json")
            .body(text.into_bytes());
        let answer = self.client.request_text(request.unwrap()).await;
        answer.unwrap();
    }

    /// Changes a Secret by a merge patch, as a user would.
    pub async fn patch_secret(&self, namespace: &str, name: &str, patch: Value) -> Secret {
        let secrets = self.secrets(namespace);
        let patch = kube::api::Patch::Merge(patch);
        secrets
            .patch(name, &Default::default(), &patch)
            .await
            .unwrap()
    }

    /// Changes a SealedSecret by a merge patch, as a user would.
    pub async fn patch(&self, namespace: &str, name: &str, patch: Value) {
        let objects = self.sealed_secrets(namespace);
        let patch = kube::api::Patch::Merge(patch);
        objects
            .patch(name, &Default::default(), &patch)
            .await
            .unwrap();
    }

    /// Writes into the status of a SealedSecret, as whoever may do so.
    pub async fn write_status(&self, namespace: &str, name: &str, status: Value) {
        let objects = self.sealed_secrets(namespace);
        let patch = kube::api::Patch::Merge(json!({ "status": status }));
        objects
            .patch_status(name, &Default::default(), &patch)
            .await
            .unwrap();
    }

    /// Replaces the specification of a SealedSecret, however often its status is written meanwhile.
    pub async fn edit(&self, namespace: &str, name: &str, spec: Value) {
        eventually("the edit is taken", async || {
            let mut object = self.sealed_secrets(namespace).get(name).await.unwrap();
            object.data["spec"] = spec.clone();
            self.sealed_secrets(namespace)
                .replace(name, &PostParams::default(), &object)
                .await
                .ok()
        })
        .await;
    }

    pub async fn delete(&self, namespace: &str, name: &str) {
        self.sealed_secrets(namespace)
            .delete(name, &DeleteParams::default())
            .await
            .unwrap();
    }

    /// Waits until there is no such Secret.
    pub async fn gone(&self, namespace: &str, name: &str) {
        let secrets = self.secrets(namespace);
        eventually(&format!("Secret {namespace}/{name} is gone"), async || {
            let found = secrets.get_opt(name).await.unwrap();
            found.is_none().then_some(())
        })
        .await;
    }

    /// Waits for a Secret, and gives its items as text.
    pub async fn secret(&self, namespace: &str, name: &str) -> BTreeMap<String, String> {
        let what = format!("Secret {namespace}/{name} is there");
        let found = eventually(&what, async || {
            self.secrets(namespace).get_opt(name).await.unwrap()
        });
        let text = |(item, value): (String, ByteString)| {
            (item, String::from_utf8_lossy(&value.0).into_owned())
        };
        found
            .await
            .data
            .unwrap_or_default()
            .into_iter()
            .map(text)
            .collect()
    }

    /// Waits until a Secret holds exactly this.
    pub async fn secret_becomes(&self, namespace: &str, name: &str, items: &[(&str, &str)]) {
        let wanted: BTreeMap<_, _> = items
            .iter()
            .map(|(k, v)| (k.to_string(), v.to_string()))
            .collect();
        let what = format!(
            "Secret {namespace}/{name} holds the items {:?}",
            wanted.keys()
        );
        eventually(&what, async || {
            (self.secret(namespace, name).await == wanted).then_some(())
        })
        .await;
    }

    /// Waits until a condition says what is wanted, and gives it whole.
    pub async fn condition(&self, namespace: &str, name: &str, type_: &str, status: &str) -> Value {
        eventually(
            &format!("{type_}={status} on {namespace}/{name}"),
            async || {
                let object = self.sealed_secrets(namespace).get(name).await.unwrap();
                let conditions = object.data["status"]["conditions"]
                    .as_array()
                    .cloned()
                    .unwrap_or_default();
                let generation = &object.data["status"]["observedGeneration"];
                (generation.as_i64() == object.metadata.generation).then_some(())?;
                conditions
                    .into_iter()
                    .find(|known| known["type"] == type_ && known["status"] == status)
            },
        )
        .await
    }

    /// Waits for an Event with this reason on an object, and gives its message.
    pub async fn event(&self, namespace: &str, name: &str, reason: &str) -> String {
        eventually(
            &format!("Event {reason} on {namespace}/{name}"),
            async || {
                let events = self.events(namespace, name).await;
                events
                    .into_iter()
                    .find(|event| event.reason.as_deref() == Some(reason))?
                    .message
            },
        )
        .await
    }

    pub async fn events(&self, namespace: &str, name: &str) -> Vec<Event> {
        let events: Api<Event> = Api::namespaced(self.client.clone(), namespace);
        let of_object = ListParams::default().fields(&format!("involvedObject.name={name}"));
        events.list(&of_object).await.unwrap().items
    }
}

fn request(method: &str, path: &str, header: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let request = format!(
        "{method} /{path} HTTP/1.1\r\nHost: c\r\nConnection: close\r\nContent-Length: {length}\r\n{header}\r\n{body}"
    );
    request.into_bytes()
}

/// What comes back until the connection is closed, or broken off because we said too much.
async fn send(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    _ = stream.read_to_end(&mut answer).await;
    answer
}

async fn listeners() -> Listeners {
    Listeners {
        http: TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap(),
        metrics: TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap(),
    }
}

fn file(text: &str) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

/// Every default but renewal: fixtures are old, and a successor would come at an odd moment.
pub fn quiet() -> Config {
    Config {
        key_renew_period: None,
        key_size: 2048,
        ..Config::defaults(KEY_NAMESPACE)
    }
}

/// The key Secret of a fixture, as the controller would have written it.
pub fn key_secret(fixture: &Fixture) -> Secret {
    let label = (
        "sealedsecrets.bitnami.com/sealed-secrets-key".to_owned(),
        "active".to_owned(),
    );
    Secret {
        metadata: ObjectMeta {
            name: Some(format!("sealed-secrets-key{}", fixture.name)),
            namespace: Some(KEY_NAMESPACE.to_owned()),
            labels: Some(BTreeMap::from([label])),
            ..ObjectMeta::default()
        },
        type_: Some("kubernetes.io/tls".to_owned()),
        data: Some(BTreeMap::from([
            (
                "tls.key".to_owned(),
                ByteString(fixture.private_key.clone().into_bytes()),
            ),
            (
                "tls.crt".to_owned(),
                ByteString(fixture.certificate.clone().into_bytes()),
            ),
        ])),
        ..Secret::default()
    }
}
