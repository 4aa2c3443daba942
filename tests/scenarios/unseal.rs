//! A SealedSecret becomes a Secret, follows it, and goes with it.

use std::time::Duration;

use controller::Config;
use kube::ResourceExt;
use kube::api::DeleteParams;
use serde_json::json;
use tests::{Cluster, Fixture, Oracle, eventually, quiet, sealed_secret};

#[tokio::test]
async fn makes_a_secret_that_the_sealed_secret_owns() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    let template = json!({ "type": "example.com/db", "metadata": { "labels": { "app": "db" } } });
    cluster
        .create(
            sealed_secret("db")
                .item("a", "b", &key)
                .template(template)
                .object(),
        )
        .await;
    cluster.secret_becomes("shop", "db", &[("a", "b")]).await;

    let secret = cluster.secrets("shop").get("db").await.unwrap();
    let sealed = cluster.sealed_secrets("shop").get("db").await.unwrap();
    assert_eq!(secret.type_.as_deref(), Some("example.com/db"));
    assert_eq!(secret.labels()["app"], "db");
    let [owner] = secret.owner_references() else {
        panic!("one owner")
    };
    assert_eq!(
        (&*owner.kind, &*owner.uid, owner.controller),
        ("SealedSecret", &*sealed.uid().unwrap(), Some(true))
    );
    let message = cluster.event("shop", "db", "Unsealed").await;
    assert_eq!(message, "SealedSecret unsealed successfully");
    cluster
        .ends_as("makes-a-secret-that-the-sealed-secret-owns")
        .await;
}

#[tokio::test]
async fn opens_what_an_outsider_sealed_to_the_served_certificate() {
    let key = Fixture::rsa4096();
    let cluster = Cluster::start(&[&key]).await;
    let blob = Oracle::from_pem(&key.private_key).seal(b"from outside", b"shop/db");
    let sealed = sealed_secret("db").raw_item("a", sealing::base64::encode(&blob).into());
    cluster.create(sealed.object()).await;
    cluster
        .secret_becomes("shop", "db", &[("a", "from outside")])
        .await;
    cluster
        .ends_as("opens-what-an-outsider-sealed-to-the-served-certificate")
        .await;
}

#[tokio::test]
async fn opens_nothing_under_another_name() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    cluster
        .create(
            sealed_secret("db")
                .item("a", "b", &key)
                .renamed("other")
                .object(),
        )
        .await;
    let synced = cluster.condition("shop", "other", "Synced", "False").await;
    let text = "no key could decrypt secret (a); a: unknown key, or sealed for another name";
    assert_eq!(synced["message"], text);
    let message = cluster.event("shop", "other", "ErrUnsealFailed").await;
    assert_eq!(message, format!("Failed to unseal: {text}"));
    assert!(
        cluster
            .secrets("shop")
            .get_opt("other")
            .await
            .unwrap()
            .is_none()
    );
    cluster.ends_as("opens-nothing-under-another-name").await;
}

#[tokio::test]
async fn updates_the_secret_when_the_sealed_secret_is_edited() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    cluster
        .create(sealed_secret("db").item("a", "b", &key).object())
        .await;
    cluster.secret_becomes("shop", "db", &[("a", "b")]).await;
    let edited = sealed_secret("db")
        .item("a", "c", &key)
        .item("new", "d", &key);
    cluster.edit("shop", "db", edited.spec()).await;
    cluster
        .secret_becomes("shop", "db", &[("a", "c"), ("new", "d")])
        .await;
    cluster
        .ends_as("updates-the-secret-when-the-sealed-secret-is-edited")
        .await;
}

#[tokio::test]
async fn removes_the_secret_with_the_sealed_secret() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    cluster
        .create(sealed_secret("db").item("a", "b", &key).object())
        .await;
    cluster.secret("shop", "db").await;
    cluster.delete("shop", "db").await;
    eventually("the Secret is gone", async || {
        cluster
            .secrets("shop")
            .get_opt("db")
            .await
            .unwrap()
            .is_none()
            .then_some(())
    })
    .await;
    if let Some(users) = cluster.deleted_by("secrets", "db") {
        let collector = "system:serviceaccount:kube-system:generic-garbage-collector";
        assert_eq!(users, [collector]);
    }
    cluster
        .ends_as("removes-the-secret-with-the-sealed-secret")
        .await;
}

