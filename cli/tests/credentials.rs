//! How kubeseal knows the API server, and shows it who asks: authorities, names, tokens, passwords,
//! certificates, plug-ins. The server speaks TLS, keeps what it hears, and has nothing to give.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops here")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use cli::Io;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use sealing::base64;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

/// A token of OpenID Connect that is good until 2100: `{}`, then `{"exp":4102444800}`.
const FRESH: &str = "e30.eyJleHAiOjQxMDI0NDQ4MDB9.x";
/// One that ended in 2001.
const STALE: &str = "e30.eyJleHAiOjEwMDAwMDAwMDB9.x";

struct Server {
    /// With the authority, and the certificate and key of a user.
    folder: tempfile::TempDir,
    port: u16,
    heard: Arc<Mutex<Vec<String>>>,
}

/// Serves under this name, and under no other.
async fn serve(name: &str) -> Server {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let authority = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let issue = |name: &str| {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap().pem();
        (certificate, key.serialize_pem())
    };
    let (own, own_key) = issue(name);
    let (user, user_key) = issue("somebody");
    let folder = tempfile::tempdir().unwrap();
    for (file, pem) in [
        ("ca.pem", &authority),
        ("user.pem", &user),
        ("user.key", &user_key),
    ] {
        std::fs::write(folder.path().join(file), pem).unwrap();
    }

    let read = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(read(&authority)).unwrap();
    let users = WebPkiClientVerifier::builder(roots.into());
    let key = PrivateKeyDer::from_pem_slice(own_key.as_bytes()).unwrap();
    let config = ServerConfig::builder()
        .with_client_cert_verifier(users.allow_unauthenticated().build().unwrap())
        .with_single_cert(vec![read(&own)], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = Server {
        folder,
        port: listener.local_addr().unwrap().port(),
        heard: Arc::default(),
    };
    let heard = Arc::clone(&server.heard);
    let tls = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            answer(stream, &tls, &heard).await;
        }
    });
    server
}

/// Gives a fresh token to whoever asks as OpenID Connect has it, and 404 to all others.
async fn answer(stream: TcpStream, tls: &TlsAcceptor, heard: &Mutex<Vec<String>>) {
    let Ok(stream) = tls.accept(stream).await else {
        return; // it is not trusted
    };
    let is_certified = stream.get_ref().1.peer_certificates().is_some();
    let mut stream = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        if line.trim().is_empty() {
            break;
        }
        head.push(line.trim().to_ascii_lowercase());
    }
    if is_certified {
        head.push("a certificate".to_owned());
    }
    let path = head[0].split(' ').nth(1).unwrap().to_owned();
    let host = head.iter().find_map(|line| line.strip_prefix("host: "));
    let (status, body) = match path.as_str() {
        "/.well-known/openid-configuration" => {
            let place = format!("https://{}/token", host.unwrap());
            (200, json!({ "token_endpoint": place }))
        }
        "/token" => (200, json!({ "id_token": FRESH })),
        _ => {
            let message = "not here";
            (
                404,
                json!({ "kind": "Status", "status": "Failure", "message": message, "code": 404 }),
            )
        }
    };
    heard.lock().unwrap().extend(head);
    let body = body.to_string();
    let head = format!(
        "HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
}

impl Server {
    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn write_kubeconfig(&self, user: &Value) {
        let config = json!({
            "current-context": "c",
            "contexts": [{ "name": "c", "context": { "cluster": "c", "user": "u" } }],
            "clusters": [{ "name": "c", "cluster": { "server": format!("https://127.0.0.1:{}", self.port) } }],
            "users": [{ "name": "u", "user": user }],
        });
        std::fs::write(self.file("config"), config.to_string()).unwrap();
    }

    /// Fetches a certificate that is not there; `@` stands for the folder. Gives what was heard,
    /// in lower case, and what stderr says.
    async fn asked(
        &self,
        user: Value,
        flags: &[&str],
        environment: &[(&str, &str)],
    ) -> (String, String) {
        self.write_kubeconfig(&user);
        let (mut io, printed) = Io::in_memory("");
        let in_folder = |text: &str| match text.strip_prefix('@') {
            Some(name) => self.file(name),
            None => text.to_owned(),
        };
        io.environment = environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), in_folder(value)))
            .collect::<HashMap<_, _>>();
        let args = ["kubeseal", "--fetch-cert", "--kubeconfig", "@config"];
        let args = args.iter().chain(flags).map(|word| in_folder(word).into());
        assert_eq!(cli::run(args, &mut io).await, 1);
        assert_eq!(printed.stdout(), "");
        let heard = std::mem::take(&mut *self.heard.lock().unwrap());
        (heard.join("\n"), printed.stderr())
    }
}

