//! kubeseal and the cluster.

use std::io::Write;

use serde_json::{Value, json};
use tests::{Cluster, Fixture, Oracle, kubeseal};

#[tokio::test]
async fn seals_to_the_certificate_of_the_cluster() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    let file = cluster.kubeconfig();
    let path = file.path().to_str().unwrap();
    let secret = "apiVersion: v1\nkind: Secret\nmetadata:\n  creationTimestamp: null\n  name: s\ndata:\n  a: Yg==\n";
    let ended = kubeseal(&["--kubeconfig", path], secret).await;
    assert_eq!((ended.code, &*ended.stderr), (0, ""));
    let mut sealed: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(sealed["metadata"]["namespace"], "default");
    sealed["metadata"]["namespace"] = "default".into();
    cluster.create(sealed).await;
    cluster.secret_becomes("default", "s", &[("a", "b")]).await;
}

#[tokio::test]
async fn fetches_the_certificate_as_it_is_served() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    let file = cluster.kubeconfig_of_anybody();
    let ended = kubeseal(
        &[
            "--fetch-cert",
            "--kubeconfig",
            file.path().to_str().unwrap(),
        ],
        "",
    )
    .await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.stdout.trim(), key.certificate.trim());
}

#[tokio::test]
async fn says_how_to_find_a_controller_that_is_not_where_it_was_looked_for() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    let file = cluster.kubeconfig();
    let path = file.path().to_str().unwrap();
    let ended = kubeseal(
        &[
            "--fetch-cert",
            "--kubeconfig",
            path,
            "--controller-name",
            "other",
        ],
        "",
    )
    .await;
    assert_eq!((ended.code, &*ended.stdout), (1, ""));
    let text = "error: cannot get sealed secret service: services \"other\" not found.\n\
                Please, use the flag --controller-name and --controller-namespace to set up the name and namespace \
                of the sealed secrets controller\n";
    assert_eq!(ended.stderr, text);
}

#[tokio::test]
async fn says_in_one_line_that_the_cluster_cannot_be_reached() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::alone().await.with_keys(&[&key]).await;
    let file = cluster.kubeconfig();
    drop(cluster);
    let ended = kubeseal(
        &[
            "--fetch-cert",
            "--kubeconfig",
            file.path().to_str().unwrap(),
        ],
        "",
    )
    .await;
    assert_eq!((ended.code, &*ended.stdout), (1, ""));
    assert!(
        ended
            .stderr
            .starts_with("error: cannot get sealed secret service: "),
        "{}",
        ended.stderr
    );
}

/// A kubeconfig that leads to the same server, and whose user is this.
fn with_user(kubeconfig: &str, user: &Value) -> tempfile::NamedTempFile {
    let mut config: Value = serde_saphyr::from_str(kubeconfig).unwrap();
    for named in config["users"].as_array_mut().unwrap() {
        named["user"] = user.clone();
    }
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(config.to_string().as_bytes()).unwrap();
    file
}

#[cfg(unix)]
#[tokio::test]
async fn asks_an_exec_plugin_for_its_token() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::in_memory().await.with_keys(&[&key]).await;
    let text = std::fs::read_to_string(cluster.kubeconfig().path()).unwrap();
    let config: Value = serde_saphyr::from_str(&text).unwrap();
    let token = &config["users"][0]["user"]["token"];
    let credential = json!({
        "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": token},
    });
    let plugin = json!({ "exec": {
        "apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "interactiveMode": "Never",
        "args": ["-c", format!("echo '{credential}'")],
    }});
    for (user, code) in [(plugin, 0), (json!({}), 1)] {
        let file = with_user(&text, &user);
        let words = [
            "--fetch-cert",
            "--kubeconfig",
            file.path().to_str().unwrap(),
        ];
        let ended = kubeseal(&words, "").await;
        assert_eq!(ended.code, code, "{}", ended.stderr);
    }
}

#[tokio::test]
async fn takes_a_token_in_place_of_the_kubeconfig_s_own() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::in_memory().await.with_keys(&[&key]).await;
    let text = std::fs::read_to_string(cluster.kubeconfig().path()).unwrap();
    let config: Value = serde_saphyr::from_str(&text).unwrap();
    let token = config["users"][0]["user"]["token"].as_str().unwrap();
    let file = with_user(&text, &json!({ "token": "wrong" }));
    let path = file.path().to_str().unwrap();
    let words = ["--fetch-cert", "--kubeconfig", path];
    assert_eq!(kubeseal(&words, "").await.code, 1);
    let words = [&words[..], &["--token", token]].concat();
    let ended = kubeseal(&words, "").await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
}

