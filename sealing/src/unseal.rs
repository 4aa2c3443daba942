//! SealedSecret + keys → Secret.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::Deserialize;

use crate::effort::{Effort, Enough};
use crate::envelope::Envelope;
use crate::named::Named;
use crate::sealed_secret::SKIP_OWNER_REFERENCES;
use crate::template::{NotRendered, Parsed};
use crate::{
    Fingerprint, Label, Plaintext, PrivateKey, Renderer, Scope, SealedSecret, Secret, base64,
    template_metadata,
};

/// The values of a Secret have no more bytes than this.
/// <https://kubernetes.io/docs/concepts/configuration/secret/#restriction-data-size>
const SECRET: usize = 1 << 20;

/// Items that were opened, the label they were bound to, and the keys that opened them.
pub struct Opened {
    /// The label under which every item opened.
    pub label: Label,
    /// The values by item name.
    pub items: BTreeMap<String, Plaintext>,
    /// How many items each key opened.
    pub keys: BTreeMap<Fingerprint, usize>,
}

/// The Secret that a SealedSecret stands for, and the keys that opened its values.
pub struct Unsealed {
    /// The Secret.
    pub secret: Secret,
    /// How many values each key opened.
    pub keys: BTreeMap<Fingerprint, usize>,
}

/// Why a SealedSecret cannot be unsealed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// Some items do not open, or some templates do not parse.
    #[error("{0}")]
    Items(Failures),
    /// A template that parses could not be rendered with the opened values.
    #[error("template: cannot be rendered")]
    NotRendered,
    /// It has both the per-item format and the deprecated blob.
    #[error(
        "cannot use the field 'encryptedData' and the deprecated field 'data' at the same time"
    )]
    BothFormats,
    /// Its deprecated blob opens under no key.
    #[error("no key could decrypt secret")]
    DeprecatedBlob,
    /// Its deprecated blob opened, but holds no Secret.
    #[error("the deprecated field 'data' does not hold a Secret")]
    DeprecatedContent,
    /// Its deprecated blob has cost more private RSA operations than it may.
    #[error("too many attempts to open the deprecated field 'data'")]
    Budget,
}

