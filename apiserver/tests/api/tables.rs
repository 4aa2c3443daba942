//! What `kubectl get` is given to print.

use serde_json::{Value, json};

use crate::server::{Server, widget};

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

fn headers(table: &Value) -> Vec<&str> {
    let columns = table["columnDefinitions"].as_array().unwrap();
    columns
        .iter()
        .map(|column| column["name"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn secrets_have_type_data_and_age() {
    let server = Server::start().await;
    server
        .create_secret(json!({"metadata": {"name": "db"}, "stringData": {"a": "b", "c": "d"}}))
        .await;
    let table = server
        .get("/api/v1/namespaces/default/secrets", TABLE)
        .await;
    assert_eq!(table["kind"], "Table");
    assert_eq!(headers(&table), ["Name", "Type", "Data", "Age"]);
    assert_eq!(
        table["rows"][0]["cells"].as_array().unwrap()[..3],
        [json!("db"), json!("Opaque"), json!(2)]
    );
    assert_eq!(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");
}

#[tokio::test]
async fn custom_resources_have_the_columns_of_their_crd() {
    let server = Server::start().await;
    server.create_widget(widget("w", json!({"size": 7}))).await;
    let patch = json!({"status": {"conditions": [{"type": "Ready", "status": "True"}]}});
    let patch = kube::api::Patch::Merge(patch);
    server
        .widgets()
        .patch_status("w", &kube::api::PatchParams::default(), &patch)
        .await
        .unwrap();
    let table = server.get("/apis/example.com/v1/widgets", TABLE).await;
    assert_eq!(headers(&table), ["Name", "Ready", "Size", "Age"]);
    assert_eq!(
        table["rows"][0]["cells"].as_array().unwrap()[..3],
        [json!("w"), json!("True"), json!(7)]
    );
}
