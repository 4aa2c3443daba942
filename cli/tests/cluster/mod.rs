//! A cluster with nothing but a controller's Service in it, and the controller's HTTP paths, as
//! the specification words them, on the RSA-2048 key of the fixtures.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sealing::{Certificate, PrivateKey, SealedSecret, seal_value};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::closed::fixture;

/// What is special about it.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Setup {
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// The name of the first port; null for a Service without ports.
    pub(crate) port: Option<String>,
    /// So many requests are answered with 429 first.
    pub(crate) refused: usize,
    /// Answer verify and rotate with this status and body.
    pub(crate) status: Option<u16>,
    pub(crate) body: String,
    /// Answer with this status where the certificate would be.
    pub(crate) certificate_status: Option<u16>,
    /// Lose template metadata and status, as upstream's rotate does.
    pub(crate) like_upstream: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            namespace: "kube-system".to_owned(),
            name: "sealed-secrets-controller".to_owned(),
            port: Some(String::new()),
            refused: 0,
            status: None,
            body: String::new(),
            certificate_status: None,
            like_upstream: false,
        }
    }
}

pub(crate) struct Running {
    pub(crate) address: String,
}

struct Controller {
    setup: Setup,
    asked: AtomicUsize,
    keys: [Arc<PrivateKey>; 1],
    certificate: Certificate,
}

impl Setup {
    /// Serves until the process ends.
    pub(crate) fn start(&self) -> Running {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let controller = Controller {
            setup: self.clone(),
            asked: AtomicUsize::new(0),
            keys: [Arc::new(
                PrivateKey::from_pem(fixture("rsa2048.key").as_bytes()).unwrap(),
            )],
            certificate: Certificate::from_pem(fixture("rsa2048.pem").as_bytes()).unwrap(),
        };
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                controller.serve(stream.unwrap());
            }
        });
        Running { address }
    }
}

impl Running {
    pub(crate) fn kubeconfig(&self) -> String {
        format!(
            "current-context: c\ncontexts: [{{name: c, context: {{cluster: c, namespace: shop}}}}]\n\
             clusters: [{{name: c, cluster: {{server: 'http://{}'}}}}]\n",
            self.address
        )
    }
}

impl Controller {
    fn serve(&self, mut stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut line = || {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            line.trim_end().to_owned()
        };
        let request = line();
        let mut length = 0;
        loop {
            let header = line().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
        let (status, body) = self.answer(&path, &body);
        let retry = if status == 429 {
            "Retry-After: 0\r\n"
        } else {
            ""
        };
        let head = format!(
            "HTTP/1.1 {status} X\r\nConnection: close\r\n{retry}Content-Length: {}\r\n\r\n",
            body.len()
        );
        let _ = stream.write_all((head + &body).as_bytes());
    }

    fn answer(&self, path: &str, body: &[u8]) -> (u16, String) {
        let Setup {
            namespace,
            name,
            port,
            refused,
            status,
            body: fixed,
            certificate_status,
            like_upstream,
        } = &self.setup;
        let services = format!("/api/v1/namespaces/{namespace}/services/");
        let Some(rest) = path.strip_prefix(&services) else {
            return not_found(path);
        };
        if rest == name {
            let ports = match port.as_deref() {
                Some("") => json!([{"port": 8080}]),
                Some(port) => json!([{"name": port, "port": 8080}]),
                None => json!([]),
            };
            let service = json!({"kind": "Service", "apiVersion": "v1", "metadata": {"name": name}, "spec": {"ports": ports}});
            return (200, service.to_string());
        }
        let port = port.as_deref().unwrap_or_default();
        let Some(path) = rest.strip_prefix(&format!("http:{name}:{port}/proxy/v1/")) else {
            return not_found(path);
        };
        if path == "cert.pem" {
            return match certificate_status {
                Some(status) => (*status, String::new()),
                None => (200, fixture("rsa2048.pem")),
            };
        }
        if self.asked.fetch_add(1, Ordering::Relaxed) < *refused {
            return (429, "limit exceeded\n".to_owned());
        }
        if let Some(status) = status {
            return (*status, fixed.clone());
        }
        let Some(mut object) = read(body) else {
            return (500, String::new());
        };
        let (Ok(opened), label) = self.open(&object) else {
            return (if path == "verify" { 409 } else { 500 }, String::new());
        };
        if path == "verify" {
            return (200, String::new());
        }
        for (name, value) in &opened.items {
            let sealed = seal_value(value, &self.certificate, &label).unwrap();
            object["spec"]["encryptedData"][name] = sealed.into();
        }
        let fields = object.as_object_mut().unwrap();
        if *like_upstream {
            fields.remove("kind");
            fields.remove("apiVersion");
            let metadata = fields["metadata"].clone();
            fields["spec"]["template"] = json!({"metadata": metadata});
        }
        (200, object.to_string())
    }

    fn open(
        &self,
        object: &Value,
    ) -> (
        Result<sealing::Opened, impl std::fmt::Display + use<>>,
        sealing::Label,
    ) {
        let sealed = SealedSecret::from_value(object).unwrap();
        let label = sealing::label_of(&sealed);
        (
            sealing::open(&sealed.spec.encrypted_data, label.clone(), &self.keys),
            label,
        )
    }
}

/// The decoder needs kind and apiVersion.
fn read(body: &[u8]) -> Option<Value> {
    let object: Value = serde_json::from_slice(body).ok()?;
    let is_one = object["kind"] == "SealedSecret" && object["apiVersion"] == "bitnami.com/v1alpha1";
    is_one.then_some(object)
}

fn not_found(path: &str) -> (u16, String) {
    let name = path.rsplit('/').next().unwrap_or_default();
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404,
        "message": format!("services {name:?} not found"),
    });
    (404, status.to_string())
}
