//! What a SealedSecret may make of its values. Whoever may write one need not be trusted with every kind of Secret.

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::ResourceExt;
use sealing::SealedSecret;

use crate::config::Config;
use crate::error::Error;
use crate::key_ring::KEY_LABEL;
use crate::namespaced_name::NamespacedName;
use crate::ownership::Right;

/// Programs that copy a Secret to where its annotations say.
const COPYING: [&str; 2] = [
    "reflector.v1.k8s.emberstack.com/",
    "replicator.v1.mittwald.de/",
];

/// The type of a Secret that says none.
const OPAQUE: &str = "Opaque";

/// Refuses an object whose name or template says what is reserved or forbidden, before anything is opened.
/// The deprecated field holds its template within.
pub(crate) fn check_template(sealed: &SealedSecret, config: &Config) -> Result<(), Error> {
    check_name(&sealed.metadata, config)?;
    if sealed.spec.data.is_some() {
        return Ok(());
    }
    let template = &sealed.spec.template;
    let namespace = sealed.metadata.namespace.as_deref();
    check(
        &template.metadata,
        template.type_.as_deref(),
        namespace,
        config,
    )
}

/// Refuses a Secret that is reserved or forbidden, and warns of one that others will copy.
pub(crate) fn check_secret(secret: &sealing::Secret, config: &Config) -> Result<(), Error> {
    let metadata = &secret.metadata;
    check(
        metadata,
        secret.type_.as_deref(),
        metadata.namespace.as_deref(),
        config,
    )?;
    let mut annotations = metadata.annotations.iter().flatten().map(|(key, _)| key);
    // One is enough: there may be as many as an object holds.
    if let Some(key) = annotations.find(|key| COPYING.iter().any(|rule| covers(rule, key))) {
        warn_of_copies(metadata, key);
    }
    Ok(())
}

/// Where keys are, names like theirs are for them: a Secret of such a name could be taken for a key, or keep one
/// from being made. Without a prefix any name is like theirs, and none is reserved: then there is no key from
/// before labels to be mistaken for, and a new key finds another name.
fn check_name(metadata: &ObjectMeta, config: &Config) -> Result<(), Error> {
    let prefix = &config.key_prefix;
    let is_here = metadata.namespace.as_ref() == Some(&config.namespace);
    let is_like_a_key = || {
        let name = metadata.name.as_deref().unwrap_or_default();
        !prefix.is_empty() && name.starts_with(prefix)
    };
    match is_here && is_like_a_key() {
        true => Err(Error::ReservedName(prefix.clone())),
        false => Ok(()),
    }
}

/// What is left of a right where the live Secret is a key: to look.
pub(crate) fn spare_keys(right: Right, live: Option<&Secret>, config: &Config) -> Right {
    match live.is_some_and(|live| is_key(live, config)) {
        true => Right::Look,
        false => right,
    }
}

/// Whether a Secret is one of the controller's keys, retired or not: none is ever written for a SealedSecret, or
/// deleted with one.
pub(crate) fn is_key(live: &Secret, config: &Config) -> bool {
    live.metadata.namespace.as_ref() == Some(&config.namespace)
        && live.labels().contains_key(KEY_LABEL)
}

fn check(
    metadata: &ObjectMeta,
    of_type: Option<&str>,
    namespace: Option<&str>,
    config: &Config,
) -> Result<(), Error> {
    let annotations = metadata.annotations.iter().flatten().map(|(key, _)| key);
    let labels = metadata.labels.iter().flatten().map(|(key, _)| key);
    let is_here = namespace == Some(&*config.namespace);
    // Who may create a sealing key chooses what others seal to.
    if is_here && labels.clone().any(|label| label == KEY_LABEL) {
        return Err(Error::ReservedLabel);
    }
    let of_type = of_type
        .filter(|of_type| !of_type.is_empty())
        .unwrap_or(OPAQUE);
    if config
        .forbidden_types
        .iter()
        .any(|forbidden| forbidden == of_type)
    {
        return Err(Error::ForbiddenType(of_type.to_owned()));
    }
    let is_forbidden = |key: &&String| {
        config
            .forbidden_metadata
            .iter()
            .any(|rule| covers(rule, key))
    };
    let finalizers = metadata.finalizers.iter().flatten();
    match annotations
        .chain(labels)
        .chain(finalizers)
        .find(is_forbidden)
    {
        Some(key) => Err(Error::ForbiddenMetadata(key.clone())),
        None => Ok(()),
    }
}

/// A rule is a whole key, or the beginning of keys if it ends in a slash.
fn covers(rule: &str, key: &str) -> bool {
    match rule.ends_with('/') {
        true => key.starts_with(rule),
        false => key == rule,
    }
}