#[tokio::test]
async fn takes_a_token_from_a_file_that_ends_in_a_line_break() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::in_memory().await.with_keys(&[&key]).await;
    let text = std::fs::read_to_string(cluster.kubeconfig().path()).unwrap();
    let config: Value = serde_saphyr::from_str(&text).unwrap();
    let token = config["users"][0]["user"]["token"].as_str().unwrap();
    let mut kept = tempfile::NamedTempFile::new().unwrap();
    writeln!(kept, "{token}").unwrap();
    let file = with_user(&text, &json!({ "tokenFile": kept.path() }));
    let words = [
        "--fetch-cert",
        "--kubeconfig",
        file.path().to_str().unwrap(),
    ];
    let ended = kubeseal(&words, "").await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
}

/// What kubeseal prints for a Secret, opened by an implementation that shares no code with it.
async fn sealed_and_opened(secret: &Value, words: &[&str], label: &str) -> Vec<(String, Vec<u8>)> {
    let key = Fixture::rsa2048();
    let oracle = Oracle::from_pem(&key.private_key);
    let mut certificate = tempfile::NamedTempFile::new().unwrap();
    certificate.write_all(key.certificate.as_bytes()).unwrap();
    let path = certificate.path().to_str().unwrap();
    let words = [&["--cert", path], words].concat();
    let ended = kubeseal(&words, secret.to_string()).await;
    assert_eq!((ended.code, &*ended.stderr), (0, ""));
    let sealed: Value = serde_json::from_str(&ended.stdout).unwrap();
    let open = |(name, value): (&String, &Value)| {
        let envelope = sealing::base64::decode(value.as_str().unwrap()).unwrap();
        let opened = oracle.open(&envelope, label.as_bytes());
        (name.clone(), opened.expect("it opens"))
    };
    assert_eq!(sealed["spec"]["template"]["type"], secret["type"]);
    let items = sealed["spec"]["encryptedData"].as_object().unwrap();
    items.iter().map(open).collect()
}

#[tokio::test]
async fn another_implementation_opens_what_is_sealed() {
    let types = [
        ("Opaque", "a"),
        ("kubernetes.io/service-account-token", "token"),
        ("kubernetes.io/dockercfg", ".dockercfg"),
        ("kubernetes.io/dockerconfigjson", ".dockerconfigjson"),
        ("kubernetes.io/basic-auth", "password"),
        ("kubernetes.io/ssh-auth", "ssh-privatekey"),
        ("kubernetes.io/tls", "tls.key"),
        ("bootstrap.kubernetes.io/token", "token-secret"),
        ("helm.sh/release.v1", "release"),
    ];
    let binary: Vec<u8> = (0..=255).collect();
    let large = binary.repeat(4096); // a mebibyte
    for (index, (type_, item)) in types.into_iter().enumerate() {
        let value = if index == 0 { &large } else { &binary };
        let data = json!({ item: sealing::base64::encode(value) });
        let secret = json!({ "metadata": { "name": "däb", "namespace": "läden" }, "type": type_, "data": data });
        for (scope, label) in [
            ("strict", "läden/däb"),
            ("namespace-wide", "läden"),
            ("cluster-wide", ""),
        ] {
            let opened = sealed_and_opened(&secret, &["--scope", scope], label).await;
            assert_eq!(
                opened,
                [(item.to_owned(), value.clone())],
                "{type_}, {scope}"
            );
        }
    }
}

#[tokio::test]
async fn empty_data_is_sealed_when_it_is_allowed() {
    let secret = json!({ "metadata": { "name": "db", "namespace": "shop" } });
    let opened = sealed_and_opened(&secret, &["--allow-empty-data"], "shop/db").await;
    assert_eq!(opened, []);
}

/// <https://github.com/bitnami-labs/sealed-secrets/issues/870>
#[tokio::test]
async fn validates_many_files_under_the_limit() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    let file = cluster.kubeconfig();
    let path = file.path().to_str().unwrap();
    let sealed = tests::sealed_secret("db").item("a", "b", &key).object();
    let input = format!("{sealed}\n").repeat(5);
    let ended = kubeseal(&["--validate", "--kubeconfig", path], input).await;
    assert_eq!((ended.code, &*ended.stderr), (0, ""));
}

#[tokio::test]
async fn what_was_re_encrypted_opens_in_the_cluster() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    let file = cluster.kubeconfig();
    let path = file.path().to_str().unwrap();
    let sealed = tests::sealed_secret("db").item("a", "b", &key).object();
    let ended = kubeseal(&["--re-encrypt", "--kubeconfig", path], sealed.to_string()).await;
    assert_eq!((ended.code, &*ended.stderr), (0, ""));
    let again: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_ne!(
        again["spec"]["encryptedData"],
        sealed["spec"]["encryptedData"]
    );
    cluster.create(again).await;
    cluster.secret_becomes("shop", "db", &[("a", "b")]).await;
}

