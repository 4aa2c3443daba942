//! Why no key opens an item: under which other label it would open.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::effort::Effort;
use crate::envelope::Envelope;
use crate::named::Named;
use crate::unseal::{attempt, name_of};
use crate::{Failures, ItemError, Label, PrivateKey, Scope, SealedSecret, base64, label_of};

/// What is wrong with an item that does not open.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// It is sealed with another scope than its object has.
    Scope(&'static str),
    /// It is sealed for the name or the namespace in the object's template.
    Name(String),
    /// No key opens it under any label that can be guessed.
    Unknown,
}

/// The causes of the items of one object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Causes(BTreeMap<Cause, Vec<String>>);

/// A label, and what it would mean if an item opened under it.
struct Guess {
    label: Label,
    cause: Cause,
}

impl Causes {
    /// Looks for the causes of the undecryptable ones among `failures`, with as much effort as is
    /// allowed; what it finds no answer for is unknown.
    ///
    /// This tells which label opens a value, so no answer to a remote caller may depend on it.
    pub fn find(
        sealed: &SealedSecret,
        failures: &Failures,
        keys: &[Arc<PrivateKey>],
        effort: &mut dyn Effort,
    ) -> Self {
        let mut guesses = guesses(sealed);
        let mut keys = keys.to_vec();
        let mut causes: BTreeMap<Cause, Vec<String>> = BTreeMap::new();
        let undecryptable = failures
            .iter()
            .filter(|(_, error)| **error == ItemError::Undecryptable);
        for (item, _) in undecryptable {
            let text = sealed.spec.encrypted_data.get(item).map(String::as_str);
            let bytes = base64::decode(text.unwrap_or_default()).unwrap_or_default();
            let cause = Envelope::parse(&bytes)
                .ok()
                .and_then(|envelope| look(&envelope, &mut guesses, &mut keys, effort));
            causes
                .entry(cause.unwrap_or(Cause::Unknown))
                .or_default()
                .push(item.to_owned());
        }
        Self(causes)
    }

    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Causes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (cause, items)) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            let items: Named<'_> = items.iter().map(String::as_str).collect();
            write!(f, "{separator}{items}: {cause}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scope(scope) => write!(
                f,
                "sealed with the scope {scope}, which the annotations do not say"
            ),
            Self::Name(name) => write!(f, "sealed for {name}"),
            Self::Unknown => f.write_str("unknown key, or sealed for another name"),
        }
    }
}

/// The other scopes of the object itself, and the names that its template has.
fn guesses(sealed: &SealedSecret) -> Vec<Guess> {
    let (namespace, name) = name_of(sealed);
    let mut tried = vec![label_of(sealed)];
    let mut guesses = Vec::new();
    let mut guess = |label: Label, cause| {
        if !tried.contains(&label) {
            tried.push(label.clone());
            guesses.push(Guess { label, cause });
        }
    };
    for other in [Scope::Strict, Scope::NamespaceWide, Scope::ClusterWide] {
        guess(other.label(namespace, name), Cause::Scope(other.as_str()));
    }
    let template = &sealed.spec.template.metadata;
    let other_namespace = template.namespace.as_deref().unwrap_or(namespace);
    let other_name = template.name.as_deref().unwrap_or(name);
    let whole = format!("{other_namespace}/{other_name}");
    guess(
        Scope::Strict.label(other_namespace, other_name),
        Cause::Name(whole),
    );
    let of_namespace = format!("the namespace {other_namespace}");
    guess(
        Scope::NamespaceWide.label(other_namespace, other_name),
        Cause::Name(of_namespace),
    );
    guesses
}

/// What opens one item is tried first for the next: they usually came about together.
fn look(
    envelope: &Envelope<'_>,
    guesses: &mut [Guess],
    keys: &mut [Arc<PrivateKey>],
    effort: &mut dyn Effort,
) -> Option<Cause> {
    for key in 0..keys.len() {
        for guess in 0..guesses.len() {
            let label = &guesses[guess].label;
            if attempt(envelope, &keys[key], label, effort).ok()?.is_some() {
                keys[..=key].rotate_right(1);
                guesses[..=guess].rotate_right(1);
                return Some(guesses[0].cause.clone());
            }
        }
    }
    None
}
