//! The status says what is true.

use kube::ResourceExt;
use kube::api::PostParams;
use serde_json::json;
use tests::{Cluster, Fixture, eventually, is_real, sealed_secret};

#[tokio::test]
async fn says_synced_first_and_then_ready() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    cluster
        .create(sealed_secret("db").item("a", "b", &key).object())
        .await;
    let synced = cluster.condition("shop", "db", "Synced", "True").await;
    assert_eq!((synced.get("reason"), synced.get("message")), (None, None));
    assert_eq!(synced["lastUpdateTime"], synced["lastTransitionTime"]);
    let ready = cluster.condition("shop", "db", "Ready", "True").await;
    assert_eq!(ready["reason"], "Unsealed");
    let object = cluster.sealed_secrets("shop").get("db").await.unwrap();
    assert_eq!(object.data["status"]["conditions"][0]["type"], "Synced");
    assert_eq!(object.data["status"]["observedGeneration"], 1);
    cluster.ends_as("says-synced-first-and-then-ready").await;
}

#[tokio::test]
async fn clears_the_message_when_the_object_recovers() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    cluster
        .create(sealed_secret("db").raw_item("a", "AgA=".into()).object())
        .await;
    cluster.condition("shop", "db", "Synced", "False").await;
    cluster
        .edit(
            "shop",
            "db",
            sealed_secret("db").item("a", "b", &key).spec(),
        )
        .await;
    let synced = cluster.condition("shop", "db", "Synced", "True").await;
    assert_eq!(synced.get("message"), None);
    cluster
        .ends_as("clears-the-message-when-the-object-recovers")
        .await;
}

#[tokio::test]
async fn keeps_the_secret_of_the_last_good_version() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    cluster
        .create(sealed_secret("db").item("a", "b", &key).object())
        .await;
    cluster.secret("shop", "db").await;
    cluster
        .edit(
            "shop",
            "db",
            sealed_secret("db").raw_item("a", "AgA=".into()).spec(),
        )
        .await;
    cluster.condition("shop", "db", "Synced", "False").await;
    cluster.secret_becomes("shop", "db", &[("a", "b")]).await;
    cluster
        .ends_as("keeps-the-secret-of-the-last-good-version")
        .await;
}

#[tokio::test]
async fn tells_the_beginning_of_what_is_too_long_to_tell() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    let broken = (0..12_000).map(|index| (format!("item{index}"), json!("{{")));
    let broken: serde_json::Map<_, _> = broken.collect();
    let sealed = sealed_secret("db").item("a", "b", &key);
    let templates = sealed.clone().template(json!({ "data": broken }));
    cluster.create(templates.object()).await;
    let synced = cluster.condition("shop", "db", "Synced", "False").await;
    let message = synced["message"].as_str().unwrap();
    assert!((4000..=4096).contains(&message.len()), "{}", message.len());
    assert!(message.ends_with(" bytes more)"), "{message}");
    let event = cluster.event("shop", "db", "ErrUnsealFailed").await;
    assert!((900..=1024).contains(&event.len()), "{}", event.len());
    assert!(event.ends_with(" bytes more)"), "{event}");
    cluster.edit("shop", "db", sealed.spec()).await;
    let synced = cluster.condition("shop", "db", "Synced", "True").await;
    assert_eq!(synced.get("message"), None);
    cluster
        .ends_as("tells-the-beginning-of-what-is-too-long-to-tell")
        .await;
}

#[tokio::test]
async fn says_that_the_owners_of_a_template_are_not_applied() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    let gone = json!({ "apiVersion": "v1", "kind": "Pod", "name": "gone", "uid": "gone" });
    let skip = json!({ "sealedsecrets.bitnami.com/skip-set-owner-references": "true" });
    for (name, annotations, owners) in [("owned", json!({}), 1), ("unowned", skip, 0)] {
        let metadata = json!({ "annotations": annotations, "ownerReferences": [gone] });
        let sealed = sealed_secret(name).item("a", "b", &key);
        let template = json!({ "metadata": metadata });
        cluster.create(sealed.template(template).object()).await;
        let ready = cluster.condition("shop", name, "Ready", "True").await;
        let text = "template.metadata.ownerReferences are not applied";
        assert_eq!(ready["message"], text);
        let synced = cluster.condition("shop", name, "Synced", "True").await;
        assert_eq!(synced.get("message"), None);
        let event = cluster.event("shop", name, "OwnerReferencesIgnored").await;
        assert_eq!(event, text);
        let secret = cluster.secrets("shop").get(name).await.unwrap();
        assert_eq!(secret.owner_references().len(), owners);
    }
    cluster
        .ends_as("says-that-the-owners-of-a-template-are-not-applied")
        .await;
}

/// A policy that quotes the value of every Secret of one name; only a real server has policies.
const QUOTING: &str = r#"
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: quoting.example.com}
spec:
  matchConstraints: {resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [secrets]}]}
  matchConditions: [{name: name, expression: "object.metadata.name == 'policed'"}]
  validations: [{expression: "false", messageExpression: "'it holds ' + string(object.data['a'])"}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: quoting}
spec: {policyName: quoting.example.com, validationActions: [Deny]}
"#;

