//! What a kubeconfig and its flags make of a request. The server keeps what it is asked, and knows
//! nothing.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops here")]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use cli::Io;

struct Server {
    address: String,
    requests: Arc<Mutex<Vec<String>>>,
}

/// Answers everything with 404, and keeps every line it hears.
fn serve() -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let requests = Arc::<Mutex<Vec<String>>>::default();
    let heard = Arc::clone(&requests);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let lines = lines
                .map(Result::unwrap)
                .take_while(|line| !line.is_empty());
            heard.lock().unwrap().extend(lines);
            let body = r#"{"kind":"Status","status":"Failure","message":"not here","code":404}"#;
            let head = format!(
                "HTTP/1.1 404 X\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            stream.write_all((head + body).as_bytes()).unwrap();
        }
    });
    Server { address, requests }
}

/// Fetches a certificate that is not there; gives stderr and what the server heard, in lower case.
async fn fetch(kubeconfig: &str, flags: &[&str], server: &Server) -> (String, String) {
    fetch_in(&[], kubeconfig, flags, server).await
}

/// The same, with these variables.
async fn fetch_in(
    variables: &[(&str, &str)],
    kubeconfig: &str,
    flags: &[&str],
    server: &Server,
) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    std::fs::write(&path, kubeconfig.replace("$SERVER", &server.address)).unwrap();
    let (mut io, printed) = Io::in_memory("");
    let variable = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    io.environment = variables.iter().map(variable).collect();
    let args = ["kubeseal", "--fetch-cert", "--kubeconfig"]
        .into_iter()
        .chain([path.to_str().unwrap()])
        .chain(flags.iter().copied());
    let code = cli::run(args.map(Into::into), &mut io).await;
    assert_eq!(code, 1);
    let heard = server.requests.lock().unwrap().join("\n");
    (printed.stderr(), heard.to_ascii_lowercase())
}

const CONFIG: &str = "current-context: one
contexts:
- {name: one, context: {cluster: one, user: me}}
- {name: two, context: {cluster: two, user: me}}
clusters:
- {name: one, cluster: {server: 'http://$SERVER/one'}}
- {name: two, cluster: {server: 'http://$SERVER/two'}}
users:
- {name: me, user: {token: s3cret-token}}
- {name: other, user: {as: somebody}}
";

#[tokio::test]
async fn sends_no_token_over_plain_http() {
    let server = serve();
    let (_, heard) = fetch(
        CONFIG,
        &["--username", "u", "--password", "s3cret"],
        &server,
    )
    .await;
    assert!(heard.contains("get /one/api/v1/namespaces/kube-system/services/"));
    assert!(!heard.contains("authorization"), "{heard}");
    let (_, heard) = fetch(CONFIG, &["--token", "s3cret"], &server).await;
    assert!(!heard.contains("authorization"), "{heard}");
}

#[tokio::test]
async fn uses_the_context_the_cluster_and_the_server_it_is_told() {
    for (flags, path) in [
        (&["--context", "two"][..], "get /two/api"),
        (&["--cluster", "two"], "get /two/api"),
        (&["--context", "two", "--cluster", "one"], "get /one/api"),
    ] {
        let server = serve();
        let (_, heard) = fetch(CONFIG, flags, &server).await;
        assert!(heard.contains(path), "{flags:?}: {heard}");
    }
    let server = serve();
    let address = format!("http://{}/three", server.address);
    for config in [CONFIG, "{}"] {
        let (_, heard) = fetch(config, &["--server", &address], &server).await;
        assert!(heard.contains("get /three/api"), "{heard}");
        server.requests.lock().unwrap().clear();
    }
}

#[tokio::test]
async fn impersonates_whom_it_is_told() {
    let server = serve();
    let flags = [
        "--as",
        "me",
        "--as-uid",
        "7",
        "--as-group",
        "a,b",
        "--as-group=c",
    ];
    let (_, heard) = fetch(CONFIG, &flags, &server).await;
    for header in [
        "impersonate-user: me",
        "impersonate-uid: 7",
        "impersonate-group: a",
        "impersonate-group: b",
        "impersonate-group: c",
    ] {
        assert!(heard.contains(header), "{header}: {heard}");
    }
    let server = serve();
    let (_, heard) = fetch(CONFIG, &["--user", "other"], &server).await;
    assert!(heard.contains("impersonate-user: somebody"), "{heard}");
}

