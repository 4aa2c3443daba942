//! kubectl, on the server in memory and on the real one. Only `make real` says where kubectl is; without it these
//! scenarios say nothing.

use std::time::Duration;

use tests::{Cluster, Fixture, Kubectl, is_real, sealed_secret};

/// Plays on the server in memory and, with `make real`, on the real one too.
async fn on_both_servers(play: impl AsyncFn(&Cluster, &Kubectl)) {
    let key = Fixture::rsa2048();
    let mut clusters = vec![Cluster::in_memory().await];
    if is_real() {
        clusters.push(Cluster::empty().await);
    }
    for cluster in clusters {
        let cluster = cluster.with_keys(&[&key]).await;
        if let Some(kubectl) = Kubectl::of(&cluster) {
            play(&cluster, &kubectl).await;
        }
    }
}

/// The words of each line: columns are as wide as their cells.
fn cells(text: &str) -> Vec<Vec<&str>> {
    text.lines()
        .map(|line| line.split_whitespace().collect())
        .collect()
}

async fn says(kubectl: &Kubectl, words: &[&str], stdin: &str, text: &str) {
    let ended = kubectl.run(words, stdin).await;
    assert_eq!((ended.code, &*ended.stderr), (0, ""), "{words:?}");
    assert_eq!(ended.stdout.trim(), text, "{words:?}");
}

const SECRET: &str = "
apiVersion: v1
kind: Secret
metadata: {name: plain, labels: {app: db}}
data: {user: YW5u, password: eA==}
";

