//! The Secrets of Contoso AB, with values made in memory: nothing plain is written anywhere.

use std::collections::BTreeMap;

use anyhow::Context;
use aws_lc_rs::rand;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

pub(crate) const NAMESPACE: &str = "contoso";
/// The Secret whose sealed form gets a template, and the item that the template makes.
pub(crate) const TEMPLATED: (&str, &str) = ("database-connection", "appsettings.json");

const HOST: &str = "contosoab.se";
const OPAQUE: &str = "Opaque";

/// The seven Secrets, plain.
pub(crate) fn secrets() -> anyhow::Result<Vec<Secret>> {
    let (certificates, private_key) = tls_pair()?;
    let registry = format!(
        r#"{{"auths":{{"registry.{HOST}":{{"username":"puller","password":"{}"}}}}}}"#,
        password()?
    );
    let connection = format!(
        "Server=db.{HOST};Database=shop;User='web';Password='{}'",
        password()?
    );
    let mut registry = secret(
        "registry-login",
        "kubernetes.io/dockerconfigjson",
        [(".dockerconfigjson", registry.into_bytes())],
    );
    // Any Secret of the namespace may be made of it, under any name.
    let scope = (
        "sealedsecrets.bitnami.com/namespace-wide".to_owned(),
        "true".to_owned(),
    );
    registry.metadata.annotations = Some(BTreeMap::from([scope]));
    Ok(vec![
        secret(
            "backendsecret",
            OPAQUE,
            [
                ("username", b"backend".to_vec()),
                ("password", password()?.into()),
            ],
        ),
        secret(
            "external-service-token",
            OPAQUE,
            [("token-value", password()?.into_bytes())],
        ),
        secret(
            "externalservicekeyfile",
            OPAQUE,
            [("externalservicekeyfile", key_file()?)],
        ),
        secret(
            "contosoab-se-tls",
            "kubernetes.io/tls",
            [("tls.crt", certificates), ("tls.key", private_key)],
        ),
        secret(
            TEMPLATED.0,
            OPAQUE,
            [("connection-string", connection.into_bytes())],
        ),
        secret(
            "file-share",
            OPAQUE,
            [
                ("azurestorageaccountname", b"contosofiles".to_vec()),
                ("azurestorageaccountkey", password()?.into_bytes()),
            ],
        ),
        registry,
    ])
}

/// What the template of [`TEMPLATED`] must give.
pub(crate) fn appsettings(connection: &str) -> String {
    format!("{{\n  \"ConnectionStrings\": {{\n    \"Contoso\": \"{connection}\"\n  }}\n}}\n")
}

fn secret<const N: usize>(name: &str, type_: &str, data: [(&str, Vec<u8>); N]) -> Secret {
    Secret {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(NAMESPACE.to_owned()),
            ..ObjectMeta::default()
        },
        type_: Some(type_.to_owned()),
        data: Some(
            data.into_iter()
                .map(|(item, value)| (item.to_owned(), ByteString(value)))
                .collect(),
        ),
        ..Secret::default()
    }
}

fn password() -> anyhow::Result<String> {
    Ok(random::<24>()?
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

/// Every byte there is, and then random ones: zero and line break are among them.
fn key_file() -> anyhow::Result<Vec<u8>> {
    let mut bytes: Vec<u8> = (0..=255).collect();
    bytes.extend(random::<256>()?);
    Ok(bytes)
}

fn random<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes)
        .ok()
        .context("cannot get random bytes")?;
    Ok(bytes)
}

/// A certificate for the shop with the intermediate that signed it, and its key, in PEM.
fn tls_pair() -> anyhow::Result<(Vec<u8>, Vec<u8>)> {
    let root = CertifiedIssuer::self_signed(authority("Contoso root"), KeyPair::generate()?)?;
    let intermediate = CertifiedIssuer::signed_by(
        authority("Contoso intermediate"),
        KeyPair::generate()?,
        &root,
    )?;
    let key = KeyPair::generate()?;
    let leaf = CertificateParams::new([HOST.to_owned()])?.signed_by(&key, &intermediate)?;
    let chain = format!("{}{}", leaf.pem(), intermediate.pem());
    Ok((chain.into_bytes(), key.serialize_pem().into_bytes()))
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}
