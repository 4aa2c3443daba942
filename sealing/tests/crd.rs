//! The CRD in `crds/` and in the chart is what the types say. `make generate` rewrites it.
#![expect(
    clippy::unwrap_used,
    reason = "a test ends where its fixture is broken"
)]

use std::path::Path;

use serde_json::Value;

const COPIES: [&str; 2] = [
    "crds/sealedsecrets.yaml",
    "charts/sealed-secrets/crds/sealedsecrets.yaml",
];

fn crd() -> Value {
    serde_json::to_value(sealing::custom_resource_definition()).unwrap()
}

#[test]
fn is_checked_in_as_the_types_say() {
    let options =
        serde_saphyr::ser_options! { compact_list_indent: true, prefer_block_scalars: false };
    let mut text = String::from("# Generated from the types in `sealing` by `make generate`.\n");
    serde_saphyr::to_fmt_writer_with_options(&mut text, &crd(), options).unwrap();
    for copy in COPIES {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(copy);
        if std::env::var_os("GENERATE").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &text).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            found == text,
            "`{copy}` differs from the types: run `make generate`"
        );
    }
}

#[test]
fn has_the_names_and_columns_of_upstream() {
    let crd = crd();
    assert_eq!(crd["metadata"]["name"], "sealedsecrets.bitnami.com");
    assert_eq!(crd["spec"]["scope"], "Namespaced");
    assert_eq!(crd["spec"]["names"]["plural"], "sealedsecrets");
    assert_eq!(crd["spec"]["names"]["singular"], "sealedsecret");
    let version = &crd["spec"]["versions"][0];
    assert_eq!(version["name"], "v1alpha1");
    assert_eq!(version["subresources"], serde_json::json!({ "status": {} }));
    let columns: Vec<_> = version["additionalPrinterColumns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["name"].clone())
        .collect();
    assert_eq!(columns, ["Status", "Synced", "Age"]);
}

#[test]
fn requires_what_upstream_requires_and_no_more() {
    let schema = crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone();
    assert_eq!(schema["required"], serde_json::json!(["spec"]));
    assert_eq!(
        schema["properties"]["spec"]["required"],
        serde_json::json!(["encryptedData"])
    );
    let condition = &schema["properties"]["status"]["properties"]["conditions"]["items"];
    assert_eq!(condition["required"], serde_json::json!(["status", "type"]));
    assert_eq!(
        condition["properties"]["lastUpdateTime"]["format"],
        "date-time"
    );
    assert_eq!(condition["properties"]["status"].get("enum"), None);
}
