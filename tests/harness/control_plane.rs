//! A real control plane on loopback: etcd, kube-apiserver and kube-controller-manager, with no node.
//!
//! ```text
//! client ──▶ kube-apiserver ──▶ etcd          a folder of its own: certificates, data, logs
//!               │   ▲
//!         tunnel│   └── kube-controller-manager (garbage, namespaces, service accounts)
//!               ▼
//!           controller
//! ```

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use kube::Client;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};

use crate::certificates::{Authority, Issued};
use crate::eventually;
use crate::requests::Request;
use crate::tunnel::Tunnel;

const KEEPER: &str = include_str!("../kubernetes/keeper.sh");
/// Below the ports that outgoing connections take.
const PORTS: std::ops::Range<u16> = 20_000..30_000;
const CONTROLLERS: &str = "garbage-collector-controller,namespace-controller,serviceaccount-controller,\
                           root-ca-certificate-publisher-controller,clusterrole-aggregation-controller";
/// Writes by whomever, and whatever the controller asks, or somebody without a name.
const AUDIT_POLICY: &str = "
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  users: ['system:serviceaccount:kube-system:sealed-secrets-controller', 'system:anonymous']
- level: Metadata
  verbs: [create, update, patch, delete, deletecollection]
- level: None
";

/// Three processes; dropping it stops them.
pub(crate) struct ControlPlane {
    folder: PathBuf,
    address: SocketAddr,
    /// Where etcd serves clients and peers.
    etcd: [u16; 2],
    authority: Authority,
    keeper: Child,
    pub(crate) tunnel: Tunnel,
}

impl ControlPlane {
    /// Starts etcd and the API server, and then, when `prepare` has made the first objects, the controllers:
    /// the garbage collector looks for new kinds twice a minute only.
    pub(crate) async fn start(prepare: impl AsyncFnOnce(Client)) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("control-plane-")
            .tempdir()
            .unwrap()
            .keep();
        let [etcd, peer, secure] = free_ports();
        let tunnel = Tunnel::open(&folder.join("tunnel.sock"));
        let keeper = Command::new("sh")
            .args(["-c", KEEPER, "keeper"])
            .arg(&folder)
            .stdin(Stdio::piped())
            .process_group(0) // Ctrl-C is for the tests; the keeper notices that they are gone
            .spawn()
            .unwrap();
        let plane = Self {
            folder,
            address: (Ipv4Addr::LOCALHOST, secure).into(),
            etcd: [etcd, peer],
            authority: Authority::new(),
            keeper,
            tunnel,
        };
        plane.write_files();
        plane.run_programs(prepare).await;
        plane
    }

    /// Stops everything, loses what etcd held, and starts anew.
    pub(crate) async fn start_over(&mut self, prepare: impl AsyncFnOnce(Client)) {
        self.tell_keeper("forget etcd");
        let data = self.folder.join("etcd");
        eventually("etcd has lost its data", async || {
            (!data.exists()).then_some(())
        })
        .await;
        self.run_programs(prepare).await;
    }

    async fn run_programs(&self, prepare: impl AsyncFnOnce(Client)) {
        self.run("etcd", &etcd_arguments(&self.folder, self.etcd));
        self.run(
            "kube-apiserver",
            &apiserver_arguments(&self.folder, self.etcd[0], self.address.port()),
        );
        let client = client(&self.kubeconfig()).await;
        eventually("the API server is ready", async || {
            let request = http::Request::get("/readyz").body(Vec::new()).unwrap();
            client.request_text(request).await.ok()
        })
        .await;
        prepare(client).await;
        self.run(
            "kube-controller-manager",
            &controller_manager_arguments(&self.folder),
        );
    }

    /// Leads to the server, as its administrator.
    pub(crate) fn kubeconfig(&self) -> String {
        self.kubeconfig_of("admin", "system:masters")
    }

    /// Leads to the server, with the rights of a user in a group.
    pub(crate) fn kubeconfig_of(&self, user: &str, group: &str) -> String {
        let Issued { certificate, key } = self.authority.user(user, group);
        let encode = |pem: &str| sealing::base64::encode(pem.as_bytes());
        let cluster = json!({
            "server": format!("https://{}", self.address),
            "certificate-authority-data": encode(&self.authority.pem),
        });
        let user = json!({
            "client-certificate-data": encode(&certificate),
            "client-key-data": encode(&key),
        });
        json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{ "name": "real", "cluster": cluster }],
            "users": [{ "name": "user", "user": user }],
            "contexts": [{ "name": "real", "context": { "cluster": "real", "user": "user", "namespace": "default" } }],
            "current-context": "real",
        })
        .to_string()
    }

    /// Every write by whomever, and every request of the controller, so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        let log = std::fs::read_to_string(self.folder.join("audit.log")).unwrap_or_default();
        let lines = log
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            // a watch is told when it begins, and again when it ends
            .filter(|line| line["verb"] != "watch" || line["stage"] == "ResponseStarted");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        lines
            .map(|line| Request {
                user: text(&line["user"]["username"]),
                verb: text(&line["verb"]),
                object: line["objectRef"].clone(),
                code: line["responseStatus"]["code"].as_u64().unwrap_or_default(),
            })
            .collect()
    }

    /// Leaves the logs where they are, and says where.
    pub(crate) fn keep_logs(&self) {
        _ = std::fs::write(self.folder.join("failed"), "");
        eprintln!("the logs of the control plane: {}", self.folder.display());
    }

    fn write_files(&self) {
        let write = |name: &str, text: &str| std::fs::write(self.folder.join(name), text).unwrap();
        let Issued { certificate, key } = self.authority.server();
        write("ca.crt", &self.authority.pem);
        write("server.crt", &certificate);
        write("server.key", &key);
        let tokens = rcgen::KeyPair::generate().unwrap();
        write("tokens.key", &tokens.serialize_pem());
        write("tokens.pub", &tokens.public_key_pem());
        write("audit-policy.yaml", AUDIT_POLICY);
        write("egress.yaml", &egress(&self.folder.join("tunnel.sock")));
        let user = "system:kube-controller-manager";
        write("controller-manager.yaml", &self.kubeconfig_of(user, user));
    }

    fn run(&self, program: &str, arguments: &[String]) {
        let variable = format!("TEST_ASSET_{}", program.to_uppercase().replace('-', "_"));
        let place = std::env::var(&variable)
            .unwrap_or_else(|_| panic!("{variable} is not set: use `make real`"));
        let words = std::iter::once(&place).chain(arguments);
        let quoted: Vec<String> = words
            .map(|word| format!("'{}'", word.replace('\'', "'\\''")))
            .collect();
        self.tell_keeper(&format!("{program} {}", quoted.join(" ")));
    }

    fn tell_keeper(&self, line: &str) {
        let mut input = self.keeper.stdin.as_ref().unwrap();
        writeln!(input, "{line}").unwrap();
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        _ = self.keeper.wait();
    }
}