/// Why one item or template key failed.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq, PartialOrd, Ord)]
pub enum ItemError {
    /// The text is not base64.
    #[error(transparent)]
    Base64(#[from] base64::Error),
    /// No key opened it under its label; a value that is cut short looks the same.
    #[error("no key could decrypt secret")]
    Undecryptable,
    /// The object has cost more private RSA operations than one object may.
    #[error("too many attempts to open the items of one object")]
    Budget,
    /// The template does not parse.
    #[error(transparent)]
    Template(#[from] gotemplate::Error),
}

/// Every failure of one object, by item; equal messages are told once.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Failures(BTreeMap<String, BTreeSet<ItemError>>);

/// Opens a SealedSecret and builds the Secret that it stands for.
///
/// # Guarantees
///
/// - The label comes from the outer metadata, never from the template.
/// - Any failure fails the whole object; no partial Secret exists.
/// - An error holds item names, positions and classes, never a value or text made from one. What depends on a
///   value, beside whether it opens, is one bit: whether all templates could be rendered.
///
/// # Assumptions
///
/// - `keys` are in the order in which they are worth trying; each item costs one private RSA
///   operation for each key tried.
pub fn unseal(
    sealed: &SealedSecret,
    keys: &[Arc<PrivateKey>],
    renderer: &Renderer,
) -> Result<Unsealed, Error> {
    unseal_within(sealed, keys, renderer, &mut Enough::default())
}

/// The same as [`unseal`], with as much effort as is allowed.
pub fn unseal_within(
    sealed: &SealedSecret,
    keys: &[Arc<PrivateKey>],
    renderer: &Renderer,
    effort: &mut dyn Effort,
) -> Result<Unsealed, Error> {
    let label = label_of(sealed);
    let spec = &sealed.spec;
    match &spec.data {
        Some(_) if !spec.encrypted_data.is_empty() => Err(Error::BothFormats),
        Some(blob) => {
            let (secret, key) = open_deprecated_blob(&blob.0, &label, keys, effort)?;
            Ok(Unsealed {
                secret: Secret {
                    metadata: secret_metadata(sealed, &secret.metadata),
                    ..secret
                },
                keys: [(key, 1)].into(),
            })
        }
        None => {
            let empty = BTreeMap::new();
            let texts = spec.template.data.as_ref().unwrap_or(&empty);
            let (templates, broken) = renderer.parse(texts);
            let (opened, mut failures) = open_what_opens(&spec.encrypted_data, label, keys, effort);
            for (name, error) in broken {
                failures.add(&name, error.into());
            }
            failures.or(()).map_err(Error::Items)?;
            let data = add_templates(opened.items, texts, &templates, renderer, effort)?;
            let type_ = spec.template.type_.clone();
            Ok(Unsealed {
                secret: Secret {
                    metadata: secret_metadata(sealed, &spec.template.metadata),
                    type_: type_.filter(|type_| !type_.is_empty()),
                    immutable: spec.template.immutable,
                    data,
                },
                keys: opened.keys,
            })
        }
    }
}

/// Opens ciphertexts under one label, and tells of every one that does not open.
pub fn open(
    items: &BTreeMap<String, String>,
    label: Label,
    keys: &[Arc<PrivateKey>],
) -> Result<Opened, Failures> {
    let (opened, failures) = open_what_opens(items, label, keys, &mut Enough::default());
    failures.or(opened)
}

/// Opens ciphertexts under one label, and stops at the first that does not open. This is all that a
/// remote caller can reach: there is no template among its arguments.
pub fn open_within(
    items: &BTreeMap<String, String>,
    label: Label,
    keys: &[Arc<PrivateKey>],
    effort: &mut dyn Effort,
) -> Result<Opened, ItemError> {
    let mut keys: Vec<&PrivateKey> = keys.iter().map(Arc::as_ref).collect();
    let mut opened = Opened::none(label);
    for (name, text) in items {
        let (value, key) = open_item(text, &opened.label, &mut keys, effort)?;
        opened.add(name, value, key);
    }
    Ok(opened)
}

/// Opens the deprecated blob of a SealedSecret, which holds a whole Secret. Like [`open_within`] it has
/// no template among its arguments.
pub fn open_deprecated(
    sealed: &SealedSecret,
    keys: &[Arc<PrivateKey>],
    effort: &mut dyn Effort,
) -> Result<(Label, Secret, Fingerprint), Error> {
    let spec = &sealed.spec;
    let blob = spec.data.as_ref().ok_or(Error::DeprecatedBlob)?;
    if !spec.encrypted_data.is_empty() {
        return Err(Error::BothFormats);
    }
    let label = label_of(sealed);
    let (secret, key) = open_deprecated_blob(&blob.0, &label, keys, effort)?;
    Ok((label, secret, key))
}

/// The label under which the values of a SealedSecret are to open: that of its outer metadata.
pub fn label_of(sealed: &SealedSecret) -> Label {
    let (namespace, name) = name_of(sealed);
    Scope::from_annotations(sealed.metadata.annotations.as_ref()).label(namespace, name)
}

fn open_what_opens(
    items: &BTreeMap<String, String>,
    label: Label,
    keys: &[Arc<PrivateKey>],
    effort: &mut dyn Effort,
) -> (Opened, Failures) {
    let mut keys: Vec<&PrivateKey> = keys.iter().map(Arc::as_ref).collect();
    let mut opened = Opened::none(label);
    let mut failures = Failures::default();
    for (name, text) in items {
        match open_item(text, &opened.label, &mut keys, effort) {
            Ok((value, key)) => opened.add(name, value, key),
            Err(error) => failures.add(name, error),
        }
    }
    (opened, failures)
}

fn open_item(
    text: &str,
    label: &Label,
    keys: &mut [&PrivateKey],
    effort: &mut dyn Effort,
) -> Result<(Plaintext, Fingerprint), ItemError> {
    let bytes = base64::decode(text)?;
    let envelope = Envelope::parse(&bytes).map_err(|_| ItemError::Undecryptable)?;
    for index in 0..keys.len() {
        if let Some(value) = attempt(&envelope, keys[index], label, effort)? {
            // Items of one object are usually sealed to one key: it is worth trying first.
            keys[..=index].rotate_right(1);
            return Ok((value, keys[0].fingerprint().clone()));
        }
    }
    Err(ItemError::Undecryptable)
}

/// One private RSA operation, if the effort allows one more.
pub(crate) fn attempt(
    envelope: &Envelope<'_>,
    key: &PrivateKey,
    label: &Label,
    effort: &mut dyn Effort,
) -> Result<Option<Plaintext>, ItemError> {
    if !effort.begin() {
        return Err(ItemError::Budget);
    }
    let value = envelope.open(key, label);
    effort.end(value.is_some());
    Ok(value)
}

fn open_deprecated_blob(
    blob: &[u8],
    label: &Label,
    keys: &[Arc<PrivateKey>],
    effort: &mut dyn Effort,
) -> Result<(Secret, Fingerprint), Error> {
    let envelope = Envelope::parse(blob).map_err(|_| Error::DeprecatedBlob)?;
    for key in keys {
        let value = attempt(&envelope, key, label, effort).map_err(|_| Error::Budget)?;
        let Some(value) = value else { continue };
        // The value is a whole Secret in JSON; its parts become values again at once.
        let secret = serde_json::from_slice::<Blob>(value.expose());
        let secret = secret.map_err(|_| Error::DeprecatedContent)?;
        return Ok((core::Secret::from(secret).into(), key.fingerprint().clone()));
    }
    Err(Error::DeprecatedBlob)
}

/// What a deprecated blob holds: as much of a Secret as is made of it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Blob {
    #[serde(default, deserialize_with = "template_metadata::deserialize")]
    metadata: ObjectMeta,
    r#type: Option<String>,
    immutable: Option<bool>,
    data: Option<BTreeMap<String, ByteString>>,
    string_data: Option<BTreeMap<String, String>>,
}

impl From<Blob> for core::Secret {
    fn from(blob: Blob) -> Self {
        Self {
            metadata: blob.metadata,
            type_: blob.r#type,
            immutable: blob.immutable,
            data: blob.data,
            string_data: blob.string_data,
        }
    }
}

/// Adds what the templates make. A decrypted value wins over a template of the same name; a null removes the name.
fn add_templates(
    values: BTreeMap<String, Plaintext>,
    texts: &BTreeMap<String, Option<String>>,
    templates: &Parsed<'_>,
    renderer: &Renderer,
    effort: &mut dyn Effort,
) -> Result<BTreeMap<String, Plaintext>, Error> {
    let mut data = BTreeMap::new();
    if !templates.is_empty() {
        effort.render();
        data = renderer
            .render(templates, &values)
            .map_err(|NotRendered| Error::NotRendered)?;
    }
    data.extend(values);
    data.retain(|name, _| !matches!(texts.get(name), Some(None)));
    // The API server would refuse it, and that would tell how much a template made.
    let bytes: usize = data.values().map(|value| value.expose().len()).sum();
    if !templates.is_empty() && bytes > SECRET {
        return Err(Error::NotRendered);
    }
    Ok(data)
}

/// The template's labels, annotations and finalizers under the SealedSecret's own name, owned by it. Never
/// its owners: what waits for an owner that is gone, the garbage collector would take and we would make
/// again, for ever.
fn secret_metadata(sealed: &SealedSecret, template: &ObjectMeta) -> ObjectMeta {
    let (namespace, name) = name_of(sealed);
    let is_set = |(key, value): (&String, &String)| key == SKIP_OWNER_REFERENCES && value == "true";
    let unowned = template.annotations.iter().flatten().any(is_set);
    let own = || {
        sealed.controller_owner_ref(&()).map(|mut owner| {
            owner.block_owner_deletion = None;
            vec![owner]
        })
    };
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some(namespace.to_owned()),
        labels: template.labels.clone(),
        annotations: template.annotations.clone(),
        finalizers: template.finalizers.clone(),
        owner_references: if unowned { None } else { own() },
        ..ObjectMeta::default()
    }
}