#[tokio::test]
async fn passes_on_no_words_of_an_admission_policy() {
    if !is_real() {
        return;
    }
    let key = Fixture::rsa2048();
    let cluster = Cluster::alone().await.with_keys(&[&key]).await;
    cluster.create_from_yaml(QUOTING).await;
    let secret = serde_json::from_value(json!({
        "metadata": { "name": "policed", "namespace": "shop" }, "data": { "a": "czNjcmV0" },
    }))
    .unwrap();
    let secrets = cluster.secrets("shop");
    eventually("the policy is in force", async || {
        let refused = secrets.create(&PostParams::default(), &secret).await.err();
        if refused.is_none() {
            secrets
                .delete("policed", &Default::default())
                .await
                .unwrap();
        }
        // it does quote
        refused.filter(|error| format!("{error:?}").contains("it holds"))
    })
    .await;
    let sealed = sealed_secret("policed").item("a", "s3cret", &key);
    cluster.create(sealed.object()).await;
    let synced = cluster
        .condition("shop", "policed", "Synced", "False")
        .await;
    let text = "secrets \"policed\" is forbidden: ValidatingAdmissionPolicy 'quoting.example.com' with binding \
        'quoting' denied request";
    assert_eq!(synced["message"], text);
    let event = cluster.event("shop", "policed", "ErrUpdateFailed").await;
    assert_eq!(event, text);
}

#[tokio::test]
async fn survives_that_somebody_else_writes_the_status_at_the_same_time() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    cluster
        .create(sealed_secret("db").item("a", "b", &key).object())
        .await;
    for _ in 0..20 {
        let mut object = cluster.sealed_secrets("shop").get("db").await.unwrap();
        object.data["status"] =
            json!({ "conditions": [{ "type": "Synced", "status": "False", "message": "stale" }] });
        _ = cluster
            .sealed_secrets("shop")
            .replace_status("db", &PostParams::default(), &object)
            .await;
        let value = format!("v{}", object.resource_version().unwrap());
        cluster
            .edit(
                "shop",
                "db",
                sealed_secret("db").item("a", &value, &key).spec(),
            )
            .await;
    }
    let synced = cluster.condition("shop", "db", "Synced", "True").await;
    assert_eq!(synced.get("message"), None);
}

#[tokio::test]
async fn is_told_although_somebody_else_was_faster() {
    let key = Fixture::rsa4096();
    let cluster = Cluster::start(&[&key]).await;
    let items = (0..60).map(|index| format!("item{index}"));
    // so many that the other write comes while they are opened
    let sealed = items.fold(sealed_secret("db"), |sealed, item| {
        sealed.item(&item, "b", &key)
    });
    cluster.create(sealed.object()).await;
    let stale =
        json!({ "conditions": [{ "type": "Synced", "status": "False", "message": "stale" }] });
    cluster.write_status("shop", "db", stale).await;
    let synced = cluster.condition("shop", "db", "Synced", "True").await;
    assert_eq!(synced.get("message"), None);
    cluster
        .ends_as("is-told-although-somebody-else-was-faster")
        .await;
}

#[tokio::test]
async fn falls_silent_when_all_is_in_sync() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    cluster
        .create(sealed_secret("db").item("a", "b", &key).object())
        .await;
    cluster.condition("shop", "db", "Ready", "True").await;
    let mut before = cluster.writes();
    // The Event comes beside the status: wait until nothing moves, then see that nothing moves.
    eventually("the cluster is at rest", async || {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        let now = cluster.writes();
        let at_rest = now == before;
        before = now;
        at_rest.then_some(())
    })
    .await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert_eq!(cluster.writes(), before);
    cluster.ends_as("falls-silent-when-all-is-in-sync").await;
}

#[tokio::test]
async fn counts_an_event_that_comes_again() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    let bad = sealed_secret("db").raw_item("a", "AgA=".into());
    let good = sealed_secret("db").item("a", "b", &key);
    cluster.create(bad.object()).await;
    cluster.condition("shop", "db", "Synced", "False").await;
    cluster.edit("shop", "db", good.spec()).await;
    cluster.condition("shop", "db", "Synced", "True").await;
    cluster.edit("shop", "db", bad.spec()).await;
    cluster.condition("shop", "db", "Synced", "False").await;
    let event = eventually("the Event counts two", async || {
        let events = cluster.events("shop", "db").await;
        let mut failed = events
            .into_iter()
            .filter(|event| event.reason.as_deref() == Some("ErrUnsealFailed"));
        failed
            .next()
            .filter(|event| event.count == Some(2) && failed.next().is_none())
    })
    .await;
    let source = event.source.unwrap();
    assert_eq!(source.component.as_deref(), Some("sealed-secrets"));
    let object = cluster.sealed_secrets("shop").get("db").await.unwrap();
    let involved = event.involved_object;
    assert_eq!(
        (involved.kind.as_deref(), involved.uid),
        (Some("SealedSecret"), object.metadata.uid)
    );
    assert_eq!(
        involved.api_version.as_deref(),
        Some("bitnami.com/v1alpha1")
    );
    cluster.ends_as("counts-an-event-that-comes-again").await;
}