const TRUSTED: [&str; 2] = ["--certificate-authority", "@ca.pem"];

#[tokio::test]
async fn trusts_the_authority_it_is_given_and_no_other() {
    let server = serve("127.0.0.1").await;
    let (heard, stderr) = server.asked(json!({}), &[], &[]).await;
    assert_eq!(heard, "");
    assert!(stderr.contains("certificate"), "{stderr}");
    for flags in [&TRUSTED[..], &["--insecure-skip-tls-verify"]] {
        let (heard, _) = server.asked(json!({}), flags, &[]).await;
        assert!(heard.starts_with("get /api/v1/namespaces/kube-system/services/"));
        // Who has nothing to show is not asked for anything.
        assert!(!heard.contains("authorization"), "{heard}");
    }
    let variable = ("SEALED_SECRETS_CERTIFICATE_AUTHORITY", "@ca.pem");
    let (heard, _) = server.asked(json!({}), &[], &[variable]).await;
    assert!(!heard.is_empty());
}

#[tokio::test]
async fn looks_for_the_name_it_is_given() {
    let server = serve("cluster.example").await;
    let (heard, stderr) = server.asked(json!({}), &TRUSTED, &[]).await;
    assert_eq!(heard, "");
    assert!(stderr.contains("certificate"), "{stderr}");
    let flags = [&TRUSTED[..], &["--tls-server-name", "cluster.example"]].concat();
    let (heard, _) = server.asked(json!({}), &flags, &[]).await;
    assert!(!heard.is_empty());
}

#[tokio::test]
async fn sends_the_credentials_it_is_given() {
    let server = serve("127.0.0.1").await;
    let basic = format!("authorization: basic {}", base64::encode(b"me:word"));
    let basic = basic.to_ascii_lowercase();
    let own = json!({ "token": "own" });
    let flags: [(&[&str], &str); 4] = [
        (&[], "authorization: bearer own"),
        (&["--token", "other"], "authorization: bearer other"),
        (&["--username", "me", "--password=word"], &basic),
        (
            &[
                "--client-certificate",
                "@user.pem",
                "--client-key",
                "@user.key",
            ],
            "a certificate",
        ),
    ];
    for (flags, proof) in flags {
        let flags = [&TRUSTED[..], flags].concat();
        let (heard, _) = server.asked(own.clone(), &flags, &[]).await;
        assert!(heard.contains(proof), "{proof}: {heard}");
    }
    let environment: [(&[(&str, &str)], &str); 3] = [
        (
            &[("SEALED_SECRETS_TOKEN", "other")],
            "authorization: bearer other",
        ),
        (
            &[
                ("SEALED_SECRETS_USERNAME", "me"),
                ("SEALED_SECRETS_PASSWORD", "word"),
            ],
            &basic,
        ),
        (
            &[
                ("SEALED_SECRETS_CLIENT_CERTIFICATE", "@user.pem"),
                ("SEALED_SECRETS_CLIENT_KEY", "@user.key"),
            ],
            "a certificate",
        ),
    ];
    for (variables, proof) in environment {
        let (heard, _) = server.asked(own.clone(), &TRUSTED, variables).await;
        assert!(heard.contains(proof), "{proof}: {heard}");
    }
}

#[tokio::test]
async fn sends_the_token_in_a_file_without_the_space_around_it() {
    let server = serve("127.0.0.1").await;
    let file = json!({ "tokenFile": "token" });
    for text in ["of-the-file", "of-the-file\n", " of-the-file\r\n\n"] {
        std::fs::write(server.file("token"), text).unwrap();
        let (heard, stderr) = server.asked(file.clone(), &TRUSTED, &[]).await;
        let lines = heard.lines().map(str::to_owned).collect::<Vec<_>>();
        let header = "authorization: bearer of-the-file".to_owned();
        assert!(lines.contains(&header), "{text:?}: {heard}{stderr}");
    }
}

#[tokio::test]
async fn prefers_the_token_in_a_file_and_falls_back_to_the_one_beside_it() {
    let server = serve("127.0.0.1").await;
    let both = json!({ "token": "own", "tokenFile": "token" });
    let (heard, stderr) = server.asked(both.clone(), &TRUSTED, &[]).await;
    assert!(heard.contains("bearer own"), "{heard}{stderr}");
    std::fs::write(server.file("token"), "of-the-file\n").unwrap();
    let (heard, _) = server.asked(both.clone(), &TRUSTED, &[]).await;
    assert!(heard.contains("bearer of-the-file"), "{heard}{stderr}");
    let flags = [&TRUSTED[..], &["--token", "of-the-flag"]].concat();
    let (heard, _) = server.asked(both, &flags, &[]).await;
    assert!(heard.contains("bearer of-the-flag"), "{heard}{stderr}");
}

