//! What the resource accepts, and what unsealing makes of it.
#![expect(
    clippy::unwrap_used,
    reason = "a test ends where its fixture is broken"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use sealing::{
    Certificate, Plaintext, PrivateKey, Renderer, Scope, SealedSecret, seal_value, unseal,
};
use serde_json::{Value, json};

struct Vectors(Value);

impl Vectors {
    fn read() -> Self {
        Self(serde_json::from_str(include_str!("vectors/rsa2048.json")).unwrap())
    }

    fn keys(&self) -> [Arc<PrivateKey>; 1] {
        [Arc::new(
            PrivateKey::from_pem(self.0["private_key_pkcs1_pem"].as_str().unwrap().as_bytes())
                .unwrap(),
        )]
    }

    fn sealed(&self, value: &str) -> String {
        let certificate =
            Certificate::from_pem(self.0["certificate_pem"].as_str().unwrap().as_bytes()).unwrap();
        let label = Scope::Strict.label("shop", "db");
        seal_value(&Plaintext::new(value.into()), &certificate, &label).unwrap()
    }
}

fn object(spec: Value) -> Value {
    json!({
        "apiVersion": "bitnami.com/v1alpha1",
        "kind": "SealedSecret",
        "metadata": { "name": "db", "namespace": "shop", "uid": "u1" },
        "spec": spec,
    })
}

fn unsealed(spec: Value) -> Result<BTreeMap<String, String>, String> {
    let sealed = SealedSecret::from_value(&object(spec)).unwrap();
    let secret = unseal(&sealed, &Vectors::read().keys(), &Renderer::default());
    let text = |(name, value): (&String, &Plaintext)| {
        (
            name.clone(),
            String::from_utf8(value.expose().to_vec()).unwrap(),
        )
    };
    secret
        .map(|unsealed| unsealed.secret.data.iter().map(text).collect())
        .map_err(|error| error.to_string())
}

fn map(items: &[(&str, &str)]) -> Result<BTreeMap<String, String>, String> {
    Ok(items
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .collect())
}

#[test]
fn reads_odd_types_in_encrypted_data_as_empty_values() {
    let spec = json!({ "encryptedData": { "n": 1, "b": true, "z": null, "o": {} } });
    assert_eq!(
        unsealed(spec),
        Err("no key could decrypt secret (b, n, o, z)".into())
    );
    assert_eq!(unsealed(json!({ "encryptedData": [1] })), map(&[]));
    assert_eq!(unsealed(json!({ "encryptedData": null })), map(&[]));
}

#[test]
fn reads_what_older_releases_wrote() {
    let spec = json!({
        "template": { "data": null, "metadata": { "creationTimestamp": null, "name": "db" } },
        "encryptedData": { "a": Vectors::read().sealed("b") },
    });
    assert_eq!(unsealed(spec), map(&[("a", "b")]));
    assert_eq!(
        unsealed(json!({ "template": null, "data": null, "encryptedData": {} })),
        map(&[])
    );
    assert_eq!(
        unsealed(json!({ "template": { "metadata": null }, "encryptedData": {} })),
        map(&[])
    );
}

#[test]
fn says_where_another_type_is_wrong_and_quotes_nothing() {
    let labels =
        json!({ "template": { "metadata": { "labels": { "a": true } } }, "encryptedData": {} });
    let error = SealedSecret::from_value(&object(labels))
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("cannot read SealedSecret: wrong type at `spec.template.metadata"),
        "{error}"
    );
    assert!(!error.contains("true"), "{error}");
}

#[test]
fn tells_equal_failures_once_and_in_order() {
    let spec = json!({
        "encryptedData": { "foo": "AgAx", "bar": "AgAx", "baz": "NOTVALIDBASE64" },
        "template": { "data": { "t": "{{ env \"HOME\" }}" } },
    });
    let expected = "illegal base64 data at input byte 12 (baz)\n\
                    no key could decrypt secret (bar, foo)\n\
                    template: t:1:4: function \"env\" not defined (t)";
    assert_eq!(unsealed(spec), Err(expected.into()));
}

#[test]
fn names_no_more_items_than_one_reads() {
    let items: BTreeMap<_, _> = (0..25)
        .map(|index| (format!("i{index:02}"), "AgAx"))
        .collect();
    let message = unsealed(json!({ "encryptedData": items })).unwrap_err();
    assert!(
        message.starts_with("no key could decrypt secret (i00, i01,"),
        "{message}"
    );
    assert!(message.ends_with(", i19 and 5 more)"), "{message}");
}

#[test]
fn gives_all_templates_of_an_object_one_budget() {
    let big = "x".repeat(600_000);
    let one = json!({ "template": { "data": { "a": big } }, "encryptedData": {} });
    assert!(unsealed(one).is_ok());
    let two = json!({ "template": { "data": { "a": big, "b": big } }, "encryptedData": {} });
    assert_eq!(unsealed(two), Err("template: cannot be rendered".into()));
}