#[tokio::test]
async fn is_told_the_same_by_the_environment() {
    let server = serve();
    let address = format!("http://{}/three", server.address);
    for (variables, expected) in [
        (&[("SEALED_SECRETS_CONTEXT", "two")][..], "get /two/api"),
        (&[("SEALED_SECRETS_CLUSTER", "two")], "get /two/api"),
        (&[("SEALED_SECRETS_SERVER", &address)], "get /three/api"),
        (
            &[("SEALED_SECRETS_USER", "other")],
            "impersonate-user: somebody",
        ),
        (&[("SEALED_SECRETS_AS", "me")], "impersonate-user: me"),
        (
            &[("SEALED_SECRETS_AS", "me"), ("SEALED_SECRETS_AS_UID", "7")],
            "impersonate-uid: 7",
        ),
    ] {
        let (_, heard) = fetch_in(variables, CONFIG, &[], &server).await;
        assert!(heard.contains(expected), "{variables:?}: {heard}");
        server.requests.lock().unwrap().clear();
    }
    let groups = [
        ("SEALED_SECRETS_AS", "me"),
        ("SEALED_SECRETS_AS_GROUP", "a,b"),
    ];
    let (_, heard) = fetch_in(&groups, CONFIG, &["--as-group", "c"], &server).await;
    for group in ["a", "b", "c"] {
        let header = format!("impersonate-group: {group}");
        assert!(heard.contains(&header), "{header}: {heard}");
    }
    server.requests.lock().unwrap().clear();
    let (_, heard) = fetch_in(&groups, CONFIG, &["--as", "you"], &server).await;
    assert!(heard.contains("impersonate-user: you"), "{heard}");
}

#[tokio::test]
async fn goes_through_the_proxy_it_is_given() {
    let server = serve();
    let proxy = format!("http://{}", server.address);
    let config = CONFIG.replace("$SERVER/one", "cluster.invalid/one");
    for (flags, variables) in [
        (&["--proxy-url", &proxy][..], &[][..]),
        (&[], &[("SEALED_SECRETS_PROXY_URL", &*proxy)]),
        // What is said of this very cluster counts more than what is said of all.
        (
            &["--proxy-url", &proxy],
            &[("NO_PROXY", "*"), ("HTTP_PROXY", "http://127.0.0.1:1")],
        ),
    ] {
        let (stderr, heard) = fetch_in(variables, &config, flags, &server).await;
        assert!(heard.contains("cluster.invalid"), "{heard}{stderr}");
        server.requests.lock().unwrap().clear();
    }
}

#[tokio::test]
async fn names_what_the_kubeconfig_lacks() {
    let server = serve();
    for (flags, error) in [
        (["--context", "x"], "error: context \"x\" does not exist\n"),
        (["--cluster", "x"], "error: cluster \"x\" does not exist\n"),
        (["--user", "x"], "error: auth info \"x\" does not exist\n"),
        (
            ["--request-timeout", "soon"],
            "error: Invalid timeout value. Timeout must be a single integer in seconds, or an integer \
             followed by a corresponding time unit (e.g. 1s | 2m | 3h)\n",
        ),
    ] {
        let (stderr, heard) = fetch(CONFIG, &flags, &server).await;
        assert_eq!((stderr.as_str(), heard.as_str()), (error, ""));
    }
}

#[tokio::test]
async fn gives_up_after_the_time_it_is_given() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let silent = std::thread::spawn(move || listener.accept().unwrap());
    let server = Server {
        address,
        requests: Arc::default(),
    };
    let start = std::time::Instant::now();
    let (stderr, _) = fetch(CONFIG, &["--request-timeout", "300ms"], &server).await;
    assert!(start.elapsed() < std::time::Duration::from_secs(9));
    assert!(
        stderr.starts_with("error: cannot get sealed secret service: "),
        "{stderr}"
    );
    drop(silent.join());
}