/// A client with the rights of a kubeconfig.
pub(crate) async fn client(kubeconfig: &str) -> Client {
    let kubeconfig = Kubeconfig::from_yaml(kubeconfig).unwrap();
    let options = KubeConfigOptions::default();
    let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .unwrap();
    config.read_timeout = Some(Duration::from_secs(60));
    config.default_retry = false;
    Client::try_from(config).unwrap()
}

fn etcd_arguments(folder: &Path, ports: [u16; 2]) -> Vec<String> {
    let [client, peer] = ports.map(|port| format!("http://127.0.0.1:{port}"));
    vec![
        format!("--data-dir={}", folder.join("etcd").display()),
        "--unsafe-no-fsync".to_owned(),
        "--log-level=warn".to_owned(),
        format!("--listen-client-urls={client}"),
        format!("--advertise-client-urls={client}"),
        format!("--listen-peer-urls={peer}"),
        format!("--initial-advertise-peer-urls={peer}"),
        format!("--initial-cluster=default={peer}"),
    ]
}

fn apiserver_arguments(folder: &Path, etcd: u16, secure: u16) -> Vec<String> {
    let file = |name: &str| folder.join(name).display().to_string();
    vec![
        format!("--etcd-servers=http://127.0.0.1:{etcd}"),
        "--bind-address=127.0.0.1".to_owned(),
        format!("--secure-port={secure}"),
        format!("--cert-dir={}", folder.display()),
        format!("--tls-cert-file={}", file("server.crt")),
        format!("--tls-private-key-file={}", file("server.key")),
        format!("--client-ca-file={}", file("ca.crt")),
        "--authorization-mode=RBAC".to_owned(),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        format!("--service-account-signing-key-file={}", file("tokens.key")),
        format!("--service-account-key-file={}", file("tokens.pub")),
        "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
        "--endpoint-reconciler-type=none".to_owned(),
        format!("--egress-selector-config-file={}", file("egress.yaml")),
        format!("--audit-policy-file={}", file("audit-policy.yaml")),
        format!("--audit-log-path={}", file("audit.log")),
    ]
}

fn controller_manager_arguments(folder: &Path) -> Vec<String> {
    let file = |name: &str| folder.join(name).display().to_string();
    vec![
        format!("--kubeconfig={}", file("controller-manager.yaml")),
        format!("--controllers={CONTROLLERS}"),
        "--leader-elect=false".to_owned(),
        "--use-service-account-credentials".to_owned(), // so that the audit log tells them apart
        format!("--root-ca-file={}", file("ca.crt")),
        "--secure-port=0".to_owned(),
    ]
}

fn egress(socket: &Path) -> String {
    let transport = json!({ "uds": { "udsName": socket } });
    json!({
        "apiVersion": "apiserver.k8s.io/v1beta1",
        "kind": "EgressSelectorConfiguration",
        "egressSelections": [{
            "name": "cluster",
            "connection": { "proxyProtocol": "HTTPConnect", "transport": transport },
        }],
    })
    .to_string()
}

/// Ports that nobody listens on, from a random place onwards.
fn free_ports<const N: usize>() -> [u16; N] {
    let mut random = [0; 2];
    getrandom::fill(&mut random).unwrap();
    let span = PORTS.end - PORTS.start;
    let mut next = u16::from_le_bytes(random) % span;
    std::array::from_fn(|_| {
        loop {
            next = (next + 1) % span;
            let port = PORTS.start + next;
            if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
                return port;
            }
        }
    })
}
