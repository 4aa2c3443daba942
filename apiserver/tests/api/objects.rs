//! Writes of any object: versions, generations, patches, dry runs, deletes.

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::Api;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions};
use serde_json::json;

use crate::server::{Server, object, refusal, widget};

#[tokio::test]
async fn a_write_on_an_old_version_is_a_conflict() {
    let server = Server::start().await;
    let old = server
        .create_secret(json!({"metadata": {"name": "db"}}))
        .await;
    let labels = json!({"metadata": {"labels": {"a": "b"}}});
    server
        .secrets()
        .patch("db", &PatchParams::default(), &Patch::Merge(labels))
        .await
        .unwrap();

    let status = refusal(
        server
            .secrets()
            .replace("db", &PostParams::default(), &old)
            .await,
    );
    assert_eq!((status.code, status.reason.as_str()), (409, "Conflict"));
    assert_eq!(
        status.message,
        "Operation cannot be fulfilled on secrets \"db\": the object has been modified; \
         please apply your changes to the latest version and try again"
    );
}

#[tokio::test]
async fn a_write_on_another_uid_is_a_conflict() {
    let server = Server::start().await;
    let mut secret = server
        .create_secret(json!({"metadata": {"name": "db"}}))
        .await;
    secret.metadata.uid = Some("someone-else".to_owned());
    let status = refusal(
        server
            .secrets()
            .replace("db", &PostParams::default(), &secret)
            .await,
    );
    assert_eq!(status.code, 409);
    assert!(
        status
            .message
            .contains("Precondition failed: UID in precondition: someone-else"),
        "{}",
        status.message
    );
}

#[tokio::test]
async fn a_write_that_changes_nothing_keeps_the_version() {
    let server = Server::start().await;
    let secret = server
        .create_secret(json!({"metadata": {"name": "db"}}))
        .await;
    let again = server
        .secrets()
        .replace("db", &PostParams::default(), &secret)
        .await
        .unwrap();
    assert_eq!(
        again.metadata.resource_version,
        secret.metadata.resource_version
    );
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let server = Server::start().await;
    let status = refusal(server.secrets().get("db").await);
    assert_eq!(
        (status.code, status.message.as_str()),
        (404, "secrets \"db\" not found")
    );
    let secret: Secret = serde_json::from_value(json!({"metadata": {"name": "db"}})).unwrap();
    assert_eq!(
        refusal(
            server
                .secrets()
                .replace("db", &PostParams::default(), &secret)
                .await
        )
        .code,
        404
    );
    let elsewhere = Api::<Secret>::namespaced(server.client.clone(), "nowhere");
    let status = refusal(elsewhere.create(&PostParams::default(), &secret).await);
    assert_eq!(
        (status.code, status.message.as_str()),
        (404, "namespaces \"nowhere\" not found")
    );
}

#[tokio::test]
async fn a_name_is_taken_once_and_generated_on_request() {
    let server = Server::start().await;
    server
        .create_secret(json!({"metadata": {"name": "db"}}))
        .await;
    let again: Secret = serde_json::from_value(json!({"metadata": {"name": "db"}})).unwrap();
    let status = refusal(
        server
            .secrets()
            .create(&PostParams::default(), &again)
            .await,
    );
    assert_eq!(
        (status.code, status.message.as_str()),
        (409, "secrets \"db\" already exists")
    );
    assert_eq!(status.reason, "AlreadyExists");

    let generated = server
        .create_secret(json!({"metadata": {"generateName": "key-"}}))
        .await;
    let name = generated.metadata.name.unwrap();
    assert!(name.starts_with("key-") && name.len() == 9, "{name}");
}

#[tokio::test]
async fn a_dry_run_leaves_no_trace() {
    let server = Server::start().await;
    let secret: Secret = serde_json::from_value(json!({"metadata": {"name": "db"}})).unwrap();
    let dry = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    assert!(
        server
            .secrets()
            .create(&dry, &secret)
            .await
            .unwrap()
            .metadata
            .uid
            .is_some()
    );
    assert!(server.secrets().get_opt("db").await.unwrap().is_none());
}

