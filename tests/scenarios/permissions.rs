//! What the controller may do, and how it does without what it may not. Only a real control plane knows rights.

use std::collections::BTreeSet;

use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role};
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use serde_json::{Value, json};
use tests::{
    Cluster, Fixture, KEY_NAMESPACE, Process, Request, is_real, key_secret, sealed_secret,
};

use crate::process::{CONTROLLER, NO_RENEWAL};

const UNSEALER: &str = "secrets-unsealer";

/// The rules of upstream's ClusterRole, word for word.
fn upstreams_rules() -> Value {
    json!([
        { "apiGroups": ["bitnami.com"], "resources": ["sealedsecrets"], "verbs": ["get", "list", "watch"] },
        { "apiGroups": ["bitnami.com"], "resources": ["sealedsecrets/status"], "verbs": ["update"] },
        { "apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "create", "update", "delete", "watch"] },
        { "apiGroups": [""], "resources": ["events"], "verbs": ["create", "patch"] },
        { "apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"] },
    ])
}

/// A server of our own, since what is allowed there changes.
async fn with_upstreams_roles() -> Option<Cluster> {
    if !is_real() {
        return None;
    }
    let cluster = Cluster::alone().await;
    let roles: Api<ClusterRole> = Api::all(cluster.client.clone());
    let role = roles.get(UNSEALER).await.unwrap();
    assert_eq!(json!(role.rules), upstreams_rules());
    let keys: Api<Role> = Api::namespaced(cluster.client.clone(), KEY_NAMESPACE);
    let role = keys.get("sealed-secrets-key-admin").await.unwrap();
    let rules =
        json!([{ "apiGroups": [""], "resources": ["secrets"], "verbs": ["create", "list"] }]);
    assert_eq!(json!(role.rules), rules);
    Some(cluster)
}

fn forbidden(requests: &[Request]) -> Vec<String> {
    let refused = requests.iter().filter(|request| request.code == 403);
    let told = |request: &Request| {
        let [namespace, resource] = ["namespace", "resource"].map(|part| &request.object[part]);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        format!("{} {}/{}", request.verb, text(namespace), text(resource))
    };
    let all: BTreeSet<String> = refused.map(told).collect();
    all.into_iter().collect()
}

/// How often the log says that something cannot be done.
fn complaints(log: &str) -> Vec<&str> {
    log.lines()
        .filter(|line| line.contains("msg=\"cannot "))
        .collect()
}

/// A life with everything in it: keys that come, go and are made, objects that come, change, fail and go, Secrets
/// that others change and delete.
async fn live(cluster: &Cluster, process: &Process, key: &Fixture) {
    let unreadable = json!({
        "metadata": {
            "name": "unreadable", "namespace": KEY_NAMESPACE,
            "labels": { "sealedsecrets.bitnami.com/sealed-secrets-key": "active" },
        },
        "stringData": { "tls.key": "none", "tls.crt": "none" },
    });
    cluster
        .create_secret(&serde_json::from_value(unreadable).unwrap())
        .await;
    process.logs("ErrKeyInvalid").await;
    process.signal("USR1");
    process.logs("New key written").await;

    let sealed = |name: &str, value: &str| sealed_secret(name).item("a", value, key);
    cluster.create(sealed("db", "1").object()).await;
    cluster.secret_becomes("shop", "db", &[("a", "1")]).await;
    cluster.edit("shop", "db", sealed("db", "2").spec()).await;
    cluster.secret_becomes("shop", "db", &[("a", "2")]).await;
    cluster
        .patch_secret("shop", "db", json!({ "stringData": { "a": "changed" } }))
        .await;
    cluster.secret_becomes("shop", "db", &[("a", "2")]).await;
    cluster
        .secrets("shop")
        .delete("db", &DeleteParams::default())
        .await
        .unwrap();
    cluster.secret_becomes("shop", "db", &[("a", "2")]).await;

    cluster.create_foreign("foreign", &[]).await;
    cluster.create(sealed("foreign", "1").object()).await;
    cluster
        .condition("shop", "foreign", "Synced", "False")
        .await;
    cluster
        .create(sealed("other", "1").renamed("renamed").object())
        .await;
    cluster
        .condition("shop", "renamed", "Synced", "False")
        .await;
    cluster.delete("shop", "db").await;
    cluster.gone("shop", "db").await;
    process.signal("TERM");
}

#[tokio::test]
async fn needs_no_more_than_upstreams_roles() {
    let Some(cluster) = with_upstreams_roles().await else {
        return;
    };
    let key = Fixture::rsa2048();
    cluster.create_secret(&key_secret(&key)).await;
    let words = [
        NO_RENEWAL,
        "--key-size=2048",
        "--additional-namespaces=shop,late",
    ];
    for words in [&words[..2], &words] {
        let process = Process::start(CONTROLLER, &cluster, words).await;
        live(&cluster, &process, &key).await;
        let ended = process.end().await;
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert_eq!(
            complaints(&(ended.stdout + &ended.stderr)),
            Vec::<&str>::new()
        );
        cluster.clear().await;
        cluster.create_secret(&key_secret(&key)).await;
    }
    let requests = cluster.requests();
    assert!(
        requests.len() > 50,
        "the audit log holds {} requests",
        requests.len()
    );
    assert_eq!(forbidden(&requests), Vec::<String>::new());
    assert!(
        !requests
            .iter()
            .any(|request| request.verb.starts_with("delete"))
    );
    assert_eq!(cluster.requests_of("system:anonymous"), 0);
}