#[tokio::test]
async fn makes_a_deleted_secret_again() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    cluster
        .create(sealed_secret("db").item("a", "b", &key).object())
        .await;
    cluster.secret("shop", "db").await;
    cluster
        .secrets("shop")
        .delete("db", &DeleteParams::default())
        .await
        .unwrap();
    cluster.secret_becomes("shop", "db", &[("a", "b")]).await;
    cluster.ends_as("makes-a-deleted-secret-again").await;
}

/// <https://github.com/bitnami/sealed-secrets/issues/1599>
#[tokio::test]
async fn survives_a_sealed_secret_that_is_deleted_and_comes_back() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    let sealed = sealed_secret("db").item("a", "b", &key).object();
    for _ in 0..5 {
        cluster.create(sealed.clone()).await;
        cluster.secret("shop", "db").await;
        cluster.delete("shop", "db").await;
    }
    cluster.create(sealed).await;
    let uid = cluster
        .sealed_secrets("shop")
        .get("db")
        .await
        .unwrap()
        .uid();
    eventually("the Secret belongs to the last SealedSecret", async || {
        let secret = cluster.secrets("shop").get_opt("db").await.unwrap()?;
        (Some(&secret.owner_references().first()?.uid) == uid.as_ref()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn renders_templates_with_the_opened_values() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    let template = json!({ "data": { "url": "db://{{ .user }}@{{ index . \"host-name\" }}", "host-name": "h", "user": null } });
    cluster
        .create(
            sealed_secret("db")
                .item("user", "ann", &key)
                .template(template)
                .object(),
        )
        .await;
    cluster
        .secret_becomes("shop", "db", &[("url", "db://ann@h"), ("host-name", "h")])
        .await;
    cluster
        .ends_as("renders-templates-with-the-opened-values")
        .await;
}

#[tokio::test]
async fn opens_items_that_were_sealed_to_different_keys() {
    let (old, new) = (Fixture::rsa2048(), Fixture::rsa4096());
    let cluster = Cluster::start(&[&old, &new]).await;
    cluster
        .create(
            sealed_secret("db")
                .item("a", "old", &old)
                .item("b", "new", &new)
                .object(),
        )
        .await;
    cluster
        .secret_becomes("shop", "db", &[("a", "old"), ("b", "new")])
        .await;
    cluster
        .ends_as("opens-items-that-were-sealed-to-different-keys")
        .await;
}

#[tokio::test]
async fn builds_a_file_of_opened_values_and_a_plain_one() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    let file = "{{ dict \"user\" .user \"password\" .password \"host\" .host \"token\" (.token | b64enc) | toPrettyJson }}";
    let template = json!({ "data": { "host": "db", "app.json": file, "user": null, "password": null, "token": null } });
    let sealed = sealed_secret("app")
        .item("user", "ann", &key)
        .item("password", "p\"<", &key);
    cluster
        .create(sealed.item("token", "t", &key).template(template).object())
        .await;
    let text = "{\n  \"host\": \"db\",\n  \"password\": \"p\\\"\\u003c\",\n  \"token\": \"dA==\",\n  \"user\": \"ann\"\n}";
    cluster
        .secret_becomes("shop", "app", &[("app.json", text), ("host", "db")])
        .await;
    cluster
        .ends_as("builds-a-file-of-opened-values-and-a-plain-one")
        .await;
}

#[tokio::test]
async fn catches_up_with_what_happened_while_it_was_away() {
    let key = Fixture::rsa2048();
    let mut cluster = Cluster::start(&[&key]).await;
    let sealed = |name: &str, value: &str| sealed_secret(name).item("a", value, &key);
    for name in ["edited", "deleted", "emptied", "kept"] {
        cluster.create(sealed(name, "old").object()).await;
        cluster.condition("shop", name, "Ready", "True").await;
    }
    cluster.stop_controller().await;
    cluster
        .edit("shop", "edited", sealed("edited", "new").spec())
        .await;
    cluster.delete("shop", "deleted").await;
    let secrets = cluster.secrets("shop");
    let now = DeleteParams::default();
    secrets.delete("emptied", &now).await.unwrap();
    cluster.create(sealed("added", "new").object()).await;
    cluster.run_controller(quiet()).await;
    for (name, value) in [
        ("edited", "new"),
        ("emptied", "old"),
        ("kept", "old"),
        ("added", "new"),
    ] {
        cluster.secret_becomes("shop", name, &[("a", value)]).await;
    }
    eventually("the Secret without a SealedSecret is gone", async || {
        let deleted = secrets.get_opt("deleted").await.unwrap();
        deleted.is_none().then_some(())
    })
    .await;
    cluster
        .ends_as("catches-up-with-what-happened-while-it-was-away")
        .await;
}

/// Of the many quick attempts that a failure gets there can be fewer.
#[tokio::test]
async fn slows_down_as_soon_as_it_is_told_to() {
    let key = Fixture::rsa2048();
    let config = Config {
        quick_retries: 0,
        ..quiet()
    };
    let cluster = Cluster::start_with(config, &[&key]).await;
    let invalid = json!({ "type": "kubernetes.io/tls" }); // without the items that this type needs
    cluster
        .create(
            sealed_secret("db")
                .item("a", "b", &key)
                .template(invalid)
                .object(),
        )
        .await;
    cluster.condition("shop", "db", "Synced", "False").await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let requests = cluster.requests();
    let attempts = requests
        .iter()
        .filter(|request| request.is("create", "secrets"))
        .count();
    // Five quick ones take a fifth of a second; the fourth slow one comes after seven seconds.
    assert!((1..=4).contains(&attempts), "{attempts} attempts");
    cluster.ends_as("slows-down-as-soon-as-it-is-told-to").await;
}

/// By items, by templates and by the deprecated field: the type is what the Secret would have.
#[tokio::test]
async fn makes_nothing_that_is_forbidden() {
    let key = Fixture::rsa2048();
    let token = "kubernetes.io/service-account-token";
    let config = Config {
        forbidden_types: vec![token.to_owned()],
        forbidden_metadata: vec!["example.com/copy".to_owned()],
        ..quiet()
    };
    let cluster = Cluster::start_with(config, &[&key]).await;
    let annotations = json!({ "kubernetes.io/service-account.name": "default" });
    let of_type = json!({ "type": token, "metadata": { "annotations": annotations } });
    let mut rendered = of_type.clone();
    rendered["data"] = json!({ "extra": "eA==" });
    let blob = json!({ "type": token, "metadata": { "annotations": annotations }, "data": { "extra": "eA==" } });
    let mut deprecated = sealed_secret("blob").object();
    let sealed = sealed_secret("blob")
        .item("data", &blob.to_string(), &key)
        .spec();
    deprecated["spec"]["data"] = sealed["encryptedData"]["data"].clone();
    let copied = json!({ "metadata": { "annotations": { "example.com/copy": "true" } } });
    for object in [
        sealed_secret("items")
            .item("extra", "x", &key)
            .template(of_type)
            .object(),
        sealed_secret("templates").template(rendered).object(),
        deprecated,
    ] {
        cluster.create(object).await;
    }
    for name in ["items", "templates", "blob"] {
        let synced = cluster.condition("shop", name, "Synced", "False").await;
        let text =
            format!("cannot make a Secret of type `{token}`: forbidden by --forbidden-types");
        assert_eq!(synced["message"], text);
    }
    cluster
        .create(
            sealed_secret("copied")
                .item("a", "b", &key)
                .template(copied)
                .object(),
        )
        .await;
    let synced = cluster.condition("shop", "copied", "Synced", "False").await;
    let text = "cannot put `example.com/copy` on a Secret: forbidden by --forbidden-metadata";
    assert_eq!(synced["message"], text);
    cluster.ends_as("makes-nothing-that-is-forbidden").await;
}

#[tokio::test]
async fn makes_a_secret_immutable_with_the_edit_that_says_so() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::start(&[&key]).await;
    let sealed = sealed_secret("db").item("a", "b", &key);
    cluster.create(sealed.object()).await;
    cluster.condition("shop", "db", "Ready", "True").await;
    let immutable = sealed.template(json!({ "immutable": true }));
    cluster.edit("shop", "db", immutable.spec()).await;
    cluster.condition("shop", "db", "Ready", "True").await;
    let secret = cluster.secrets("shop").get("db").await.unwrap();
    assert_eq!(secret.immutable, Some(true));
    cluster
        .ends_as("makes-a-secret-immutable-with-the-edit-that-says-so")
        .await;
}