#[tokio::test(flavor = "multi_thread")]
async fn applies_a_core_object_again_and_again() {
    on_both_servers(async |cluster, kubectl| {
        let apply = ["apply", "-f", "-"];
        says(kubectl, &apply, SECRET, "secret/plain created").await;
        says(kubectl, &apply, SECRET, "secret/plain unchanged").await;
        let changed = SECRET
            .replace("password: eA==", "host: aA==")
            .replace("app: db", "app: web");
        says(kubectl, &apply, &changed, "secret/plain configured").await;
        let secret = cluster.secrets("shop").get("plain").await.unwrap();
        assert_eq!(secret.metadata.labels.unwrap()["app"], "web");
        let items: Vec<String> = secret.data.unwrap().into_keys().collect();
        assert_eq!(items, ["host", "user"]);
        let table = kubectl.run(&["get", "secrets", "plain"], "").await;
        let table = cells(&table.stdout);
        assert_eq!(table[0], ["NAME", "TYPE", "DATA", "AGE"]);
        assert_eq!(table[1][..2], ["plain", "Opaque"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_labels_describes_and_deletes_a_core_object() {
    on_both_servers(async |cluster, kubectl| {
        says(
            kubectl,
            &["create", "-f", "-"],
            SECRET,
            "secret/plain created",
        )
        .await;
        says(
            kubectl,
            &["label", "secret", "plain", "x=y"],
            "",
            "secret/plain labeled",
        )
        .await;
        let edit = ["edit", "secret", "plain"];
        let ended = kubectl
            .run_with_editor(&edit, "", "sed -i s/db$/edited/")
            .await;
        assert_eq!(
            (ended.code, ended.stdout.trim()),
            (0, "secret/plain edited"),
            "{}",
            ended.stderr
        );
        let secret = cluster.secrets("shop").get("plain").await.unwrap();
        let labels = secret.metadata.labels.unwrap();
        assert_eq!((&*labels["app"], &*labels["x"]), ("edited", "y"));
        let described = kubectl
            .run(&["describe", "secret", "plain"], "")
            .await
            .stdout;
        let lines = cells(&described);
        assert!(
            lines.contains(&vec!["password:", "1", "bytes"]),
            "{described}"
        );
        let gone = "secret \"plain\" deleted from shop namespace";
        says(kubectl, &["delete", "secret", "plain"], "", gone).await;
        let ended = kubectl.run(&["get", "secret", "plain"], "").await;
        assert_eq!(
            ended.stderr.trim(),
            "Error from server (NotFound): secrets \"plain\" not found"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn applies_a_sealed_secret_waits_for_it_and_shows_it() {
    let key = Fixture::rsa2048();
    on_both_servers(async |cluster, kubectl| {
        let apply = ["apply", "-f", "-"];
        let sealed = sealed_secret("db").item("a", "b", &key);
        let first = sealed.object().to_string();
        let name = "sealedsecret.bitnami.com/db";
        says(kubectl, &apply, &first, &format!("{name} created")).await;
        let wait = [
            "wait",
            "--for=condition=Synced",
            "sealedsecret/db",
            "--timeout=20s",
        ];
        says(kubectl, &wait, "", &format!("{name} condition met")).await;
        says(kubectl, &apply, &first, &format!("{name} unchanged")).await;
        let second = sealed.item("new", "c", &key).object().to_string();
        says(kubectl, &apply, &second, &format!("{name} configured")).await;
        cluster
            .secret_becomes("shop", "db", &[("a", "b"), ("new", "c")])
            .await;
        let table = kubectl.run(&["get", "sealedsecrets"], "").await;
        let table = cells(&table.stdout);
        assert_eq!(table[0], ["NAME", "STATUS", "SYNCED", "AGE"]);
        assert_eq!(table[1][..2], ["db", "True"]);
        cluster.event("shop", "db", "Unsealed").await;
        let described = kubectl
            .run(&["describe", "sealedsecret", "db"], "")
            .await
            .stdout;
        assert!(
            described.contains("SealedSecret unsealed successfully"),
            "{described}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_labels_watches_and_deletes_a_sealed_secret() {
    let key = Fixture::rsa2048();
    on_both_servers(async |cluster, kubectl| {
        cluster
            .create(sealed_secret("db").item("a", "b", &key).object())
            .await;
        cluster.condition("shop", "db", "Synced", "True").await;
        let name = "sealedsecret.bitnami.com/db";
        says(
            kubectl,
            &["label", "sealedsecret", "db", "x=first"],
            "",
            &format!("{name} labeled"),
        )
        .await;
        let edit = ["edit", "sealedsecret", "db"];
        let ended = kubectl
            .run_with_editor(&edit, "", "sed -i s/first/second/")
            .await;
        assert_eq!(
            (ended.code, ended.stdout.trim()),
            (0, &*format!("{name} edited")),
            "{}",
            ended.stderr
        );
        let watch = [
            "get",
            "sealedsecrets",
            "-w",
            "-L",
            "x",
            "--no-headers",
            "--request-timeout=3s",
        ];
        let relabel = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let words = ["label", "--overwrite", "sealedsecret", "db", "x=third"];
            says(kubectl, &words, "", &format!("{name} labeled")).await;
        };
        let (watched, ()) = tokio::join!(kubectl.run(&watch, ""), relabel);
        let seen: Vec<&str> = cells(&watched.stdout)
            .iter()
            .filter_map(|line| line.last().copied())
            .collect();
        assert_eq!(seen, ["second", "third"], "{}", watched.stderr);
        let gone = format!(
            "{} deleted from shop namespace",
            "sealedsecret.bitnami.com \"db\""
        );
        says(kubectl, &["delete", "sealedsecret", "db"], "", &gone).await;
        let wait = ["wait", "--for=delete", "secret/db", "--timeout=20s"];
        let ended = kubectl.run(&wait, "").await;
        assert_eq!(ended.code, 0, "{}", ended.stderr);
    })
    .await;
}

/// The guide's own command, for those who go back: upstream never touches what it does not know.
#[tokio::test(flavor = "multi_thread")]
async fn removes_ready_as_the_guide_says() {
    let guide = include_str!("../../docs/migrate.md");
    let (_, way_back) = guide.split_once("\n## Back\n").unwrap();
    let (_, script) = way_back.split_once("```sh\n").unwrap();
    let (script, _) = script.split_once("```").unwrap();
    let (key, mut cluster) = (Fixture::rsa2048(), Cluster::empty().await);
    cluster = cluster.with_keys(&[&key]).await;
    let Some(kubectl) = Kubectl::of(&cluster) else {
        return;
    };
    for name in ["a", "b"] {
        let sealed = sealed_secret(name).item("a", "b", &key);
        cluster.create(sealed.object()).await;
        cluster.condition("shop", name, "Ready", "True").await;
    }
    cluster.stop_controller().await;
    // As upstream leaves an object that it made.
    cluster
        .create(sealed_secret("old").item("a", "b", &key).object())
        .await;
    let synced = serde_json::json!({ "conditions": [{ "type": "Synced", "status": "True" }] });
    cluster.write_status("shop", "old", synced).await;
    kubectl.script(script).await;
    for name in ["a", "b", "old"] {
        let object = cluster.sealed_secrets("shop").get(name).await.unwrap();
        let conditions = object.data["status"]["conditions"].as_array().unwrap();
        let types: Vec<_> = conditions
            .iter()
            .map(|condition| condition["type"].as_str())
            .collect();
        assert_eq!(types, [Some("Synced")], "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn says_what_the_controller_may_do() {
    if !is_real() {
        return; // only the real server knows rights
    }
    let cluster = Cluster::empty().await;
    let kubectl = Kubectl::of(&cluster).expect("kubectl comes with the control plane");
    let controller = "--as=system:serviceaccount:kube-system:sealed-secrets-controller";
    for (answer, question) in [
        ("yes", "list secrets"),
        ("yes", "update sealedsecrets --subresource=status"),
        ("no", "patch sealedsecrets --subresource=status"),
        ("no", "update sealedsecrets"),
        ("no", "create pods"),
        ("no", "get configmaps"),
    ] {
        let words = ["auth", "can-i", controller];
        let words: Vec<&str> = words.into_iter().chain(question.split(' ')).collect();
        let ended = kubectl.run(&words, "").await;
        assert_eq!(ended.stdout.trim(), answer, "{question}: {}", ended.stderr);
    }
}
