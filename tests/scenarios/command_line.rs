//! kubeseal and the cluster.

use serde_json::Value;
use tests::{Cluster, Fixture, kubeseal};

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