fn warn_of_copies(metadata: &ObjectMeta, key: &str) {
    let [namespace, name] =
        [&metadata.namespace, &metadata.name].map(|part| part.clone().unwrap_or_default());
    let secret = NamespacedName { namespace, name };
    tracing::warn!(%secret, annotation = key, "the template lets another program copy the Secret elsewhere");
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const TOKEN: &str = "kubernetes.io/service-account-token";

    fn secret(of_type: Option<&str>, annotation: &str, label: &str) -> sealing::Secret {
        let pair = |key: &str| Some(BTreeMap::from([(key.to_owned(), "v".to_owned())]));
        sealing::Secret {
            metadata: ObjectMeta {
                namespace: Some("shop".to_owned()),
                annotations: pair(annotation),
                labels: pair(label),
                ..ObjectMeta::default()
            },
            type_: of_type.map(str::to_owned),
            immutable: None,
            data: BTreeMap::new(),
        }
    }

    fn check_in(namespace: &str, secret: &sealing::Secret) -> Option<String> {
        let config = Config {
            forbidden_types: vec![TOKEN.to_owned(), "example.com/other".to_owned()],
            forbidden_metadata: vec!["exact".to_owned(), "example.com/".to_owned()],
            ..Config::defaults(namespace)
        };
        check_secret(secret, &config)
            .err()
            .map(|error| error.to_string())
    }

    #[test]
    fn forbids_the_types_that_it_was_told() {
        let token = secret(Some(TOKEN), "a", "b");
        let text =
            format!("cannot make a Secret of type `{TOKEN}`: forbidden by --forbidden-types");
        assert_eq!(check_in("kube-system", &token), Some(text));
        assert!(check_secret(&token, &Config::defaults("kube-system")).is_ok());
        assert_eq!(
            check_in("kube-system", &secret(Some("Opaque"), "a", "b")),
            None
        );
        assert_eq!(check_in("kube-system", &secret(None, "a", "b")), None);
    }

    #[test]
    fn knows_the_type_of_a_secret_that_says_none() {
        let config = Config {
            forbidden_types: vec![OPAQUE.to_owned()],
            ..Config::defaults("kube-system")
        };
        for of_type in [None, Some(""), Some(OPAQUE)] {
            assert!(check_secret(&secret(of_type, "a", "b"), &config).is_err());
        }
        assert!(check_secret(&secret(Some(TOKEN), "a", "b"), &config).is_ok());
    }

    #[test]
    fn forbids_annotations_and_labels_by_key_or_by_beginning() {
        for (annotation, label, found) in [
            ("exact", "b", Some("exact")),
            ("exactly", "b", None),
            ("a", "example.com/copy", Some("example.com/copy")),
            ("example.com", "b", None),
        ] {
            let text = found.map(|key| {
                format!("cannot put `{key}` on a Secret: forbidden by --forbidden-metadata")
            });
            assert_eq!(
                check_in("kube-system", &secret(None, annotation, label)),
                text
            );
        }
    }

    #[test]
    fn forbids_finalizers_by_the_same_rules() {
        let mut secret = secret(None, "a", "b");
        secret.metadata.finalizers = Some(vec!["c".to_owned(), "example.com/hold".to_owned()]);
        let text = check_in("kube-system", &secret);
        assert!(text.unwrap().starts_with("cannot put `example.com/hold` "));
        secret.metadata.finalizers = Some(vec!["c".to_owned()]);
        assert_eq!(check_in("kube-system", &secret), None);
    }

    #[test]
    fn reserves_the_label_of_keys_where_keys_are() {
        let key = secret(None, "a", KEY_LABEL);
        assert!(check_in("shop", &key).unwrap().contains("reserved"));
        assert_eq!(check_in("kube-system", &key), None);
    }

    fn check_named(name: &str, namespace: &str, prefix: &str) -> Option<String> {
        let mut sealed = SealedSecret::new(name, sealing::SealedSecretSpec::default());
        sealed.metadata.namespace = Some(namespace.to_owned());
        let config = Config {
            key_prefix: prefix.to_owned(),
            ..Config::defaults("kube-system")
        };
        let checked = check_template(&sealed, &config);
        checked.err().map(|error| error.to_string())
    }

    #[test]
    fn reserves_the_names_of_keys_where_keys_are() {
        let text = "cannot make a Secret whose name begins with `our-key`: reserved for sealing keys in this namespace";
        for name in ["our-key", "our-keyfirst", "our-key-of-mine"] {
            assert_eq!(
                check_named(name, "kube-system", "our-key").as_deref(),
                Some(text)
            );
            assert_eq!(check_named(name, "shop", "our-key"), None);
        }
        assert_eq!(check_named("our-ke", "kube-system", "our-key"), None);
        assert_eq!(check_named("your-key", "kube-system", "our-key"), None);
    }

    #[test]
    fn reserves_no_name_where_keys_have_no_prefix() {
        assert_eq!(check_named("db", "kube-system", ""), None);
    }

    #[test]
    fn knows_a_key_of_the_controller_retired_or_not() {
        let labelled = |namespace: &str, label: &str| {
            let mut secret = Secret::default();
            secret.metadata.namespace = Some(namespace.to_owned());
            secret
                .labels_mut()
                .insert(label.to_owned(), "compromised".to_owned());
            let config = Config::defaults("kube-system");
            let right = spare_keys(Right::Replace, Some(&secret), &config);
            assert_eq!(is_key(&secret, &config), right == Right::Look);
            is_key(&secret, &config)
        };
        assert!(labelled("kube-system", KEY_LABEL));
        assert!(!labelled("kube-system", "a") && !labelled("shop", KEY_LABEL));
    }
}