#[test]
fn renders_templates_beside_values_that_win() {
    let vectors = Vectors::read();
    let spec = json!({
        "encryptedData": { "user": vectors.sealed("ann"), "gone": vectors.sealed("x"), "both": vectors.sealed("v") },
        "template": { "data": {
            "url": "db://{{ .user }}:{{ .gone }}@{{ index . \"host-name\" }}",
            "host-name": "h",
            "both": "from the template",
            "gone": null,
        } },
    });
    let expected = map(&[
        ("both", "v"),
        ("host-name", "h"),
        ("url", "db://ann:x@h"),
        ("user", "ann"),
    ]);
    assert_eq!(unsealed(spec), expected);
}

#[test]
fn builds_a_file_of_several_values() {
    let vectors = Vectors::read();
    let spec = json!({
        "encryptedData": {
            "user": vectors.sealed("ann"), "pass": vectors.sealed("p\"<&"), "key": vectors.sealed("k"),
        },
        "template": { "data": {
            "host": "db",
            "user": null,
            "app.json": "{{ dict \"user\" .user \"pass\" .pass \"key\" (.key | b64enc) | toPrettyJson }}\n",
            "app.env": "{{ range $name, $text := pick (dict \"U\" .user \"H\" .host) \"U\" \"H\" }}{{ $name }}={{ $text | quote }}\n{{ end }}",
        } },
    });
    let expected = map(&[
        ("app.env", "H=\"db\"\nU=\"ann\"\n"),
        (
            "app.json",
            "{\n  \"key\": \"aw==\",\n  \"pass\": \"p\\\"\\u003c\\u0026\",\n  \"user\": \"ann\"\n}\n",
        ),
        ("host", "db"),
        ("key", "k"),
        ("pass", "p\"<&"),
    ]);
    assert_eq!(unsealed(spec), expected);
}

#[test]
fn templates_without_sealed_values_are_rendered_too() {
    let spec = json!({
        "encryptedData": {},
        "template": { "data": { "a": "{{ .b | upper }}", "b": "x" } },
    });
    assert_eq!(unsealed(spec), map(&[("a", "X"), ("b", "x")]));
}

/// Which template failed, where and why would spell a value, one character an edit.
#[test]
fn tells_one_sentence_of_whatever_fails_while_rendering() {
    let error = |value: &str, template: Value| {
        let items = json!({ "k": Vectors::read().sealed(value) });
        unsealed(json!({ "encryptedData": items, "template": { "data": template } })).unwrap_err()
    };
    let spelled = "{{if eq .k \"a\"}}{{fail \"\"}}{{end}}\n{{if eq .k \"b\"}}{{fail \"\"}}{{end}}";
    for template in [
        json!({ "t": "{{ fail .k }}" }),
        json!({ "t": "{{ mustToDate \"2006\" .k }}" }),
        json!({ "t": "{{ repeat 2000000000 .k }}" }),
        json!({ "t": "{{ range 9000000 }}{{ range 9000000 }}{{ end }}{{ end }}" }),
        json!({ "t": "{{ index .k 99 }}", "u": "{{ .k.l }}" }),
        json!({ "t": "{{ template \"none\" .k }}", "u": "ok" }),
        json!({ "t": spelled }),
    ] {
        for value in ["a", "b"] {
            let told = error(value, template.clone());
            assert_eq!(told, "template: cannot be rendered", "{template}");
        }
    }
}

/// What does not parse tells nothing of a value, so it may say where; and what it says is the same whatever the values.
#[test]
fn tells_where_a_template_does_not_parse_though_another_fails() {
    let spec = json!({
        "encryptedData": { "k": Vectors::read().sealed("canary") },
        "template": { "data": { "a": "{{ fail .k }}", "b": "\n{{ nothing }}" } },
    });
    let told = "template: b:2:4: function \"nothing\" not defined (b)";
    assert_eq!(unsealed(spec), Err(told.into()));
}

/// How large a Secret became would tell how long a value is, in another sentence than that.
#[test]
fn says_the_same_of_templates_that_make_more_than_a_secret_holds() {
    let big = "x".repeat(600_000);
    let items = json!({ "k": Vectors::read().sealed(&big) });
    let spec = |template: &str| json!({ "encryptedData": items, "template": { "data": { "t": template } } });
    assert_eq!(
        unsealed(spec("{{ .k }}")),
        Err("template: cannot be rendered".into())
    );
    assert!(unsealed(spec("{{ len .k }}")).is_ok());
    let gone =
        json!({ "encryptedData": items, "template": { "data": { "t": "{{ .k }}", "k": null } } });
    assert!(unsealed(gone).is_ok());
}