/// The chart's roles for namespaces, which leave the controller's own to the key Role.
/// <https://github.com/bitnami/sealed-secrets/issues/1541>
#[tokio::test]
async fn stays_inside_its_namespaces() {
    let Some(cluster) = with_upstreams_roles().await else {
        return;
    };
    let bindings: Api<ClusterRoleBinding> = Api::all(cluster.client.clone());
    bindings
        .delete(tests::SERVICE, &DeleteParams::default())
        .await
        .unwrap();
    cluster.create_namespace("two").await;
    for namespace in ["shop", "two"] {
        cluster.create_from_yaml(&namespaced_role(namespace)).await;
    }
    let words = [
        NO_RENEWAL,
        "--key-size=2048",
        "--additional-namespaces=shop,two",
    ];
    let process = Process::start(CONTROLLER, &cluster, &words).await;
    process.logs("New key written").await;
    let made = cluster
        .secrets(KEY_NAMESPACE)
        .get("sealed-secrets-keyfirst")
        .await;
    let key = Fixture::of(&made.unwrap());
    for namespace in ["shop", "two"] {
        let sealed = sealed_secret("db")
            .in_namespace(namespace)
            .item("a", "b", &key);
        cluster.create(sealed.object()).await;
        cluster.condition(namespace, "db", "Ready", "True").await;
    }
    // A key that others bring is found by listing.
    let (brought, sealed) = (Fixture::rsa2048(), sealed_secret("other"));
    cluster
        .create(sealed.item("a", "b", &brought).object())
        .await;
    cluster.condition("shop", "other", "Synced", "False").await;
    cluster.create_secret(&key_secret(&brought)).await;
    cluster.condition("shop", "other", "Synced", "True").await;
    process.signal("TERM");
    let ended = process.end().await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);

    let requests = cluster.requests();
    for request in &requests {
        let namespace = request.object["namespace"].as_str();
        let is_inside =
            namespace.is_some_and(|name| [KEY_NAMESPACE, "shop", "two"].contains(&name));
        assert!(is_inside, "{request:?}");
    }
    let refused = [
        "list kube-system/sealedsecrets",
        "watch kube-system/secrets",
    ];
    assert_eq!(forbidden(&requests), refused);
    let log = ended.stdout + &ended.stderr;
    let told = complaints(&log);
    assert_eq!(told.len(), 3, "{told:#?}"); // SealedSecrets, Secrets, key Secrets
}

/// <https://github.com/bitnami/sealed-secrets/issues/1091>
#[tokio::test]
async fn works_without_watching_secrets() {
    let Some(cluster) = with_upstreams_roles().await else {
        return;
    };
    let key = Fixture::rsa2048();
    let roles: Api<ClusterRole> = Api::all(cluster.client.clone());
    let mut role = roles.get(UNSEALER).await.unwrap();
    let rules = role.rules.iter_mut().flatten();
    let of_secrets =
        |resources: &Option<Vec<String>>| resources.as_deref() == Some(&["secrets".to_owned()]);
    for rule in rules.filter(|rule| of_secrets(&rule.resources)) {
        rule.verbs
            .retain(|verb| verb != "watch" && verb != "delete");
    }
    roles
        .replace(UNSEALER, &PostParams::default(), &role)
        .await
        .unwrap();
    cluster.create_secret(&key_secret(&key)).await;
    let process = Process::start(CONTROLLER, &cluster, &[NO_RENEWAL]).await;
    cluster
        .create(sealed_secret("db").item("a", "b", &key).object())
        .await;
    cluster.condition("shop", "db", "Ready", "True").await;
    cluster
        .secrets("shop")
        .delete("db", &DeleteParams::default())
        .await
        .unwrap();
    cluster.secret_becomes("shop", "db", &[("a", "b")]).await;
    process.signal("TERM");
    let ended = process.end().await;
    assert_eq!(
        forbidden(&cluster.requests()),
        ["watch /secrets", "watch kube-system/secrets"]
    );
    let log = ended.stdout + &ended.stderr;
    let told = complaints(&log);
    assert_eq!(told.len(), 2, "{told:#?}");
}

/// What the chart gives a controller in one namespace.
fn namespaced_role(namespace: &str) -> String {
    let mut rules = upstreams_rules();
    rules[4]["resourceNames"] = json!(["shop", "two"]);
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": { "name": UNSEALER, "namespace": namespace }, "rules": rules,
    });
    format!("{role}\n---\n{}", binding(namespace, UNSEALER))
}

fn binding(namespace: &str, role: &str) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": { "name": role, "namespace": namespace },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role },
        "subjects": [{ "kind": "ServiceAccount", "name": tests::SERVICE, "namespace": KEY_NAMESPACE }],
    })
}