#[tokio::test]
async fn says_why_a_file_gives_no_token_and_not_what_is_in_it() {
    let server = serve("127.0.0.1").await;
    let user = json!({ "tokenFile": "token" });
    let path = server.file("token");
    let missing = format!("error: open {path}: no such file or directory\n");
    let empty = format!("error: read empty token from file \"{path}\"\n");
    let odd = format!(
        "error: the token in file \"{path}\" cannot be sent: it holds a line break or another control character\n"
    );
    for (text, error) in [
        (None, missing),
        (Some(" \n"), empty),
        (Some("s3c\nret"), odd),
    ] {
        if let Some(text) = text {
            std::fs::write(&path, text).unwrap();
        }
        let (heard, stderr) = server.asked(user.clone(), &TRUSTED, &[]).await;
        assert_eq!((&*heard, stderr), ("", error));
    }
}

/// Go's client does not trim it, and sends nothing.
#[tokio::test]
async fn does_not_trim_a_token_that_is_written_out() {
    let server = serve("127.0.0.1").await;
    let (heard, stderr) = server
        .asked(json!({ "token": "own\n" }), &TRUSTED, &[])
        .await;
    let error =
        "error: the token cannot be sent: it holds a line break or another control character\n";
    assert_eq!((&*heard, &*stderr), ("", error));
}

fn of_openid_connect(server: &Server, token: &str) -> Value {
    let authority = std::fs::read(server.file("ca.pem")).unwrap();
    json!({ "auth-provider": { "name": "oidc", "config": {
        "idp-issuer-url": format!("https://127.0.0.1:{}", server.port),
        "idp-certificate-authority-data": base64::encode(&authority),
        "client-id": "kubernetes", "client-secret": "s3cret",
        "id-token": token, "refresh-token": "again",
    }}})
}

#[tokio::test]
async fn sends_the_token_of_openid_connect() {
    let server = serve("127.0.0.1").await;
    let user = of_openid_connect(&server, FRESH);
    let (heard, stderr) = server.asked(user, &TRUSTED, &[]).await;
    let token = format!("authorization: bearer {}", FRESH.to_ascii_lowercase());
    assert!(heard.contains(&token), "{heard}{stderr}");
    assert!(!heard.contains("post /token"), "{heard}");
}

/// The program itself, since the provider is trusted as the system says, or `SSL_CERT_FILE`.
#[tokio::test]
async fn fetches_a_token_of_openid_connect_when_its_own_is_over() {
    let server = serve("127.0.0.1").await;
    let user = of_openid_connect(&server, STALE);
    server.write_kubeconfig(&user);
    let mut kubeseal = std::process::Command::new(env!("CARGO_BIN_EXE_kubeseal"));
    kubeseal
        .args(["--fetch-cert", "--kubeconfig", &server.file("config")])
        .args(["--certificate-authority", &server.file("ca.pem")])
        .env_clear()
        .env("SSL_CERT_FILE", server.file("ca.pem"));
    let ended = tokio::task::spawn_blocking(move || kubeseal.output().unwrap());
    let ended = ended.await.unwrap();
    let heard = server.heard.lock().unwrap().join("\n");
    let stderr = String::from_utf8_lossy(&ended.stderr);
    assert!(heard.contains("post /token"), "{heard}{stderr}");
    let token = format!("authorization: bearer {}", FRESH.to_ascii_lowercase());
    assert!(heard.contains(&token), "{heard}{stderr}");
}

/// A plug-in that prints this token, after it has done something.
#[cfg(unix)]
fn plug_in(before: &str, interactive: &str) -> Value {
    let credential = json!({
        "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
        "status": { "token": "of-the-plug-in" },
    });
    json!({ "exec": {
        "apiVersion": "client.authentication.k8s.io/v1", "command": "sh",
        "interactiveMode": interactive, "args": ["-c", format!("{before}; echo '{credential}'")],
    }})
}

#[cfg(unix)]
#[tokio::test]
async fn sends_the_token_of_a_plug_in() {
    let server = serve("127.0.0.1").await;
    let (heard, stderr) = server.asked(plug_in("true", "Never"), &TRUSTED, &[]).await;
    let token = "authorization: bearer of-the-plug-in";
    assert!(heard.contains(token), "{heard}{stderr}");
}

