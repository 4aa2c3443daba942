//! How widely a sealed value is bound: to one Secret, one namespace, or nothing.

use std::collections::BTreeMap;
use std::str::FromStr;

const NAMESPACE_WIDE: &str = "sealedsecrets.bitnami.com/namespace-wide";
const CLUSTER_WIDE: &str = "sealedsecrets.bitnami.com/cluster-wide";

/// Where a sealed value can be opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// Only under the namespace and name it was sealed for.
    #[default]
    Strict,
    /// Under any name in the namespace it was sealed for.
    NamespaceWide,
    /// Anywhere in the cluster.
    ClusterWide,
}

/// The OAEP label of a value: what its scope makes of namespace and name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label(String);

/// A scope whose name is not known.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("must be one of: strict, namespace-wide, cluster-wide")]
pub struct InvalidScope;

impl Scope {
    /// Reads the scope from annotations; only the exact value `true` counts, and cluster-wide wins.
    pub fn from_annotations(annotations: Option<&BTreeMap<String, String>>) -> Self {
        let is_set = |key| {
            annotations
                .and_then(|annotations| annotations.get(key))
                .is_some_and(|v| v == "true")
        };
        if is_set(CLUSTER_WIDE) {
            Self::ClusterWide
        } else if is_set(NAMESPACE_WIDE) {
            Self::NamespaceWide
        } else {
            Self::Strict
        }
    }

    /// Makes the annotations say this scope and no other.
    pub fn annotate(self, annotations: &mut BTreeMap<String, String>) {
        annotations.remove(CLUSTER_WIDE);
        annotations.remove(NAMESPACE_WIDE);
        if let Some(key) = self.annotation() {
            annotations.insert(key.to_owned(), "true".to_owned());
        }
    }

    /// The annotation key that says this scope; strict has none.
    pub fn annotation(self) -> Option<&'static str> {
        match self {
            Self::Strict => None,
            Self::NamespaceWide => Some(NAMESPACE_WIDE),
            Self::ClusterWide => Some(CLUSTER_WIDE),
        }
    }

    /// Makes the label that binds a value: `namespace/name`, `namespace`, or empty.
    pub fn label(self, namespace: &str, name: &str) -> Label {
        Label(match self {
            Self::Strict => format!("{namespace}/{name}"),
            Self::NamespaceWide => namespace.to_owned(),
            Self::ClusterWide => String::new(),
        })
    }

    /// The name of the scope, as flags write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::NamespaceWide => "namespace-wide",
            Self::ClusterWide => "cluster-wide",
        }
    }
}

impl FromStr for Scope {
    type Err = InvalidScope;

    fn from_str(name: &str) -> Result<Self, InvalidScope> {
        match name {
            "" | "strict" => Ok(Self::Strict),
            "namespace-wide" => Ok(Self::NamespaceWide),
            "cluster-wide" => Ok(Self::ClusterWide),
            _ => Err(InvalidScope),
        }
    }
}

impl Label {
    /// The raw UTF-8 bytes, as RSAES-OAEP takes them.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl From<&str> for Label {
    fn from(label: &str) -> Self {
        Self(label.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope_of(annotations: &[(&str, &str)]) -> Scope {
        let annotations = annotations
            .iter()
            .map(|(k, v)| (k.to_string(), v.to_string()))
            .collect();
        Scope::from_annotations(Some(&annotations))
    }

    #[test]
    fn is_strict_without_annotations() {
        assert_eq!(Scope::from_annotations(None), Scope::Strict);
    }

    #[test]
    fn counts_only_the_exact_word_true() {
        assert_eq!(scope_of(&[(NAMESPACE_WIDE, "true")]), Scope::NamespaceWide);
        for not_true in ["TRUE", "1", "yes", ""] {
            assert_eq!(scope_of(&[(NAMESPACE_WIDE, not_true)]), Scope::Strict);
        }
    }

    #[test]
    fn cluster_wide_wins_over_namespace_wide() {
        assert_eq!(
            scope_of(&[(NAMESPACE_WIDE, "true"), (CLUSTER_WIDE, "true")]),
            Scope::ClusterWide
        );
    }

    #[test]
    fn binds_to_namespace_and_name_to_namespace_or_to_nothing() {
        assert_eq!(Scope::Strict.label("shop", "db").as_bytes(), b"shop/db");
        assert_eq!(Scope::NamespaceWide.label("shop", "db").as_bytes(), b"shop");
        assert_eq!(Scope::ClusterWide.label("shop", "db").as_bytes(), b"");
    }

    #[test]
    fn replaces_the_annotations_of_another_scope() {
        let mut annotations = BTreeMap::from([(CLUSTER_WIDE.to_owned(), "true".to_owned())]);
        Scope::NamespaceWide.annotate(&mut annotations);
        assert_eq!(
            Scope::from_annotations(Some(&annotations)),
            Scope::NamespaceWide
        );
    }
}
