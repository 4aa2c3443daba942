//! `kubeseal explain`: why the templates of SealedSecrets cannot be rendered. The controller tells nobody, since
//! an error may spell a value; this tells those who hold the values anyway: the private keys, or the plain
//! Secrets. No cluster is asked.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use aws_lc_rs::rand;
use sealing::{Plaintext, PrivateKey, Renderer, Secret};
use zeroize::Zeroizing;

use crate::Io;
use crate::input::{self, Input};
use crate::manifest;
use crate::output::Output;
use crate::private_keys::PrivateKeys;
use crate::sealed_manifest::{self, Others, SealedManifest};

pub(crate) struct Explain {
    pub(crate) sealed_file: Option<PathBuf>,
    pub(crate) values: Values,
}

/// Where the values come from.
pub(crate) enum Values {
    /// They are opened with these private keys.
    Keys(Vec<PathBuf>),
    /// Plain Secrets are on stdin.
    Stdin,
}

/// Why SealedSecrets are not rendered.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no SealedSecrets found in the input")]
    NoInput,
    #[error("not all templates can be rendered")]
    Broken(Causes),
}

/// What is wrong, line by line; it may hold values, so nothing shows it but `lines`.
pub struct Causes(Vec<Zeroizing<String>>);

impl Causes {
    /// For whoever holds the values.
    pub(crate) fn lines(&self) -> Vec<Zeroizing<String>> {
        self.0.clone()
    }
}

impl fmt::Debug for Causes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Causes(..)")
    }
}

/// Who opens the values, or has them open.
enum Opener {
    Keys(Vec<Arc<PrivateKey>>),
    Secrets(Vec<Secret>),
}

impl Explain {
    pub(crate) async fn run(self, io: &mut Io) -> Result<(), crate::Error> {
        let input = Input::open(self.sealed_file.as_deref(), io)?;
        let opener = match &self.values {
            Values::Keys(files) => Opener::Keys(PrivateKeys::read(files, io)?.keys),
            Values::Stdin => Opener::Secrets(plain_secrets(io)?),
        };
        let sealed = sealed_manifest::read(input.read(io)?, Others::Keep, io)
            .map_err(sealed_manifest::Error)?;
        if sealed.objects.is_empty() {
            return Err(Error::NoInput.into());
        }
        let renderer = Renderer::new(SystemTime::now, Instant::now, |buffer| {
            rand::fill(buffer).is_ok()
        });
        let mut broken = Vec::new();
        let mut templates = 0;
        for manifest in &sealed.objects {
            templates += count(manifest);
            let lines = opener.explain(manifest, &renderer);
            let place = format!("document {}, `{}`: ", manifest.document, manifest.name());
            broken.extend(lines.iter().map(|line| joined(&place, line)));
        }
        if !broken.is_empty() {
            return Err(Error::Broken(Causes(broken)).into());
        }
        let said = match (templates, sealed.objects.len()) {
            (1, 1) => "ok: 1 template of 1 SealedSecret is rendered\n".to_owned(),
            (templates, 1) => format!("ok: {templates} templates of 1 SealedSecret are rendered\n"),
            (templates, objects) => {
                format!("ok: {templates} templates of {objects} SealedSecrets are rendered\n")
            }
        };
        Ok(Output::Stdout.write(&[said], io)?)
    }
}

impl Opener {
    /// What is wrong with an object, line by line, as Go would say it.
    fn explain(&self, manifest: &SealedManifest, renderer: &Renderer) -> Vec<Zeroizing<String>> {
        let object = &manifest.object;
        if let (Self::Keys(keys), Some(_)) = (self, &object.spec.data) {
            // It is a whole Secret in one piece, and has no templates.
            let unsealed = sealing::unseal(object, keys, renderer);
            return unsealed
                .err()
                .map(|error| Zeroizing::new(error.to_string()))
                .into_iter()
                .collect();
        }
        let empty = BTreeMap::new();
        let templates = object.spec.template.data.as_ref().unwrap_or(&empty);
        let explain = |values: &BTreeMap<String, Plaintext>| {
            let explained = renderer.explain(templates, values);
            // Whoever asks holds the values.
            explained
                .iter()
                .map(|failure| Zeroizing::new(failure.expose().to_owned()))
                .collect()
        };
        match self {
            Self::Keys(keys) => {
                let label = sealing::label_of(object);
                match sealing::open(&object.spec.encrypted_data, label, keys) {
                    Ok(opened) => explain(&opened.items),
                    Err(failures) => failures.lines().into_iter().map(Zeroizing::new).collect(),
                }
            }
            Self::Secrets(secrets) => match values_of(manifest, secrets) {
                Ok(values) => explain(&values),
                Err(missing) => missing.into_iter().map(Zeroizing::new).collect(),
            },
        }
    }
}

/// In one piece of memory, which is wiped: a text that grows leaves copies behind.
fn joined(place: &str, line: &str) -> Zeroizing<String> {
    let mut joined = Zeroizing::new(String::with_capacity(place.len() + line.len()));
    joined.push_str(place);
    joined.push_str(line);
    joined
}

/// The values of the Secret that an object stands for: those that are sealed in it, and no others.
fn values_of(
    manifest: &SealedManifest,
    secrets: &[Secret],
) -> Result<BTreeMap<String, Plaintext>, Vec<String>> {
    let own = &manifest.object.metadata;
    let is_its = |secret: &&Secret| {
        let other = &secret.metadata;
        other.name == own.name && (other.namespace.is_none() || other.namespace == own.namespace)
    };
    let Some(secret) = secrets.iter().find(is_its) else {
        return Err(vec!["its Secret is not on stdin".to_owned()]);
    };
    let mut values = BTreeMap::new();
    let mut missing = Vec::new();
    for item in manifest.object.spec.encrypted_data.keys() {
        match secret.data.get(item) {
            // The template is rendered from a copy: two objects may stand for one Secret.
            Some(value) => {
                values.insert(item.clone(), Plaintext::new(value.expose().to_vec()));
            }
            None => missing.push(format!("item `{item}` is not in the Secret on stdin")),
        }
    }
    if missing.is_empty() {
        Ok(values)
    } else {
        Err(missing)
    }
}

fn plain_secrets(io: &mut Io) -> Result<Vec<Secret>, crate::Error> {
    if io.stdin_is_terminal {
        io.note("(tty detected: expecting json/yaml k8s resource in stdin)");
    }
    let manifests = manifest::read(input::read_stdin(io)?, io)?;
    Ok(manifests
        .into_iter()
        .map(|manifest| *manifest.secret)
        .collect())
}

fn count(manifest: &SealedManifest) -> usize {
    let templates = manifest.object.spec.template.data.iter().flatten();
    templates.filter(|(_, text)| text.is_some()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_a_value_in_its_lines_only() {
        let line = joined("document 1, `db`: ", "cannot parse hunter2hunter2");
        let error = crate::Error::from(Error::Broken(Causes(vec![line])));
        let shown = format!("{error:?} {error:#?} {error}");
        assert!(!shown.contains("hunter2"), "{shown}");
        let lines = error.lines();
        assert_eq!(*lines[0], "document 1, `db`: cannot parse hunter2hunter2");
    }
}
