//! May we write this Secret, and how? Pure: it sees both objects and decides.

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{Resource, ResourceExt};
use sealing::SealedSecret;

const MANAGED: &str = "sealedsecrets.bitnami.com/managed";
const PATCH: &str = "sealedsecrets.bitnami.com/patch";

/// What may be done to the Secret of a SealedSecret.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Right {
    /// There is none yet.
    Create,
    /// It is ours.
    Replace,
    /// It asked to be merged into; `own` if it also asked to be owned.
    Merge { own: bool },
}

/// The Secret is somebody else's.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("Resource \"{0}\" already exists and is not managed by SealedSecret")]
pub(crate) struct NotOwned(pub(crate) String);

/// Decides what `sealed` may do to the live Secret of its name.
///
/// # Guarantees
///
/// - Only what the live Secret itself says is proof: its controller reference or its annotations.
///
/// # Assumptions
///
/// - `live` was read after `sealed`, and is written only in the version that was read.
pub(crate) fn decide(sealed: &SealedSecret, live: Option<&Secret>) -> Result<Right, NotOwned> {
    let Some(live) = live else {
        return Ok(Right::Create);
    };
    if asks(live, PATCH) {
        // Ownership is asked for by what the Secret will say after the merge.
        let template = sealed.spec.template.metadata.annotations.iter().flatten();
        let template_asks = template
            .into_iter()
            .any(|(key, value)| key == MANAGED && value == "true");
        Ok(Right::Merge {
            own: asks(live, MANAGED) || template_asks,
        })
    } else if is_ours(sealed, live) {
        Ok(Right::Replace)
    } else {
        Err(NotOwned(live.name_any()))
    }
}

/// Whether a Secret, of which the metadata is enough, is to be replaced as a whole.
pub(crate) fn is_ours(sealed: &SealedSecret, live: &impl ResourceExt) -> bool {
    let mut owners = live.owner_references().iter();
    asks(live, MANAGED) || owners.any(|owner| is_controller(owner, sealed))
}

fn asks(live: &impl ResourceExt, annotation: &str) -> bool {
    let value = live.annotations().get(annotation);
    value.is_some_and(|value| value == "true")
}

/// Whether a reference names this SealedSecret as controller. A uid that is not its own is that of
/// a SealedSecret that was deleted and came back under its name.
fn is_controller(owner: &OwnerReference, sealed: &SealedSecret) -> bool {
    let group = owner.api_version.split_once('/').map(|(group, _)| group);
    owner.controller == Some(true)
        && group == Some(&*SealedSecret::group(&()))
        && owner.kind == SealedSecret::kind(&())
        && owner.name == sealed.name_any()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn sealed_secret() -> SealedSecret {
        let mut sealed = SealedSecret::new("db", sealing::SealedSecretSpec::default());
        sealed.metadata.namespace = Some("shop".into());
        sealed.metadata.uid = Some("u1".into());
        sealed
    }

    fn secret() -> Secret {
        let mut secret = Secret::default();
        secret.metadata.name = Some("db".into());
        secret
    }

    fn annotated(annotations: &[&str]) -> Secret {
        let pairs = annotations
            .iter()
            .map(|key| (key.to_string(), "true".to_owned()));
        let mut secret = secret();
        secret.metadata.annotations = Some(BTreeMap::from_iter(pairs));
        secret
    }

    fn owned_by(change: impl Fn(&mut OwnerReference)) -> Secret {
        let mut owner = sealed_secret().controller_owner_ref(&()).unwrap();
        change(&mut owner);
        let mut secret = secret();
        secret.metadata.owner_references = Some(vec![owner]);
        secret
    }

    #[test]
    fn creates_the_secret_when_nothing_is_there() {
        assert_eq!(decide(&sealed_secret(), None), Ok(Right::Create));
    }

    #[test]
    fn replaces_a_secret_it_owns() {
        assert_eq!(
            decide(&sealed_secret(), Some(&owned_by(|_| ()))),
            Ok(Right::Replace)
        );
    }

    #[test]
    fn replaces_the_secret_of_its_own_former_self() {
        let stale = owned_by(|owner| owner.uid = "u0".into());
        assert_eq!(decide(&sealed_secret(), Some(&stale)), Ok(Right::Replace));
    }

    #[test]
    fn replaces_a_secret_that_asks_to_be_managed() {
        assert_eq!(
            decide(&sealed_secret(), Some(&annotated(&[MANAGED]))),
            Ok(Right::Replace)
        );
    }

    #[test]
    fn merges_into_a_secret_that_asks_to_be_patched() {
        let merge = |annotations: &[&str]| decide(&sealed_secret(), Some(&annotated(annotations)));
        assert_eq!(merge(&[PATCH]), Ok(Right::Merge { own: false }));
        assert_eq!(merge(&[PATCH, MANAGED]), Ok(Right::Merge { own: true }));
    }

    #[test]
    fn refuses_a_secret_it_does_not_own() {
        let refused = Err(NotOwned("db".into()));
        assert_eq!(decide(&sealed_secret(), Some(&secret())), refused);
        for foreign in [
            owned_by(|owner| owner.controller = None),
            owned_by(|owner| owner.name = "other".into()),
            owned_by(|owner| owner.kind = "Deployment".into()),
            owned_by(|owner| owner.api_version = "example.com/v1alpha1".into()),
        ] {
            assert_eq!(decide(&sealed_secret(), Some(&foreign)), refused);
        }
    }

    #[test]
    fn takes_only_the_exact_word_true_as_consent() {
        let mut secret = secret();
        secret.metadata.annotations =
            Some(BTreeMap::from([(MANAGED.to_owned(), "True".to_owned())]));
        assert_eq!(
            decide(&sealed_secret(), Some(&secret)),
            Err(NotOwned("db".into()))
        );
    }

    #[test]
    fn says_what_upstream_says() {
        let text = NotOwned("db".into()).to_string();
        assert_eq!(
            text,
            "Resource \"db\" already exists and is not managed by SealedSecret"
        );
    }
}
