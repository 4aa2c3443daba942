//! Values that others sealed: the real kubeseal, and an implementation that shares no code with it.
#![expect(
    clippy::unwrap_used,
    reason = "a test ends where its fixture is broken"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use sealing::{Label, PrivateKey, Renderer, Scope, SealedSecret, open, unseal};
use serde_json::Value;

fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn rsa(bits: &str) -> Value {
    read(match bits {
        "rsa2048" => include_str!("vectors/rsa2048.json"),
        _ => include_str!("vectors/rsa4096.json"),
    })
}

fn key(vectors: &Value, form: &str) -> Arc<PrivateKey> {
    Arc::new(PrivateKey::from_pem(vectors[form].as_str().unwrap().as_bytes()).unwrap())
}

fn opens(value: &Value, label: Label, keys: &[Arc<PrivateKey>]) -> Option<Vec<u8>> {
    let items = BTreeMap::from([("v".to_owned(), value.as_str().unwrap().to_owned())]);
    open(&items, label, keys)
        .ok()
        .map(|opened| opened.items["v"].expose().to_vec())
}

#[test]
fn opens_each_value_under_its_own_label_and_no_other() {
    for bits in ["rsa2048", "rsa4096"] {
        let vectors = rsa(bits);
        let keys = [key(&vectors, "private_key_pkcs1_pem")];
        for case in vectors["cases"].as_array().unwrap() {
            let text = |field: &str| case[field].as_str().unwrap();
            let own: Scope = text("scope").parse().unwrap();
            assert_eq!(
                own.label(text("namespace"), text("name")),
                Label::from(text("label"))
            );
            let expected = sealing::base64::decode(text("plaintext_base64")).unwrap();
            for scope in [Scope::Strict, Scope::NamespaceWide, Scope::ClusterWide] {
                let opened = opens(
                    &case["value"],
                    scope.label(text("namespace"), text("name")),
                    &keys,
                );
                let expected = (scope == own).then(|| expected.clone());
                assert_eq!(
                    opened,
                    expected,
                    "{bits} {} under {}",
                    case["case"],
                    scope.as_str()
                );
            }
        }
    }
}

#[test]
fn reads_the_same_key_in_both_forms() {
    for bits in ["rsa2048", "rsa4096"] {
        let vectors = rsa(bits);
        let certificate =
            sealing::Certificate::from_pem(vectors["certificate_pem"].as_str().unwrap().as_bytes())
                .unwrap();
        for form in ["private_key_pkcs1_pem", "private_key_pkcs8_pem"] {
            assert_eq!(key(&vectors, form).fingerprint(), certificate.fingerprint());
        }
    }
}

#[test]
fn unseals_what_the_real_kubeseal_sealed() {
    let cases = read(include_str!("vectors/kubeseal.json"));
    let cases = cases["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 26);
    for case in cases {
        let keys = [key(
            &rsa(case["key"].as_str().unwrap()),
            "private_key_pkcs1_pem",
        )];
        let sealed = SealedSecret::from_value(&case["sealed"]).unwrap();
        let secret = unseal(&sealed, &keys, &Renderer::default())
            .unwrap()
            .secret
            .expose();
        assert_eq!(
            serde_json::to_value(&secret.data).unwrap(),
            case["data"],
            "{}",
            case["case"]
        );
        assert_eq!(secret.type_.as_deref(), case["secret"]["type"].as_str());
        assert_eq!(secret.immutable, case["secret"]["immutable"].as_bool());
    }
}

#[test]
fn opens_nothing_of_the_real_kubeseal_under_another_label() {
    for case in read(include_str!("vectors/kubeseal.json"))["cases"]
        .as_array()
        .unwrap()
    {
        let keys = [key(
            &rsa(case["key"].as_str().unwrap()),
            "private_key_pkcs1_pem",
        )];
        let label = case["label"].as_str().unwrap();
        for value in case["sealed"]["spec"]["encryptedData"]
            .as_object()
            .unwrap()
            .values()
        {
            assert!(opens(value, Label::from(label), &keys).is_some());
            for other in ["shop/db", "shop/other", "shop", ""]
                .into_iter()
                .filter(|other| *other != label)
            {
                assert_eq!(
                    opens(value, Label::from(other), &keys),
                    None,
                    "{label} as {other}"
                );
            }
        }
    }
}

#[test]
fn seals_into_the_same_shape_as_the_real_kubeseal() {
    for case in read(include_str!("vectors/kubeseal.json"))["cases"]
        .as_array()
        .unwrap()
    {
        let pem = rsa(case["key"].as_str().unwrap())["certificate_pem"]
            .as_str()
            .unwrap()
            .to_owned();
        let certificate = sealing::Certificate::from_pem(pem.as_bytes()).unwrap();
        let mut secret: k8s_openapi::api::core::v1::Secret =
            serde_json::from_value(case["secret"].clone()).unwrap();
        let scope: Scope = case["scope"].as_str().unwrap().parse().unwrap();
        if scope != Scope::Strict {
            scope.annotate(secret.metadata.annotations.get_or_insert_default());
        }
        let sealed = sealing::seal(&secret.into(), &certificate).unwrap();
        let shape = |mut sealed: Value| {
            for value in sealed["spec"]["encryptedData"]
                .as_object_mut()
                .unwrap()
                .values_mut()
            {
                *value = value.as_str().unwrap().len().into();
            }
            sealed
        };
        assert_eq!(
            shape(serde_json::to_value(&sealed).unwrap()),
            shape(case["sealed"].clone())
        );
    }
}
