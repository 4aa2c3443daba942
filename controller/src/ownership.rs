//! May we write this Secret, and how? Pure: it sees both objects and decides.

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{Resource, ResourceExt};
use sealing::SealedSecret;

pub(crate) const MANAGED: &str = "sealedsecrets.bitnami.com/managed";
pub(crate) const PATCH: &str = "sealedsecrets.bitnami.com/patch";

/// What may be done to the Secret of a SealedSecret.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Right {
    /// There is none yet.
    Create,
    /// It is ours.
    Replace,
    /// It asked to be merged into; `own` if it also asked to be owned.
    Merge { own: bool },
    /// It is somebody else's: it may be as it should be already, but is not ours to write.
    Look,
}

/// Decides what `sealed` may do to the live Secret of its name.
///
/// # Guarantees
///
/// - Proof is what the live Secret itself says, its controller reference or its annotations, and that
///   it is the very Secret that was written for `sealed` and not merged into.
///
/// # Assumptions
///
/// - `written` is the uid of a Secret from an authentic record of `sealed`.
/// - `live` was read after `sealed`, and is written only in the version that was read.
pub(crate) fn decide(sealed: &SealedSecret, live: Option<&Secret>, written: Option<&str>) -> Right {
    let Some(live) = live else {
        return Right::Create;
    };
    if asks(live, PATCH) {
        // Ownership is asked for by what the Secret will say after the merge.
        let template = sealed.spec.template.metadata.annotations.iter().flatten();
        let template_asks = template
            .into_iter()
            .any(|(key, value)| key == MANAGED && value == "true");
        Right::Merge {
            own: asks(live, MANAGED) || template_asks,
        }
    } else if is_ours(sealed, live) || written.is_some_and(|uid| live.uid().as_deref() == Some(uid))
    {
        Right::Replace
    } else {
        Right::Look
    }
}

/// Whether a Secret, of which the metadata is enough, is to be replaced as a whole.
pub(crate) fn is_ours(sealed: &SealedSecret, live: &impl ResourceExt) -> bool {
    belongs_to(live, &sealed.name_any())
}

/// The same for a SealedSecret of which only the name is known.
pub(crate) fn belongs_to(live: &impl ResourceExt, name: &str) -> bool {
    let mut owners = live.owner_references().iter();
    asks(live, MANAGED) || owners.any(|owner| is_controller(owner, name))
}

/// Whether an object says yes by an annotation.
pub(crate) fn asks(live: &impl ResourceExt, annotation: &str) -> bool {
    let value = live.annotations().get(annotation);
    value.is_some_and(|value| value == "true")
}

/// Whether a reference names this SealedSecret as controller. A uid that is not its own is that of
/// a SealedSecret that was deleted and came back under its name.
fn is_controller(owner: &OwnerReference, name: &str) -> bool {
    let group = owner.api_version.split_once('/').map(|(group, _)| group);
    owner.controller == Some(true)
        && group == Some(&*SealedSecret::group(&()))
        && owner.kind == SealedSecret::kind(&())
        && owner.name == name
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

    fn right(live: &Secret) -> Right {
        decide(&sealed_secret(), Some(live), None)
    }

    #[test]
    fn creates_the_secret_when_nothing_is_there() {
        assert_eq!(decide(&sealed_secret(), None, Some("s1")), Right::Create);
    }

    #[test]
    fn replaces_a_secret_it_owns() {
        assert_eq!(right(&owned_by(|_| ())), Right::Replace);
    }

    #[test]
    fn replaces_the_secret_of_its_own_former_self() {
        let stale = owned_by(|owner| owner.uid = "u0".into());
        assert_eq!(right(&stale), Right::Replace);
    }

    #[test]
    fn replaces_a_secret_that_asks_to_be_managed() {
        assert_eq!(right(&annotated(&[MANAGED])), Right::Replace);
    }

    #[test]
    fn merges_into_a_secret_that_asks_to_be_patched() {
        let merge = |annotations: &[&str]| right(&annotated(annotations));
        assert_eq!(merge(&[PATCH]), Right::Merge { own: false });
        assert_eq!(merge(&[PATCH, MANAGED]), Right::Merge { own: true });
    }

    #[test]
    fn refuses_a_secret_it_does_not_own() {
        assert_eq!(right(&secret()), Right::Look);
        for foreign in [
            owned_by(|owner| owner.controller = None),
            owned_by(|owner| owner.name = "other".into()),
            owned_by(|owner| owner.kind = "Deployment".into()),
            owned_by(|owner| owner.api_version = "example.com/v1alpha1".into()),
        ] {
            assert_eq!(right(&foreign), Right::Look);
        }
    }

    #[test]
    fn takes_only_the_exact_word_true_as_consent() {
        let mut secret = secret();
        secret.metadata.annotations =
            Some(BTreeMap::from([(MANAGED.to_owned(), "True".to_owned())]));
        assert_eq!(right(&secret), Right::Look);
    }

    #[test]
    fn replaces_the_secret_that_it_wrote_though_nothing_in_it_says_so() {
        let mut secret = secret();
        secret.metadata.uid = Some("s1".into());
        let right = |written| decide(&sealed_secret(), Some(&secret), written);
        assert_eq!(right(Some("s1")), Right::Replace);
        assert_eq!(right(Some("s0")), Right::Look);
    }
}
