//! How SealedSecrets and Secrets are printed: as JSON or YAML, in Go's order of fields.

use std::collections::BTreeMap;
use std::str::FromStr;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use sealing::{Plaintext, SealedSecret, SealedSecretSpec, Secret, Template, base64};
use zeroize::Zeroizing;

use crate::tree::Tree;
use crate::{go_json, go_yaml};

/// The syntax of printed manifests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Format {
    #[default]
    Json,
    Yaml,
}

impl FromStr for Format {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name.to_ascii_lowercase().as_str() {
            "" | "json" => Ok(Self::Json),
            "yaml" => Ok(Self::Yaml),
            _ => Err(format!("unsupported output format: {name}")),
        }
    }
}

impl Format {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Yaml => "YAML",
        }
    }

    /// Prints a SealedSecret: JSON ends with a line break, YAML begins with `---`.
    pub(crate) fn print(self, sealed: &SealedSecret) -> Result<String, serde_json::Error> {
        self.print_one(&sealed_secret(sealed))
    }

    /// Prints an opened Secret in the same way.
    pub(crate) fn print_secret(
        self,
        opened: &Secret,
    ) -> Result<Zeroizing<String>, serde_json::Error> {
        self.print_one(&secret(opened)).map(Zeroizing::new)
    }

    fn print_one(self, object: &Tree<'_>) -> Result<String, serde_json::Error> {
        match self {
            Self::Json => {
                let mut text = go_json::print(object)?;
                text.push('\n');
                Ok(text)
            }
            Self::Yaml => Ok(go_yaml::print(object)),
        }
    }
}

fn sealed_secret(sealed: &SealedSecret) -> Tree<'_> {
    Tree::of_fields([
        ("kind", Some("SealedSecret".into())),
        ("apiVersion", Some("bitnami.com/v1alpha1".into())),
        ("metadata", Some(metadata(&sealed.metadata))),
        ("spec", Some(spec(&sealed.spec))),
    ])
}

fn spec(spec: &SealedSecretSpec) -> Tree<'_> {
    let data = spec.data.as_ref();
    let data = data.map(|data| Tree::from(base64::encode(&data.0)));
    Tree::of_fields([
        ("template", Some(template(&spec.template))),
        ("data", data.filter(Tree::is_filled)),
        ("encryptedData", Some(texts(&spec.encrypted_data))),
    ])
}

fn template(template: &Template) -> Tree<'_> {
    let data = template.data.as_ref().map(texts);
    Tree::of_fields([
        ("metadata", Some(metadata(&template.metadata))),
        ("type", type_(template.type_.as_ref())),
        ("immutable", template.immutable.map(Tree::from)),
        ("data", data.filter(Tree::is_filled)),
    ])
}

fn secret(opened: &Secret) -> Tree<'_> {
    // Whoever recovers Secrets asked for their values.
    let encoded = |value: &Plaintext| base64::encode(value.expose()).into();
    let data = Some(Tree::of_map(&opened.data, encoded));
    Tree::of_fields([
        ("kind", Some("Secret".into())),
        ("apiVersion", Some("v1".into())),
        ("metadata", Some(metadata(&opened.metadata))),
        ("immutable", opened.immutable.map(Tree::from)),
        ("data", data.filter(Tree::is_filled)),
        ("type", type_(opened.type_.as_ref())),
    ])
}

fn type_(name: Option<&String>) -> Option<Tree<'_>> {
    name.map(Tree::from).filter(Tree::is_filled)
}

/// What is printed of an object's metadata.
fn metadata(metadata: &ObjectMeta) -> Tree<'_> {
    let owners = metadata.owner_references.as_deref().map(owners);
    let finalizers = metadata.finalizers.as_deref().map(list_of_texts);
    let fields = [
        ("name", metadata.name.as_ref().map(Tree::from)),
        ("namespace", metadata.namespace.as_ref().map(Tree::from)),
        ("labels", metadata.labels.as_ref().map(texts)),
        ("annotations", metadata.annotations.as_ref().map(texts)),
        ("ownerReferences", owners),
        ("finalizers", finalizers),
    ];
    Tree::of_fields(fields.map(|(name, field)| (name, field.filter(Tree::is_filled))))
}

fn texts<'a, T>(map: &'a BTreeMap<String, T>) -> Tree<'a>
where
    Tree<'a>: From<&'a T>,
{
    Tree::of_map(map, Tree::from)
}

fn list_of_texts(list: &[String]) -> Tree<'_> {
    Tree::List(list.iter().map(Tree::from).collect())
}

fn owners(list: &[OwnerReference]) -> Tree<'_> {
    Tree::List(list.iter().map(owner).collect())
}

fn owner(owner: &OwnerReference) -> Tree<'_> {
    Tree::of_fields([
        ("apiVersion", Some((&owner.api_version).into())),
        ("kind", Some((&owner.kind).into())),
        ("name", Some((&owner.name).into())),
        ("uid", Some((&owner.uid).into())),
        ("controller", owner.controller.map(Tree::from)),
        (
            "blockOwnerDeletion",
            owner.block_owner_deletion.map(Tree::from),
        ),
    ])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn leaves_out_what_go_leaves_out() {
        let template =
            json!({"metadata": {"labels": {}, "annotations": {}}, "type": "", "data": {}});
        let spec = json!({"encryptedData": {}, "data": "", "template": template});
        let metadata =
            json!({"name": "db", "namespace": "", "finalizers": [], "ownerReferences": []});
        let object = json!({"spec": spec, "metadata": metadata});
        let sealed = SealedSecret::from_value(&object).unwrap();
        let printed = Format::Yaml.print(&sealed).unwrap();
        assert_eq!(
            printed,
            "---\napiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata:\n  name: db\nspec:\n  encryptedData: {}\n  template:\n    metadata: {}\n"
        );
    }

    #[test]
    fn prints_fields_in_the_order_of_gos_structs() {
        let owner = json!({"blockOwnerDeletion": true, "controller": true, "uid": "u", "name": "n", "kind": "K", "apiVersion": "v1"});
        let metadata = json!({
            "finalizers": ["a/b"], "ownerReferences": [owner], "annotations": {"b": "2", "a": "1"},
            "labels": {}, "namespace": "shop", "name": "db",
        });
        let template = json!({"data": {"a": "x", "b": null}, "immutable": false, "type": "Opaque", "metadata": {"name": "db"}});
        let spec = json!({"encryptedData": {"a": "AgB"}, "data": "AgA=", "template": template});
        let object = json!({"spec": spec, "metadata": metadata, "kind": "SealedSecret", "apiVersion": "bitnami.com/v1alpha1"});
        let sealed = SealedSecret::from_value(&object).unwrap();
        let printed = Format::Json.print(&sealed).unwrap();
        let compact: String = printed.split_whitespace().collect();
        assert_eq!(
            compact,
            r#"{"kind":"SealedSecret","apiVersion":"bitnami.com/v1alpha1","metadata":{"name":"db","namespace":"shop","annotations":{"a":"1","b":"2"},"ownerReferences":[{"apiVersion":"v1","kind":"K","name":"n","uid":"u","controller":true,"blockOwnerDeletion":true}],"finalizers":["a/b"]},"spec":{"template":{"metadata":{"name":"db"},"type":"Opaque","immutable":false,"data":{"a":"x","b":null}},"data":"AgA=","encryptedData":{"a":"AgB"}}}"#
        );
    }
}
