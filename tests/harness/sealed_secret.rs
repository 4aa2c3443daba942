//! Builders that show only what matters: `sealed_secret("db").item("a", "b", &key)`.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use sealing::{Certificate, GeneratedKey, Plaintext, Scope, seal_value};
use serde_json::{Value, json};

/// A sealing key.
pub struct Fixture {
    /// What its Secret's name ends in.
    pub name: String,
    pub private_key: String,
    pub certificate: String,
}

impl Fixture {
    pub fn rsa2048() -> Self {
        Self::read(
            "2048",
            include_str!("../../sealing/tests/vectors/rsa2048.json"),
        )
    }

    pub fn rsa4096() -> Self {
        Self::read(
            "4096",
            include_str!("../../sealing/tests/vectors/rsa4096.json"),
        )
    }

    /// A new key that seals from this moment on.
    pub fn made_at(not_before: Timestamp) -> Self {
        let year = SignedDuration::from_hours(365 * 24);
        let made = GeneratedKey::generate(2048, "", not_before, year).unwrap();
        Self {
            name: made.certificate.fingerprint().short().to_owned(),
            // a key for tests, and for tests only
            private_key: String::from_utf8(made.private_key_pem.expose().to_vec()).unwrap(),
            certificate: made.certificate.as_pem().to_owned(),
        }
    }

    /// What the key is called for short.
    pub fn fingerprint(&self) -> String {
        let certificate = Certificate::from_pem(self.certificate.as_bytes()).unwrap();
        certificate.fingerprint().short().to_owned()
    }

    /// The key of a key Secret.
    pub fn of(secret: &Secret) -> Self {
        let data = secret.data.as_ref().unwrap();
        let text = |item: &str| String::from_utf8(data[item].0.clone()).unwrap();
        Self {
            name: secret.name_any(),
            private_key: text("tls.key"),
            certificate: text("tls.crt"),
        }
    }

    fn read(name: &str, vectors: &str) -> Self {
        let vectors: Value = serde_json::from_str(vectors).unwrap();
        let text = |field: &str| vectors[field].as_str().unwrap().to_owned();
        Self {
            name: name.to_owned(),
            private_key: text("private_key_pkcs1_pem"),
            certificate: text("certificate_pem"),
        }
    }
}

/// Builds a SealedSecret in the namespace `shop`, strictly scoped.
pub fn sealed_secret(name: &str) -> Builder {
    Builder {
        name: name.to_owned(),
        namespace: "shop".to_owned(),
        scope: Scope::Strict,
        items: BTreeMap::new(),
        template: json!({}),
    }
}

/// A SealedSecret in the making.
#[derive(Clone)]
pub struct Builder {
    name: String,
    namespace: String,
    scope: Scope,
    items: BTreeMap<String, Value>,
    template: Value,
}

impl Builder {
    pub fn in_namespace(mut self, namespace: &str) -> Self {
        self.namespace = namespace.to_owned();
        self
    }

    /// Call it before `item`, which seals.
    pub fn scoped(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// Seals an item to a key.
    pub fn item(self, item: &str, value: &str, key: &Fixture) -> Self {
        let certificate = Certificate::from_pem(key.certificate.as_bytes()).unwrap();
        let label = self.scope.label(&self.namespace, &self.name);
        let sealed = seal_value(&Plaintext::new(value.into()), &certificate, &label).unwrap();
        self.raw_item(item, sealed.into())
    }

    /// Sets an item to whatever is given.
    pub fn raw_item(mut self, item: &str, sealed: Value) -> Self {
        self.items.insert(item.to_owned(), sealed);
        self
    }

    pub fn template(mut self, template: Value) -> Self {
        self.template = template;
        self
    }

    /// Gives the sealed items to an object of another name.
    pub fn renamed(mut self, name: &str) -> Self {
        self.name = name.to_owned();
        self
    }

    pub fn spec(&self) -> Value {
        json!({ "encryptedData": self.items, "template": self.template })
    }

    pub fn object(&self) -> Value {
        let annotations: BTreeMap<_, _> = self
            .scope
            .annotation()
            .map(|key| (key, "true"))
            .into_iter()
            .collect();
        json!({
            "apiVersion": "bitnami.com/v1alpha1",
            "kind": "SealedSecret",
            "metadata": { "name": self.name, "namespace": self.namespace, "annotations": annotations },
            "spec": self.spec(),
        })
    }
}
