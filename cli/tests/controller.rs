//! The certificate through an API server's proxy: which requests are made, and what is said when
//! one of them fails. The server answers from a list of paths.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops here")]

mod closed;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use closed::{Output, fixture, io};

const DEFAULT: &str = "/api/v1/namespaces/kube-system/services/sealed-secrets-controller";
const FLAGS: &str = "Please, use the flag --controller-name and --controller-namespace to set up \
                     the name and namespace of the sealed secrets controller\n";

struct Server {
    kubeconfig: tempfile::NamedTempFile,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn has_been_asked(&self, word: &str) -> bool {
        let requests = self.requests.lock().unwrap();
        requests.iter().any(|path| path.contains(word))
    }
}

/// Serves these paths; any other is not found.
fn serve(answers: &[(&str, &str)]) -> Server {
    let answers: BTreeMap<String, String> = answers
        .iter()
        .map(|(path, body)| ((*path).to_owned(), (*body).to_owned()))
        .collect();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let requests = Arc::<Mutex<Vec<String>>>::default();
    let seen = Arc::clone(&requests);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            answer(stream.unwrap(), &answers, &seen);
        }
    });
    let mut kubeconfig = tempfile::NamedTempFile::new().unwrap();
    writeln!(
        kubeconfig,
        "current-context: c\ncontexts: [{{name: c, context: {{cluster: c}}}}]"
    )
    .unwrap();
    writeln!(
        kubeconfig,
        "clusters: [{{name: c, cluster: {{server: 'http://127.0.0.1:{port}'}}}}]"
    )
    .unwrap();
    Server {
        kubeconfig,
        requests,
    }
}