pub(crate) fn name_of(sealed: &SealedSecret) -> (&str, &str) {
    let metadata = &sealed.metadata;
    (
        metadata.namespace.as_deref().unwrap_or_default(),
        metadata.name.as_deref().unwrap_or_default(),
    )
}

impl Opened {
    fn none(label: Label) -> Self {
        Self {
            label,
            items: BTreeMap::new(),
            keys: BTreeMap::new(),
        }
    }

    fn add(&mut self, name: &str, value: Plaintext, key: Fingerprint) {
        self.items.insert(name.to_owned(), value);
        *self.keys.entry(key).or_default() += 1;
    }
}

impl Failures {
    fn add(&mut self, item: &str, error: ItemError) {
        self.0.entry(item.to_owned()).or_default().insert(error);
    }

    fn or<T>(self, success: T) -> Result<T, Self> {
        if self.0.is_empty() {
            Ok(success)
        } else {
            Err(self)
        }
    }

    /// The failed items and why each failed, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ItemError)> {
        self.0
            .iter()
            .flat_map(|(item, errors)| errors.iter().map(move |error| (item.as_str(), error)))
    }
}

impl Failures {
    /// The items of each failure, everything sorted: equal failures read equal.
    fn items_by_error(&self) -> BTreeMap<&ItemError, Named<'_>> {
        let mut items_by_error: BTreeMap<&ItemError, Named<'_>> = BTreeMap::new();
        for (item, error) in self.iter() {
            items_by_error.entry(error).or_default().add(item);
        }
        items_by_error
    }

    /// `message (item, item)`, one for each message.
    pub fn lines(&self) -> Vec<String> {
        let line = |(error, items)| format!("{error} ({items})");
        self.items_by_error().into_iter().map(line).collect()
    }
}

impl fmt::Display for Failures {
    /// The same, a line each. Nothing is built before it is written: there may be as many as an object holds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (error, items)) in self.items_by_error().into_iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{error} ({items})")?;
        }
        Ok(())
    }
}