#[tokio::test]
async fn status_and_the_rest_are_written_apart() {
    let server = Server::start().await;
    let created = server.create_widget(widget("w", json!({"size": 1}))).await;
    assert_eq!(created.metadata.generation, Some(1));

    let both = json!({"spec": {"size": 5}, "status": {"seen": 1}});
    let patched = server
        .widgets()
        .patch_status("w", &PatchParams::default(), &Patch::Merge(&both))
        .await
        .unwrap();
    assert_eq!(
        (
            &patched.data["spec"]["size"],
            &patched.data["status"]["seen"]
        ),
        (&json!(1), &json!(1))
    );
    assert_eq!(patched.metadata.generation, Some(1));

    let both = json!({"spec": {"size": 5}, "status": {"seen": 2}});
    let patched = server
        .widgets()
        .patch("w", &PatchParams::default(), &Patch::Merge(&both))
        .await
        .unwrap();
    assert_eq!(
        (
            &patched.data["spec"]["size"],
            &patched.data["status"]["seen"]
        ),
        (&json!(5), &json!(1))
    );
    assert_eq!(patched.metadata.generation, Some(2));

    let label = json!({"metadata": {"labels": {"a": "b"}}});
    let labelled = server
        .widgets()
        .patch("w", &PatchParams::default(), &Patch::Merge(&label))
        .await
        .unwrap();
    assert_eq!(labelled.metadata.generation, Some(2));

    let mut replaced = labelled.clone();
    replaced.data["status"] = json!({"seen": 9});
    let replaced = server
        .widgets()
        .replace_status("w", &PostParams::default(), &replaced)
        .await
        .unwrap();
    assert_eq!(replaced.data["status"]["seen"], 9);
    let status = refusal(
        server
            .widgets()
            .replace_status("w", &PostParams::default(), &labelled)
            .await,
    );
    assert_eq!(status.code, 409);
}

#[tokio::test]
async fn deletes_keep_to_their_preconditions_and_wait_for_finalizers() {
    let server = Server::start().await;
    let held = json!({"metadata": {"name": "db", "finalizers": ["example.com/hold"]}});
    let secret = server.create_secret(held).await;
    let wrong = Preconditions {
        uid: Some("other".to_owned()),
        resource_version: None,
    };
    let params = DeleteParams {
        preconditions: Some(wrong),
        ..DeleteParams::default()
    };
    assert_eq!(
        refusal(server.secrets().delete("db", &params).await).code,
        409
    );

    let right = Preconditions {
        uid: secret.metadata.uid,
        resource_version: secret.metadata.resource_version,
    };
    let params = DeleteParams {
        preconditions: Some(right),
        ..DeleteParams::default()
    };
    let marked = server
        .secrets()
        .delete("db", &params)
        .await
        .unwrap()
        .left()
        .unwrap();
    assert!(marked.metadata.deletion_timestamp.is_some());

    let free = json!({"metadata": {"finalizers": null}});
    server
        .secrets()
        .patch("db", &PatchParams::default(), &Patch::Merge(free))
        .await
        .unwrap();
    assert!(server.secrets().get_opt("db").await.unwrap().is_none());
}

#[tokio::test]
async fn a_collection_is_deleted_by_selector() {
    let server = Server::start().await;
    server
        .create_secret(json!({"metadata": {"name": "a", "labels": {"app": "db"}}}))
        .await;
    server
        .create_secret(json!({"metadata": {"name": "b"}}))
        .await;
    let selected = ListParams::default().labels("app=db");
    server
        .secrets()
        .delete_collection(&DeleteParams::default(), &selected)
        .await
        .unwrap();
    let left = server.secrets().list(&ListParams::default()).await.unwrap();
    assert_eq!(left.items.len(), 1);
}

#[tokio::test]
async fn three_kinds_of_patch_are_understood_and_others_are_not() {
    let server = Server::start().await;
    let maps = Api::<ConfigMap>::default_namespaced(server.client.clone());
    let map =
        serde_json::from_value(json!({"metadata": {"name": "m"}, "data": {"a": "1", "b": "2"}}))
            .unwrap();
    maps.create(&PostParams::default(), &map).await.unwrap();
    let params = PatchParams::default();

    let strategic = Patch::Strategic(json!({"data": {"a": null, "c": "3"}}));
    assert_eq!(
        json!(maps.patch("m", &params, &strategic).await.unwrap().data),
        json!({"b": "2", "c": "3"})
    );
    let request = http::Request::patch("/api/v1/namespaces/default/configmaps/m");
    let operations = json!([{"op": "remove", "path": "/data/b"}])
        .to_string()
        .into_bytes();
    let request = request
        .header("content-type", "application/json-patch+json")
        .body(operations)
        .unwrap();
    let patched: ConfigMap = server.client.request(request).await.unwrap();
    assert_eq!(json!(patched.data), json!({"c": "3"}));

    let apply =
        Patch::Apply(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}}));
    assert_eq!(
        refusal(maps.patch("m", &PatchParams::apply("me"), &apply).await).code,
        415
    );
    server.create_widget(widget("w", json!({"size": 1}))).await;
    let strategic = Patch::Strategic(json!({"spec": {"size": 2}}));
    assert_eq!(
        refusal(server.widgets().patch("w", &params, &strategic).await).code,
        415
    );
}

#[tokio::test]
async fn names_and_labels_keep_to_their_alphabet() {
    let server = Server::start().await;
    let widget = object(widget("Not_A_Name", json!({"size": 1})));
    let status = refusal(
        server
            .widgets()
            .create(&PostParams::default(), &widget)
            .await,
    );
    assert_eq!(status.code, 422);
    assert!(
        status.message.starts_with(
            "Widget.example.com \"Not_A_Name\" is invalid: metadata.name: Invalid value: "
        ),
        "{}",
        status.message
    );
}