/// The program itself, since a plug-in inherits what the process has.
#[cfg(unix)]
#[tokio::test]
async fn keeps_what_is_on_stdin_from_a_plug_in_and_lets_it_say_where_to_log_in() {
    use std::io::Write;
    let server = serve("127.0.0.1").await;
    let before = format!("cat >> {}; echo log in first >&2", server.file("copy"));
    server.write_kubeconfig(&plug_in(&before, "IfAvailable"));
    let mut kubeseal = std::process::Command::new(env!("CARGO_BIN_EXE_kubeseal"));
    kubeseal
        .args(["--kubeconfig", &server.file("config")])
        .args(["--certificate-authority", &server.file("ca.pem")])
        .stdin(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let run = move || {
        let mut child = kubeseal.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let _ = stdin.write_all(b"stringData: {a: s3cret}");
        drop(stdin);
        child.wait_with_output().unwrap()
    };
    let ended = tokio::task::spawn_blocking(run).await.unwrap();
    let heard = server.heard.lock().unwrap().join("\n");
    let stderr = String::from_utf8_lossy(&ended.stderr);
    assert!(heard.contains("of-the-plug-in"), "{heard}{stderr}");
    assert!(stderr.starts_with("log in first\nerror: "), "{stderr}");
    assert_eq!(std::fs::read_to_string(server.file("copy")).unwrap(), "");
}

#[cfg(unix)]
#[tokio::test]
async fn shows_the_certificate_of_a_plug_in() {
    let server = serve("127.0.0.1").await;
    let read = |name: &str| std::fs::read_to_string(server.file(name)).unwrap();
    let status =
        json!({ "clientCertificateData": read("user.pem"), "clientKeyData": read("user.key") });
    let credential = json!({ "kind": "ExecCredential", "status": status }).to_string();
    let user = json!({ "exec": {
        "apiVersion": "client.authentication.k8s.io/v1", "command": "printenv", "args": ["CREDENTIAL"],
        "env": [{ "name": "CREDENTIAL", "value": credential }],
    }});
    let (heard, stderr) = server.asked(user, &TRUSTED, &[]).await;
    assert!(heard.contains("a certificate"), "{heard}{stderr}");
}

#[cfg(unix)]
#[tokio::test]
async fn tells_a_plug_in_whom_it_signs_in_to() {
    let server = serve("127.0.0.1").await;
    let mut user = plug_in(
        &format!("printenv KUBERNETES_EXEC_INFO > {}", server.file("info")),
        "Never",
    );
    user["exec"]["provideClusterInfo"] = true.into();
    let (_, stderr) = server.asked(user, &TRUSTED, &[]).await;
    let info = std::fs::read_to_string(server.file("info")).unwrap();
    let info: Value = serde_json::from_str(&info).unwrap();
    assert_eq!(info["spec"]["interactive"], false, "{stderr}");
    let address = format!("https://127.0.0.1:{}", server.port);
    let told = info["spec"]["cluster"]["server"].as_str().unwrap();
    assert_eq!(told.trim_end_matches('/'), address);
}

#[cfg(unix)]
#[tokio::test]
async fn calls_no_plug_in_that_must_ask_where_nobody_can_answer() {
    let server = serve("127.0.0.1").await;
    let (heard, stderr) = server.asked(plug_in("true", "Always"), &TRUSTED, &[]).await;
    let error =
        "error: exec plugin cannot support interactive mode: standard input is not a terminal\n";
    assert_eq!((&*heard, &*stderr), ("", error));
}

#[cfg(unix)]
#[tokio::test]
async fn says_how_a_plug_in_failed_and_not_how_it_was_called() {
    let server = serve("127.0.0.1").await;
    let mut user = plug_in("exit 3", "IfAvailable");
    user["exec"]["env"] = json!([{ "name": "PASSWORD", "value": "s3cret" }]);
    let (heard, stderr) = server.asked(user, &TRUSTED, &[]).await;
    let said = "error: getting credentials: exec: executable sh failed: exit status: 3\n";
    assert_eq!((&*heard, &*stderr), ("", said));
    let user =
        json!({ "exec": { "command": "no-such-plug-in", "installHint": "install it first" } });
    let (heard, stderr) = server.asked(user, &TRUSTED, &[]).await;
    let said = "error: getting credentials: exec: executable no-such-plug-in failed: no such file or directory\n\
                hint: install it first\n";
    assert_eq!((&*heard, &*stderr), ("", said));
    let user = json!({ "exec": { "command": "echo", "args": ["s3cret"] } });
    let (heard, stderr) = server.asked(user, &TRUSTED, &[]).await;
    let said = "error: getting credentials: exec: executable echo printed no ExecCredential\n";
    assert_eq!((&*heard, &*stderr), ("", said));
}