#[test]
fn templates_of_one_object_share_a_budget() {
    let work = "{{ range 1000 }}{{ range 1000 }}{{ end }}{{ end }}";
    let data: BTreeMap<String, &str> = (0..40).map(|i| (format!("t{i}"), work)).collect();
    let one = json!({ "encryptedData": {}, "template": { "data": { "t": work } } });
    assert_eq!(unsealed(one), map(&[("t", "")]));
    let many = json!({ "encryptedData": {}, "template": { "data": data } });
    assert!(unsealed(many).is_err_and(|error| error == "template: cannot be rendered"));
}

#[test]
fn takes_the_label_from_the_outer_metadata_only() {
    let spec = json!({
        "encryptedData": { "a": Vectors::read().sealed("b") },
        "template": { "metadata": {
            "name": "other", "namespace": "else",
            "annotations": { "sealedsecrets.bitnami.com/cluster-wide": "true" },
        } },
    });
    assert_eq!(unsealed(spec), map(&[("a", "b")]));
}

#[test]
fn gives_the_secret_one_owner_and_none_of_the_servers_fields() {
    let metadata = json!({
        "uid": "junk", "resourceVersion": "7", "generateName": "x-", "name": "other",
        "labels": { "app": "shop" }, "finalizers": ["a/b"], "ownerReferences": [pod()],
    });
    let object = object(json!({ "template": { "metadata": metadata }, "encryptedData": {} }));
    let sealed = SealedSecret::from_value(&object).unwrap();
    let secret = unseal(&sealed, &[], &Renderer::default())
        .unwrap()
        .secret
        .expose();
    assert_eq!(
        serde_json::to_value(&secret.metadata).unwrap(),
        json!({
            "name": "db", "namespace": "shop", "labels": { "app": "shop" }, "finalizers": ["a/b"],
            "ownerReferences": [{
                "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "name": "db", "uid": "u1",
                "controller": true,
            }],
        })
    );
}

/// An owner that a template may name.
fn pod() -> Value {
    json!({ "apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "gone" })
}

#[test]
fn gives_no_owner_where_the_template_asks_for_none() {
    let annotations = json!({ sealing::SKIP_OWNER_REFERENCES: "true" });
    let metadata = json!({ "annotations": annotations, "ownerReferences": [pod()] });
    let spec = json!({ "template": { "metadata": metadata }, "encryptedData": {} });
    let sealed = SealedSecret::from_value(&object(spec)).unwrap();
    let secret = unseal(&sealed, &[], &Renderer::default())
        .unwrap()
        .secret
        .expose();
    assert_eq!(secret.metadata.owner_references, None);
}

#[test]
fn opens_the_deprecated_blob() {
    let secret =
        json!({ "kind": "Secret", "apiVersion": "v1", "type": "t", "data": { "a": "Yg==" } });
    let spec = json!({ "data": Vectors::read().sealed(&secret.to_string()), "encryptedData": {} });
    assert_eq!(unsealed(spec.clone()), map(&[("a", "b")]));
    let mut both = spec;
    both["encryptedData"] = json!({ "a": "AgA=" });
    let expected =
        "cannot use the field 'encryptedData' and the deprecated field 'data' at the same time";
    assert_eq!(unsealed(both), Err(expected.into()));
    assert_eq!(
        unsealed(json!({ "data": "AQA=", "encryptedData": {} })),
        Err("no key could decrypt secret".into())
    );
}

#[test]
fn seals_without_what_a_cluster_wrote() {
    let secret: k8s_openapi::api::core::v1::Secret = serde_json::from_value(json!({
        "metadata": {
            "name": "db", "namespace": "shop", "uid": "u", "resourceVersion": "1", "generation": 3,
            "creationTimestamp": "2026-01-02T03:04:05Z", "labels": { "app": "shop" },
            "ownerReferences": [{ "apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "x" }],
            "managedFields": [{ "manager": "kubectl" }],
            "annotations": {
                "kubectl.kubernetes.io/last-applied-configuration": "{\"stringData\":{\"a\":\"b\"}}",
                "kubecfg.ksonnet.io/last-applied-configuration": "{}",
                "note": "kept",
            },
        },
        "stringData": { "a": "b" },
    }))
    .unwrap();
    let vectors = Vectors::read();
    let certificate =
        Certificate::from_pem(vectors.0["certificate_pem"].as_str().unwrap().as_bytes()).unwrap();
    let sealed =
        serde_json::to_value(sealing::seal(&secret.into(), &certificate).unwrap()).unwrap();
    assert_eq!(
        sealed["metadata"],
        json!({ "name": "db", "namespace": "shop" })
    );
    assert_eq!(
        sealed["spec"]["template"],
        json!({ "metadata": {
            "name": "db", "namespace": "shop", "labels": { "app": "shop" }, "annotations": { "note": "kept" },
        } })
    );
}
