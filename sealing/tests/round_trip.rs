//! What is sealed opens again, and only where it was sealed for: the cases of upstream's tests of the resource.
#![expect(
    clippy::unwrap_used,
    reason = "a test ends where its fixture is broken"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1 as core;
use proptest::collection::vec;
use proptest::prelude::*;
use sealing::{Certificate, Plaintext, PrivateKey, Renderer, Scope, SealedSecret, open, unseal};
use serde_json::{Value, json};

const CLUSTER_WIDE: &str = "sealedsecrets.bitnami.com/cluster-wide";
const NAMESPACE_WIDE: &str = "sealedsecrets.bitnami.com/namespace-wide";

type Items = BTreeMap<String, String>;

fn fixture(field: &str) -> Vec<u8> {
    let vectors: Value = serde_json::from_str(include_str!("vectors/rsa2048.json")).unwrap();
    vectors[field].as_str().unwrap().into()
}

fn keys() -> [Arc<PrivateKey>; 1] {
    [Arc::new(
        PrivateKey::from_pem(&fixture("private_key_pkcs1_pem")).unwrap(),
    )]
}

/// Seals a Secret with these annotations and the item `foo`.
fn sealed(annotations: &[&str]) -> SealedSecret {
    let annotations: BTreeMap<_, _> = annotations.iter().map(|key| (*key, "true")).collect();
    let secret = json!({
        "metadata": { "name": "db", "namespace": "shop", "annotations": annotations },
        "data": { "foo": "YmFy" },
    });
    seal(secret)
}

fn seal(secret: Value) -> SealedSecret {
    let certificate = Certificate::from_pem(&fixture("certificate_pem")).unwrap();
    let secret: core::Secret = serde_json::from_value(secret).unwrap();
    sealing::seal(&secret.into(), &certificate).unwrap()
}

fn opened(sealed: &SealedSecret) -> Result<Items, String> {
    let unsealed = unseal(sealed, &keys(), &Renderer::default());
    unsealed
        .map(|unsealed| texts(&unsealed.secret.data))
        .map_err(|error| error.to_string())
}

fn texts(values: &BTreeMap<String, Plaintext>) -> Items {
    let text = |value: &Plaintext| String::from_utf8(value.expose().to_vec()).unwrap();
    values
        .iter()
        .map(|(name, value)| (name.clone(), text(value)))
        .collect()
}

fn items(items: &[(&str, &str)]) -> Result<Items, String> {
    Ok(items
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .collect())
}

/// The item `foo`, sealed, with templates beside it.
fn with_templates(templates: Value) -> SealedSecret {
    let mut sealed = sealed(&[]);
    sealed.spec.template.data = serde_json::from_value(templates).unwrap();
    sealed
}

fn undecryptable() -> Result<Items, String> {
    Err("no key could decrypt secret (foo)".to_owned())
}

#[test]
fn the_scopes_have_the_names_that_flags_write() {
    for (name, scope) in [
        ("strict", Scope::Strict),
        ("namespace-wide", Scope::NamespaceWide),
        ("cluster-wide", Scope::ClusterWide),
    ] {
        assert_eq!(name.parse(), Ok(scope));
        assert_eq!(scope.as_str(), name);
    }
    assert_eq!("".parse(), Ok(Scope::Strict));
    assert!("Strict".parse::<Scope>().is_err());
}

#[test]
fn annotations_choose_the_label_and_cluster_wide_wins() {
    for (annotations, label) in [
        (&[][..], "shop/db"),
        (&[NAMESPACE_WIDE], "shop"),
        (&[CLUSTER_WIDE], ""),
        (&[CLUSTER_WIDE, NAMESPACE_WIDE], ""),
    ] {
        let set = annotations
            .iter()
            .map(|key| (key.to_string(), "true".to_owned()))
            .collect();
        let scope = Scope::from_annotations(Some(&set));
        assert_eq!(scope.label("shop", "db").as_bytes(), label.as_bytes());
    }
}

#[test]
fn an_object_reads_back_as_it_was_written() {
    let sealed = sealed(&[NAMESPACE_WIDE]);
    let written = serde_json::to_value(&sealed).unwrap();
    assert_eq!(written["apiVersion"], "bitnami.com/v1alpha1");
    assert_eq!(written["kind"], "SealedSecret");
    let read = SealedSecret::from_value(&written).unwrap();
    assert_eq!(serde_json::to_value(read).unwrap(), written);
}

#[test]
fn an_object_without_version_and_kind_gets_them() {
    let spec = json!({ "encryptedData": {} });
    let read = SealedSecret::from_value(&json!({ "metadata": { "name": "db" }, "spec": spec }));
    let written = serde_json::to_value(read.unwrap()).unwrap();
    assert_eq!(written["apiVersion"], "bitnami.com/v1alpha1");
    assert_eq!(written["kind"], "SealedSecret");
}

#[test]
fn something_else_is_no_sealed_secret() {
    for other in [json!("text"), json!([]), json!({ "data": {} }), Value::Null] {
        assert!(SealedSecret::from_value(&other).is_err());
    }
}

#[test]
fn what_is_sealed_opens_again_in_every_scope() {
    for annotations in [&[][..], &[NAMESPACE_WIDE], &[CLUSTER_WIDE]] {
        assert_eq!(opened(&sealed(annotations)), items(&[("foo", "bar")]));
    }
}

#[test]
fn string_data_wins_over_data() {
    let secret = json!({
        "metadata": { "name": "db", "namespace": "shop" },
        "data": { "foo": "YmFy", "both": "b2xk" },
        "stringData": { "both": "new" },
    });
    assert_eq!(
        opened(&seal(secret)),
        items(&[("both", "new"), ("foo", "bar")])
    );
}