#[tokio::test]
async fn annotations_survive_sealing_applying_and_unsealing() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    let file = cluster.kubeconfig();
    let path = file.path().to_str().unwrap();
    let annotations = json!({
        "yes": "yes", "number": "1_000", "hex": "0x1F", "date": "2024-01-01",
        "long": "two hundred letters and spaces ".repeat(8), "lines": "one\n  two\n\nthree\n",
        "quotes": "it's \"quoted\": # not a comment", "fruit": "\u{1F350}",
    });
    let secret = json!({
        "metadata": { "name": "db", "namespace": "shop", "annotations": annotations },
        "stringData": { "a": "b" },
    });
    let words = ["--kubeconfig", path, "-o", "yaml"];
    let ended = kubeseal(&words, secret.to_string()).await;
    assert_eq!((ended.code, &*ended.stderr), (0, ""));
    let sealed: Value = serde_saphyr::from_str(&ended.stdout).unwrap();
    cluster.create(sealed).await;
    cluster.secret_becomes("shop", "db", &[("a", "b")]).await;
    let opened = cluster.secrets("shop").get("db").await.unwrap();
    assert_eq!(json!(opened.metadata.annotations), annotations);
}

#[tokio::test]
async fn names_the_item_that_the_controller_cannot_open() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    let file = cluster.kubeconfig();
    let path = file.path().to_str().unwrap();
    let good = tests::sealed_secret("db").item("a", "b", &key).object();
    let mut bad = tests::sealed_secret("web").item("a", "b", &key).object();
    bad["spec"]["encryptedData"]["c"] = good["spec"]["encryptedData"]["a"].clone();
    let words = ["--validate", "--kubeconfig", path];
    let ended = kubeseal(&words, format!("{bad}\n{good}\n")).await;
    assert_eq!((ended.code, &*ended.stdout), (1, ""));
    let text = "error: unable to decrypt sealed secret: web\n  document 1, item `c`: ";
    assert!(ended.stderr.starts_with(text), "{}", ended.stderr);
    assert!(!ended.stderr.contains("item `a`"), "{}", ended.stderr);
}

/// A file with what Git keeps: comments, anchors, two documents, the line endings of Windows.
fn written(first: &Value, second: &Value) -> String {
    let item = |object: &Value| {
        let item = &object["spec"]["encryptedData"]["a"];
        item.as_str().unwrap().to_owned()
    };
    let text = format!(
        "# of the shop\napiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: &names\n  name: db\n  \
         namespace: shop\nspec:\n  encryptedData:\n    # the old one\n    a: {}\n  template:\n    metadata: *names\n---\n\
         apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {{name: web, namespace: shop}}\nspec:\n  \
         encryptedData:\n    a: {}\n",
        item(first),
        item(second)
    );
    text.replace('\n', "\r\n")
}

/// How many lines are new and how many are gone, as `git diff --numstat` counts them.
fn changed_lines(before: &str, after: &str) -> (usize, usize) {
    let missing = |of: &str, from: &str| {
        let lines = of.split('\n');
        lines
            .filter(|line| !from.split('\n').any(|other| other == *line))
            .count()
    };
    (missing(after, before), missing(before, after))
}

#[tokio::test]
async fn files_change_by_the_line_and_open_in_the_cluster() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    let file = cluster.kubeconfig();
    let path = file.path().to_str().unwrap();
    let [db, web] =
        ["db", "web"].map(|name| tests::sealed_secret(name).item("a", "b", &key).object());
    let mut text = written(&db, &web);
    let mut target = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    target.write_all(text.as_bytes()).unwrap();
    let place = target.path().to_str().unwrap();
    let merge = ["--merge-into", place];
    let re_encrypt = ["--re-encrypt", "-f", place];
    for (words, input, expected) in [
        (
            &merge[..],
            "metadata: {name: db}\nstringData: {a: new}\n",
            (1, 1),
        ),
        (
            &merge,
            "metadata: {name: db}\nstringData: {b: more}\n",
            (1, 0),
        ),
        (&re_encrypt, "", (3, 3)),
    ] {
        let words = [words, &["--kubeconfig", path]].concat();
        let ended = kubeseal(&words, input).await;
        assert_eq!((ended.code, &*ended.stderr), (0, ""));
        let after = std::fs::read_to_string(place).unwrap();
        assert_eq!(changed_lines(&text, &after), expected, "{after}");
        text = after;
    }
    for document in text.split("---\r\n") {
        let sealed: Value = serde_saphyr::from_str(document).unwrap();
        cluster.create(sealed).await;
    }
    cluster
        .secret_becomes("shop", "db", &[("a", "new"), ("b", "more")])
        .await;
    cluster.secret_becomes("shop", "web", &[("a", "b")]).await;
}