fn answer(mut stream: TcpStream, answers: &BTreeMap<String, String>, seen: &Mutex<Vec<String>>) {
    let mut lines = BufReader::new(stream.try_clone().unwrap())
        .lines()
        .map(Result::unwrap);
    let request = lines.next().unwrap();
    let path = request.split(' ').nth(1).unwrap().to_owned();
    let headers: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
    let accept = headers
        .iter()
        .find_map(|line| line.strip_prefix("accept: "))
        .unwrap_or_default();
    seen.lock().unwrap().push(if accept.contains("pem") {
        format!("{path} {accept}")
    } else {
        path.clone()
    });
    let name = path.rsplit('/').next().unwrap();
    let missing = status(404, &format!("services \\\"{name}\\\" not found"));
    let (code, body) = match answers.get(&path) {
        Some(body) if body.contains("\"Failure\"") => (503, body),
        Some(body) => (200, body),
        None => (404, &missing),
    };
    let head = format!(
        "HTTP/1.1 {code} X\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    // Who has read enough hangs up.
    let _ = stream.write_all(format!("{head}{body}").as_bytes());
}

fn status(code: u16, message: &str) -> String {
    format!(
        r#"{{"kind":"Status","apiVersion":"v1","status":"Failure","message":"{message}","code":{code}}}"#
    )
}

fn service(ports: &str) -> String {
    format!(
        r#"{{"kind":"Service","apiVersion":"v1","metadata":{{"name":"x"}},"spec":{{"ports":{ports}}}}}"#
    )
}

async fn fetch(server: &Server, flags: &[&str]) -> (u8, Output) {
    let (mut io, printed) = io(b"", std::iter::empty(), closed::NOW);
    let kubeconfig = server.kubeconfig.path().to_str().unwrap();
    let args = ["kubeseal", "--fetch-cert", "--kubeconfig", kubeconfig]
        .into_iter()
        .chain(flags.iter().copied());
    (
        cli::run(args.map(Into::into), &mut io).await,
        printed.take(),
    )
}

#[tokio::test]
async fn asks_the_service_and_keeps_the_colon_of_a_port_without_a_name() {
    let certificate = fixture("rsa2048.pem");
    let path =
        "/api/v1/namespaces/kube-system/services/http:sealed-secrets-controller:/proxy/v1/cert.pem";
    let server = serve(&[
        (DEFAULT, &service(r#"[{"port":8080}]"#)),
        (path, &certificate),
    ]);
    let (code, output) = fetch(&server, &[]).await;
    assert_eq!(
        (code, output.stdout, output.stderr.as_str()),
        (0, certificate, "")
    );
    let requests = server.requests.lock().unwrap();
    assert_eq!(
        requests.last().unwrap(),
        &format!("{path} application/x-pem-file, */*")
    );
    assert!(
        requests[..requests.len() - 1]
            .iter()
            .all(|path| path == DEFAULT)
    );
}

#[tokio::test]
async fn uses_the_name_of_the_first_port_of_the_service_that_was_named() {
    let certificate = fixture("rsa2048.pem");
    let service = service(r#"[{"name":"http","port":8080},{"name":"metrics","port":8081}]"#);
    let server = serve(&[
        ("/api/v1/namespaces/seals/services/mine", &service),
        (
            "/api/v1/namespaces/seals/services/http:mine:http/proxy/v1/cert.pem",
            &certificate,
        ),
    ]);
    let (code, output) = fetch(
        &server,
        &["--controller-namespace", "seals", "--controller-name=mine"],
    )
    .await;
    assert_eq!(
        (code, output.stdout, output.stderr.as_str()),
        (0, certificate, "")
    );
}

#[tokio::test]
async fn finds_the_only_service_under_a_known_name_and_says_so() {
    let certificate = fixture("rsa2048.pem");
    let ports = service(r#"[{"name":"http","port":8080}]"#);
    let server = serve(&[
        (
            "/api/v1/namespaces/kube-system/services/sealed-secrets",
            &ports,
        ),
        (
            "/api/v1/namespaces/kube-system/services/http:sealed-secrets:http/proxy/v1/cert.pem",
            &certificate,
        ),
        // Anybody may have made this one, and it neither counts nor stands in the way.
        (
            "/api/v1/namespaces/sealed-secrets/services/sealed-secrets",
            &ports,
        ),
    ]);
    let (code, output) = fetch(&server, &[]).await;
    let said = "using the controller's Service `kube-system/sealed-secrets`\n";
    assert_eq!(
        (code, output.stdout, output.stderr.as_str()),
        (0, certificate, said)
    );
}

/// A server with nothing but what anybody may make who may create namespaces.
fn in_another_namespace() -> Server {
    serve(&[
        (
            "/api/v1/namespaces/sealed-secrets/services/sealed-secrets",
            &service(r#"[{"name":"http","port":8080}]"#),
        ),
        (
            "/api/v1/namespaces/sealed-secrets/services/http:sealed-secrets:http/proxy/v1/cert.pem",
            &fixture("rsa2048.pem"),
        ),
    ])
}

const UNCONFIRMED: &str = "error: cannot get sealed secret service: services \"sealed-secrets-controller\" not found; \
    there is `sealed-secrets/sealed-secrets`, but whoever may create namespaces may have made it\n\
    hint: if it is your controller, say so: `--controller-namespace sealed-secrets --controller-name sealed-secrets`\n";

#[tokio::test]
async fn asks_nothing_of_a_service_that_anybody_may_have_made() {
    let server = in_another_namespace();
    let (code, output) = fetch(&server, &[]).await;
    assert_eq!(
        (code, output.stdout.as_str(), output.stderr.as_str()),
        (1, "", UNCONFIRMED)
    );
    assert!(!server.has_been_asked("proxy"));
    let flags = [
        "--controller-namespace",
        "sealed-secrets",
        "--controller-name",
        "sealed-secrets",
    ];
    let (code, output) = fetch(&server, &flags).await;
    assert_eq!(
        (code, output.stdout, output.stderr.as_str()),
        (0, fixture("rsa2048.pem"), "")
    );
}

#[tokio::test]
async fn uses_a_service_that_anybody_may_have_made_if_somebody_at_a_terminal_says_so() {
    const QUESTION: &str = "use `sealed-secrets/sealed-secrets`? it is your controller only if \
                            nobody else may create namespaces [y/N] ";
    let using = "using the controller's Service `sealed-secrets/sealed-secrets`\n";
    let server = in_another_namespace();
    let kubeconfig = server.kubeconfig.path().to_str().unwrap();
    for (answer, expected, said) in [
        ("y\n", 0, using),
        (" yes \n", 0, using),
        ("n\n", 1, UNCONFIRMED),
        ("\n", 1, UNCONFIRMED),
        ("", 1, UNCONFIRMED),
        ("yesterday\n", 1, UNCONFIRMED),
    ] {
        let (mut io, printed) = io(answer.as_bytes(), std::iter::empty(), closed::NOW);
        io.stdin_is_terminal = true;
        io.stderr_is_terminal = true;
        let args = [
            "kubeseal",
            "--fetch-cert",
            "-f",
            "/dev/null",
            "--kubeconfig",
            kubeconfig,
        ];
        let code = cli::run(args.map(Into::into), &mut io).await;
        let stderr = printed.take().stderr;
        assert_eq!(
            (code, stderr),
            (expected, format!("{QUESTION}{said}")),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn reads_the_input_behind_the_answer() {
    let server = in_another_namespace();
    let kubeconfig = server.kubeconfig.path().to_str().unwrap();
    let typed = b"y\nmetadata: {name: db, namespace: shop}\nstringData: {a: b}\n";
    let (mut io, printed) = io(typed, std::iter::empty(), closed::NOW);
    io.stdin_is_terminal = true;
    io.stderr_is_terminal = true;
    let args = ["kubeseal", "--kubeconfig", kubeconfig];
    let code = cli::run(args.map(Into::into), &mut io).await;
    let output = printed.take();
    assert_eq!(code, 0, "{}", output.stderr);
    assert!(output.stdout.contains("\"name\": \"db\""));
}

#[tokio::test]
async fn does_not_choose_between_two_known_names() {
    let ports = service(r#"[{"port":8080}]"#);
    let server = serve(&[
        (
            "/api/v1/namespaces/sealed-secrets/services/sealed-secrets-controller",
            &ports,
        ),
        (
            "/api/v1/namespaces/sealed-secrets/services/sealed-secrets",
            &ports,
        ),
    ]);
    let (code, output) = fetch(&server, &[]).await;
    let error = "error: cannot get sealed secret service: `sealed-secrets/sealed-secrets-controller` and \
                 `sealed-secrets/sealed-secrets` may both be it\n\
                 hint: name one with `--controller-namespace` and `--controller-name`\n";
    assert_eq!(
        (code, output.stdout.as_str(), output.stderr.as_str()),
        (1, "", error)
    );
}

#[tokio::test]
async fn prints_what_the_api_server_says_in_one_line_that_does_nothing_to_a_terminal() {
    let path =
        "/api/v1/namespaces/kube-system/services/http:sealed-secrets-controller:/proxy/v1/cert.pem";
    let refusal = status(503, r"\u001b[2J\r\nerror: all is well\u202e");
    let server = serve(&[(DEFAULT, &service(r#"[{"port":8080}]"#)), (path, &refusal)]);
    let (_, output) = fetch(&server, &[]).await;
    assert_eq!(
        output.stderr,
        "error: cannot fetch certificate: \\x1b[2J\\r\\nerror: all is well\\u202e\n"
    );
}

#[tokio::test]
async fn does_not_look_elsewhere_for_a_service_that_was_named() {
    let ports = service(r#"[{"port":8080}]"#);
    let server = serve(&[(
        "/api/v1/namespaces/kube-system/services/sealed-secrets",
        &ports,
    )]);
    let (code, output) = fetch(&server, &["--controller-name", "mine"]).await;
    let error =
        format!("error: cannot get sealed secret service: services \"mine\" not found.\n{FLAGS}");
    assert_eq!(
        (code, output.stdout.as_str(), output.stderr),
        (1, "", error)
    );
}

#[tokio::test]
async fn names_the_default_when_there_is_none_at_all() {
    let (code, output) = fetch(&serve(&[]), &[]).await;
    let error = format!(
        "error: cannot get sealed secret service: services \"sealed-secrets-controller\" not found.\n{FLAGS}"
    );
    assert_eq!(
        (code, output.stdout.as_str(), output.stderr),
        (1, "", error)
    );
}

#[tokio::test]
async fn names_a_service_without_ports() {
    let (code, output) = fetch(&serve(&[(DEFAULT, &service("[]"))]), &[]).await;
    let error = "error: cannot get sealed secret service: Service `kube-system/sealed-secrets-controller` has no ports\n";
    assert_eq!(
        (code, output.stdout.as_str(), output.stderr.as_str()),
        (1, "", error)
    );
}

#[tokio::test]
async fn repeats_what_the_api_server_says_and_asks_only_once() {
    let path =
        "/api/v1/namespaces/kube-system/services/http:sealed-secrets-controller:/proxy/v1/cert.pem";
    let refusal = status(503, "no endpoints available");
    let server = serve(&[(DEFAULT, &service(r#"[{"port":8080}]"#)), (path, &refusal)]);
    let (code, output) = fetch(&server, &[]).await;
    let error = "error: cannot fetch certificate: no endpoints available\n";
    assert_eq!(
        (code, output.stdout.as_str(), output.stderr.as_str()),
        (1, "", error)
    );
    assert_eq!(
        server
            .requests
            .lock()
            .unwrap()
            .iter()
            .filter(|request| request.contains("proxy"))
            .count(),
        1
    );
}

#[tokio::test]
async fn reads_no_answer_of_more_than_sixteen_mebibytes() {
    let path =
        "/api/v1/namespaces/kube-system/services/http:sealed-secrets-controller:/proxy/v1/cert.pem";
    let no_certificate = "warning: nothing can be sealed to this: data does not contain any valid RSA or ECDSA certificates\n";
    let too_large = "error: cannot fetch certificate: the answer is larger than 16 MiB\n";
    let largest = 16 << 20;
    for (size, printed, code, said) in [
        (largest, largest, 0, no_certificate),
        (largest + 1, 0, 1, too_large),
    ] {
        let server = serve(&[
            (DEFAULT, &service(r#"[{"port":8080}]"#)),
            (path, &"x".repeat(size)),
        ]);
        let (exit, output) = fetch(&server, &[]).await;
        let found = (exit, output.stdout.len(), output.stderr.as_str());
        assert_eq!(found, (code, printed, said));
    }
}