/// The outer annotation says another scope than the value was sealed in.
#[test]
fn a_scope_that_is_taken_back_opens_nothing() {
    for annotation in [CLUSTER_WIDE, NAMESPACE_WIDE] {
        let mut sealed = sealed(&[annotation]);
        let outer = sealed.metadata.annotations.as_mut().unwrap();
        outer.insert(annotation.to_owned(), "false".to_owned());
        assert_eq!(opened(&sealed), undecryptable());
    }
}

#[test]
fn a_wide_scope_opens_under_other_names_as_far_as_it_goes() {
    let moved = |annotations: &[&str], namespace: &str, name: &str| {
        let mut sealed = sealed(annotations);
        sealed.metadata.namespace = Some(namespace.to_owned());
        sealed.metadata.name = Some(name.to_owned());
        opened(&sealed)
    };
    let bar = items(&[("foo", "bar")]);
    assert_eq!(moved(&[], "shop", "other"), undecryptable());
    assert_eq!(moved(&[], "else", "db"), undecryptable());
    assert_eq!(moved(&[NAMESPACE_WIDE], "shop", "other"), bar);
    assert_eq!(moved(&[NAMESPACE_WIDE], "else", "db"), undecryptable());
    assert_eq!(moved(&[CLUSTER_WIDE], "else", "other"), bar);
}

#[test]
fn a_template_sees_opened_values_and_quotes_them_as_json() {
    let mut secret = json!({ "metadata": { "name": "db", "namespace": "shop" } });
    secret["stringData"] = json!({ "foo": "hunter2'\"=" });
    let mut sealed = seal(secret);
    let templates = json!({ "foo": null, "bar": "secret {{ index . \"foo\" }} !", "json": "{{ toJson .foo }}" });
    sealed.spec.template.data = serde_json::from_value(templates).unwrap();
    let json = serde_json::to_string("hunter2'\"=").unwrap();
    let expected = [("bar", "secret hunter2'\"= !"), ("json", &json)];
    assert_eq!(opened(&sealed), items(&expected));
}

#[test]
fn a_template_sees_plain_values_beside_it_and_sealed_ones() {
    let templates = json!({ "host": "h", "url": "{{ .foo }}@{{ .host }}" });
    let expected = items(&[("foo", "bar"), ("host", "h"), ("url", "bar@h")]);
    assert_eq!(opened(&with_templates(templates)), expected);
}

#[test]
fn a_sealed_value_wins_over_a_plain_one_for_templates_and_in_the_secret() {
    let templates = json!({ "foo": "plain", "seen": "{{ .foo }}" });
    let expected = items(&[("foo", "bar"), ("seen", "bar")]);
    assert_eq!(opened(&with_templates(templates)), expected);
}

#[test]
fn a_null_leaves_a_sealed_value_to_the_templates() {
    let templates = json!({ "foo": null, "qux": "qux {{ .foo }} qux", "baz": "baz" });
    let expected = items(&[("baz", "baz"), ("qux", "qux bar qux")]);
    assert_eq!(opened(&with_templates(templates)), expected);
}

#[test]
fn values_open_without_the_template_whatever_it_says() {
    let sealed = with_templates(json!({ "t": "{{ fail .foo }}" }));
    assert!(opened(&sealed).is_err());
    let label = Scope::Strict.label("shop", "db");
    let values = open(&sealed.spec.encrypted_data, label, &keys()).unwrap();
    assert_eq!(Ok(texts(&values.items)), items(&[("foo", "bar")]));
}

#[test]
fn what_is_not_base64_is_named_and_not_said_to_be_undecryptable() {
    let mut sealed = sealed(&[]);
    let text = "NOTVALIDBASE64".to_owned();
    sealed.spec.encrypted_data = BTreeMap::from([("odd".to_owned(), text)]);
    let error = opened(&sealed).unwrap_err();
    assert!(
        error.contains("(odd)") && !error.contains("decrypt"),
        "{error}"
    );
}

#[test]
fn the_deprecated_blob_opens_and_stands_alone_even_where_it_is_empty() {
    let mut blob = sealed(&[]);
    let secret = json!({ "data": { "foo": "YmFy" } }).to_string();
    let secret = json!({
        "metadata": { "name": "db", "namespace": "shop" }, "stringData": { "all": secret },
    });
    let all = &seal(secret).spec.encrypted_data["all"];
    blob.spec.data = serde_json::from_value(json!(all)).unwrap();
    let both = opened(&blob).unwrap_err();
    assert!(both.contains("at the same time"), "{both}");
    blob.spec.encrypted_data.clear();
    assert_eq!(opened(&blob), items(&[("foo", "bar")]));

    let mut empty = sealed(&[]);
    empty.spec.data = serde_json::from_value(json!("")).unwrap();
    let both = opened(&empty).unwrap_err();
    assert!(both.contains("at the same time"), "{both}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// <https://github.com/bitnami/sealed-secrets/issues/456>
    #[test]
    fn any_bytes_are_opened_or_refused(
        bytes in vec(any::<u8>(), 0..700),
        is_text in any::<bool>(),
        cut in 0_usize..700,
    ) {
        let sealed = sealed(&[]);
        let whole = &sealed.spec.encrypted_data["foo"];
        let text = match is_text {
            true => String::from_utf8_lossy(&bytes).into_owned(),
            false => sealing::base64::encode(&bytes),
        };
        let cut: String = whole.chars().take(cut).collect();
        for text in [text.clone(), cut + &text] {
            let items = BTreeMap::from([("foo".to_owned(), text.clone())]);
            let opened = open(&items, Scope::Strict.label("shop", "db"), &keys());
            prop_assert!(opened.is_err() || text == *whole);
        }
    }
}
