//! Changes SealedSecrets within the text they came in. The result is read again and compared: it
//! holds what was to be changed, and everything else as it was.

use serde_json::Value;

use crate::document::{self, Content, Document, Node};
use crate::format::Format;
use crate::sealed_manifest::{Sealed, SealedManifest};
use crate::splice::{Changes, Conflict, Splice};

/// Why a text cannot be changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Conflict(#[from] Conflict),
    #[error("there are other documents in it, which cannot be printed as {0}")]
    Others(&'static str),
    #[error("cannot print the SealedSecret: {0}")]
    Print(#[from] serde_json::Error),
}

/// Changes objects, and prints them all anew only where another format is asked for.
pub(crate) fn apply(
    sealed: &Sealed,
    changes: &[(usize, Changes)],
    format: Option<Format>,
) -> Result<Vec<u8>, Error> {
    let own = if sealed.is_json {
        Format::Json
    } else {
        Format::Yaml
    };
    let in_place = match format {
        Some(format) if format != own => None,
        _ => Some(splice(sealed, changes)),
    };
    match (in_place, format) {
        (Some(Ok(text)), _) => Ok(sealed.text.encoding.write(&text)),
        (Some(Err(conflict)), None) => Err(conflict.into()),
        (Some(Err(_)) | None, format) => print(sealed, changes, format.unwrap_or(own)),
    }
}

fn splice(sealed: &Sealed, changes: &[(usize, Changes)]) -> Result<String, Conflict> {
    let text = &sealed.text.text;
    let mut splice = Splice::new(text);
    for (index, changes) in changes {
        splice.change(&sealed.objects[*index].node, changes)?;
    }
    let changed = splice.finish();
    verify(sealed, changes, &changed)?;
    Ok(changed)
}

fn print(sealed: &Sealed, changes: &[(usize, Changes)], format: Format) -> Result<Vec<u8>, Error> {
    if sealed.has_others {
        return Err(Error::Others(format.name()));
    }
    let mut printed = String::new();
    for (index, SealedManifest { value, object, .. }) in sealed.objects.iter().enumerate() {
        let changed = changes.iter().find(|(changed, _)| *changed == index);
        let object = match changed {
            None => object.clone(),
            Some((_, changes)) => {
                let mut value = value.clone();
                changes.apply(&mut value);
                serde_json::from_value(value)?
            }
        };
        printed.push_str(&format.print(&object)?);
    }
    Ok(printed.into_bytes())
}

/// Reads the changed text once more: every document must be what it was, apart from the changes.
fn verify(sealed: &Sealed, changes: &[(usize, Changes)], changed: &str) -> Result<(), Conflict> {
    let read = |text: &str| match document::read(text) {
        Ok((documents, _)) => Ok(documents),
        Err(document::Error::Syntax { line, .. } | document::Error::Unsupported { line, .. }) => {
            Err(Conflict(line))
        }
    };
    let (before, after) = (read(&sealed.text.text)?, read(changed)?);
    if before.len() != after.len() {
        return Err(Conflict(1));
    }
    for (before, after) in before.iter().zip(&after) {
        let mut expected = value_of(before)?;
        for (index, changes) in changes {
            let object = &sealed.objects[*index];
            if object.document == before.number {
                let target = find(&mut expected, &before.root, object.node.place.start);
                changes.apply(target.ok_or(Conflict(object.node.line))?);
            }
        }
        if expected != value_of(after)? {
            return Err(Conflict(before.root.line));
        }
    }
    Ok(())
}

/// The object of a document that begins at a place: the whole, or an item of its list.
fn find<'a>(value: &'a mut Value, root: &Node, start: usize) -> Option<&'a mut Value> {
    if root.place.start == start && !matches!(value.get("items"), Some(Value::Array(_))) {
        return Some(value);
    }
    let Content::List(items) = &root.as_map()?.get("items")?.content else {
        return None;
    };
    let index = items.iter().position(|item| item.place.start == start)?;
    value.get_mut("items")?.get_mut(index)
}

/// Everything in a document as JSON; what is no text is told apart from a text of the same letters.
fn value_of(document: &Document) -> Result<Value, Conflict> {
    // Aliases may repeat things; who repeats them a million times is not edited in place.
    let mut allowance = 1_000_000;
    value(&document.root, &mut allowance)
}

fn value(node: &Node, allowance: &mut usize) -> Result<Value, Conflict> {
    *allowance = allowance.checked_sub(1).ok_or(Conflict(node.line))?;
    Ok(match &node.content {
        Content::Scalar(scalar) if scalar.is_text() => scalar.text.to_string().into(),
        Content::Scalar(scalar) => Value::Array(vec![scalar.text.to_string().into()]),
        Content::List(items) => Value::Array(
            items
                .iter()
                .map(|item| value(item, allowance))
                .collect::<Result<_, _>>()?,
        ),
        Content::Map(map) => {
            let mut object = serde_json::Map::new();
            for entry in &map.entries {
                let key = entry.key.text().to_owned();
                object.insert(key, value(&entry.value, allowance)?);
            }
            Value::Object(object)
        }
    })
}
