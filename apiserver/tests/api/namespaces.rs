//! The end of a namespace.

use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::json;

use crate::server::{Server, eventually, refusal};

#[tokio::test]
async fn a_namespace_takes_its_objects_along_once_they_are_free() {
    let server = Server::start().await;
    let namespaces = Api::<Namespace>::all(server.client.clone());
    let namespace = serde_json::from_value(json!({"metadata": {"name": "shop"}})).unwrap();
    namespaces
        .create(&PostParams::default(), &namespace)
        .await
        .unwrap();
    let secrets = Api::<Secret>::namespaced(server.client.clone(), "shop");
    let held = json!({"metadata": {"name": "db", "finalizers": ["example.com/hold"]}});
    let held: Secret = serde_json::from_value(held).unwrap();
    secrets.create(&PostParams::default(), &held).await.unwrap();

    let going = namespaces
        .delete("shop", &DeleteParams::default())
        .await
        .unwrap()
        .left()
        .unwrap();
    assert_eq!(going.status.unwrap().phase.as_deref(), Some("Terminating"));
    let late: Secret = serde_json::from_value(json!({"metadata": {"name": "late"}})).unwrap();
    let status = refusal(secrets.create(&PostParams::default(), &late).await);
    assert_eq!(status.code, 403);
    assert_eq!(
        status.message,
        "secrets \"late\" is forbidden: unable to create new content in namespace shop because it is being terminated"
    );
    eventually(async || {
        secrets
            .get("db")
            .await
            .unwrap()
            .metadata
            .deletion_timestamp
            .is_some()
    })
    .await;
    assert!(namespaces.get_opt("shop").await.unwrap().is_some());

    let free = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    secrets
        .patch("db", &PatchParams::default(), &free)
        .await
        .unwrap();
    eventually(async || namespaces.get_opt("shop").await.unwrap().is_none()).await;
    assert!(secrets.get_opt("db").await.unwrap().is_none());
}

#[tokio::test]
async fn some_namespaces_stay() {
    let server = Server::start().await;
    let namespaces = Api::<Namespace>::all(server.client.clone());
    let status = refusal(
        namespaces
            .delete("kube-system", &DeleteParams::default())
            .await,
    );
    assert_eq!(
        status.message,
        "namespaces \"kube-system\" is forbidden: this namespace may not be deleted"
    );
}
