//! The door for kubectl: TLS, a kubeconfig, and a token.

use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::api::{ListParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde_json::json;

use crate::server::{Server, refusal};

async fn client(mut kubeconfig: Kubeconfig, token: Option<&str>) -> Client {
    if let Some(token) = token {
        let user = kubeconfig.auth_infos[0].auth_info.as_mut().unwrap();
        user.token = Some(token.to_owned().into());
    }
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .unwrap();
    Client::try_from(config).unwrap()
}

#[tokio::test]
async fn a_client_of_the_kubeconfig_sees_the_same_objects() {
    let server = Server::start().await;
    let kubeconfig = Kubeconfig::from_yaml(&server.api.kubeconfig()).unwrap();
    let outside = client(kubeconfig, None).await;
    let secrets = Api::<Secret>::default_namespaced(outside.clone());
    let secret = serde_json::from_value(json!({"metadata": {"name": "db"}})).unwrap();
    secrets
        .create(&PostParams::default(), &secret)
        .await
        .unwrap();
    assert!(server.secrets().get_opt("db").await.unwrap().is_some());

    let namespaces = Api::<Namespace>::all(outside)
        .list(&ListParams::default())
        .await
        .unwrap();
    let names: Vec<_> = namespaces
        .items
        .into_iter()
        .filter_map(|namespace| namespace.metadata.name)
        .collect();
    assert_eq!(
        names,
        ["default", "kube-node-lease", "kube-public", "kube-system"]
    );
}

#[tokio::test]
async fn nobody_enters_without_the_token() {
    let server = Server::start().await;
    let kubeconfig = Kubeconfig::from_yaml(&server.api.kubeconfig()).unwrap();
    let stranger = client(kubeconfig, Some("guessed")).await;
    let status = refusal(Api::<Secret>::default_namespaced(stranger).get("db").await);
    assert_eq!(
        (status.code, status.message.as_str()),
        (401, "Unauthorized")
    );
}
