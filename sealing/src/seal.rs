//! Secret + certificate → SealedSecret.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::{
    Certificate, Label, Plaintext, Scope, SealedSecret, SealedSecretSpec, Secret, Template, base64,
    envelope,
};

/// Fields of an object's metadata that only an API server writes.
pub const SERVER_METADATA: [&str; 8] = [
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
    "selfLink",
];
/// Annotations in which tools keep a copy of the whole object, plain values included.
pub const LAST_APPLIED: [&str; 4] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    "kubecfg.ksonnet.io/last-applied-configuration",
    "kapp.k14s.io/original",
    "objectset.rio.cattle.io/applied",
];

/// Seals every value of a Secret, in the scope that its annotations say.
///
/// What only a cluster writes (uid, versions, timestamps, owners) is left out; every other label
/// and annotation goes into the template.
pub fn seal(secret: &Secret, certificate: &Certificate) -> Result<SealedSecret, envelope::Error> {
    let template = template(secret);
    let metadata = template.metadata.clone();
    let scope = Scope::from_annotations(metadata.annotations.as_ref());
    let name = metadata.name.clone().unwrap_or_default();
    let label = scope.label(metadata.namespace.as_deref().unwrap_or_default(), &name);
    let spec = SealedSecretSpec {
        encrypted_data: seal_values(&secret.data, certificate, &label)?,
        data: None,
        template,
    };
    let mut sealed = SealedSecret::new(&name, spec);
    sealed.metadata.namespace = metadata.namespace;
    sealed.metadata.annotations = scope
        .annotation()
        .map(|key| BTreeMap::from([(key.to_owned(), "true".to_owned())]));
    Ok(sealed)
}

/// The template that makes everything of a Secret but its values: what only a cluster writes, and copies
/// of the whole, are left out.
pub fn template(secret: &Secret) -> Template {
    Template {
        metadata: template_metadata(&secret.metadata),
        type_: secret.type_.clone(),
        immutable: secret.immutable,
        data: None,
    }
}

/// Seals values under one label, each as [`seal_value`] does.
pub fn seal_values(
    values: &BTreeMap<String, Plaintext>,
    certificate: &Certificate,
    label: &Label,
) -> Result<BTreeMap<String, String>, envelope::Error> {
    let seal_item = |(item, value): (&String, &Plaintext)| {
        Ok((item.clone(), seal_value(value, certificate, label)?))
    };
    values.iter().map(seal_item).collect()
}

/// Seals one value and writes it as base64.
pub fn seal_value(
    value: &Plaintext,
    certificate: &Certificate,
    label: &Label,
) -> Result<String, envelope::Error> {
    Ok(base64::encode(&envelope::seal(value, certificate, label)?))
}

fn template_metadata(metadata: &ObjectMeta) -> ObjectMeta {
    let mut annotations = metadata.annotations.clone().unwrap_or_default();
    annotations.retain(|key, _| !LAST_APPLIED.contains(&key.as_str()));
    ObjectMeta {
        name: metadata.name.clone(),
        namespace: metadata.namespace.clone(),
        labels: metadata.labels.clone(),
        annotations: (!annotations.is_empty()).then_some(annotations),
        finalizers: metadata.finalizers.clone(),
        ..ObjectMeta::default()
    }
}
