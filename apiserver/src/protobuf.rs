//! Kubernetes' protobuf encoding, for bodies only and for the few kinds that kubectl's `create`
//! commands send in it: an envelope that names the kind, and within it the object.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

const MAGIC: &[u8] = b"k8s\0";

/// The fields of a message: number, name, type.
type Message = &'static [(u64, &'static str, Field)];

#[derive(Clone, Copy)]
enum Field {
    Text,
    Bool,
    Number,
    Time,
    One(Message),
    Many(Message),
    Texts,
    TextMap,
    BytesMap,
}

const ENVELOPE: Message = &[(1, "type", Field::One(TYPE))];
const TYPE: Message = &[(1, "apiVersion", Field::Text), (2, "kind", Field::Text)];
const RAW: u64 = 2;

const METADATA: Message = &[
    (1, "name", Field::Text),
    (2, "generateName", Field::Text),
    (3, "namespace", Field::Text),
    (5, "uid", Field::Text),
    (6, "resourceVersion", Field::Text),
    (7, "generation", Field::Number),
    (8, "creationTimestamp", Field::Time),
    (9, "deletionTimestamp", Field::Time),
    (11, "labels", Field::TextMap),
    (12, "annotations", Field::TextMap),
    (13, "ownerReferences", Field::Many(OWNER)),
    (14, "finalizers", Field::Texts),
];
const OWNER: Message = &[
    (1, "kind", Field::Text),
    (3, "name", Field::Text),
    (4, "uid", Field::Text),
    (5, "apiVersion", Field::Text),
    (6, "controller", Field::Bool),
    (7, "blockOwnerDeletion", Field::Bool),
];
const REFERENCE: Message = &[(1, "name", Field::Text)];

fn message(kind: &str) -> Option<Message> {
    Some(match kind {
        "Namespace" => &[(1, "metadata", Field::One(METADATA))],
        "Secret" => &[
            (1, "metadata", Field::One(METADATA)),
            (2, "data", Field::BytesMap),
            (3, "type", Field::Text),
            (4, "stringData", Field::TextMap),
            (5, "immutable", Field::Bool),
        ],
        "ConfigMap" => &[
            (1, "metadata", Field::One(METADATA)),
            (2, "data", Field::TextMap),
            (3, "binaryData", Field::BytesMap),
            (4, "immutable", Field::Bool),
        ],
        "ServiceAccount" => &[
            (1, "metadata", Field::One(METADATA)),
            (3, "imagePullSecrets", Field::Many(REFERENCE)),
            (4, "automountServiceAccountToken", Field::Bool),
        ],
        _ => return None,
    })
}

/// The object in a body, if it is of a kind known here.
pub(crate) fn object(body: &[u8]) -> Option<Value> {
    let body = body.strip_prefix(MAGIC)?;
    let header = read(body, ENVELOPE)?;
    let raw = wire(body)?
        .into_iter()
        .find_map(|(number, content)| match content {
            Content::Bytes(bytes) if number == RAW => Some(bytes),
            _ => None,
        })?;
    let mut object = read(raw, message(header["type"]["kind"].as_str()?)?)?;
    for key in ["apiVersion", "kind"] {
        object[key] = header["type"][key].clone();
    }
    Some(object)
}

enum Content<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// A message as its numbered fields.
fn wire(mut bytes: &[u8]) -> Option<Vec<(u64, Content<'_>)>> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        let content = match tag & 7 {
            0 => Content::Number(varint(&mut bytes)?),
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).ok()?;
                let (content, rest) = bytes.split_at_checked(length)?;
                bytes = rest;
                Content::Bytes(content)
            }
            _ => return None,
        };
        fields.push((tag >> 3, content));
    }
    Some(fields)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn read(bytes: &[u8], message: Message) -> Option<Value> {
    let mut object = Map::new();
    for (number, content) in wire(bytes)? {
        let Some((_, name, field)) = message.iter().find(|(known, ..)| *known == number) else {
            continue;
        };
        let present = object.entry(*name);
        match (field, content) {
            (Field::Bool, Content::Number(number)) => {
                *present.or_insert(Value::Null) = (number != 0).into()
            }
            (Field::Number, Content::Number(0)) => {}
            (Field::Number, Content::Number(number)) => {
                *present.or_insert(Value::Null) = number.into()
            }
            // Go writes empty strings, too
            (Field::Text, Content::Bytes([])) => {}
            (Field::Text, Content::Bytes(bytes)) => *present.or_insert(Value::Null) = text(bytes)?,
            (Field::Time, Content::Bytes(bytes)) => {
                let time = time(bytes)?;
                if !time.is_null() {
                    *present.or_insert(Value::Null) = time;
                }
            }
            (Field::One(inner), Content::Bytes(bytes)) => {
                *present.or_insert(Value::Null) = read(bytes, inner)?
            }
            (Field::Many(inner), Content::Bytes(bytes)) => {
                push(present.or_insert(json!([])), read(bytes, inner)?)
            }
            (Field::Texts, Content::Bytes(bytes)) => {
                push(present.or_insert(json!([])), text(bytes)?)
            }
            (Field::TextMap, Content::Bytes(bytes)) => {
                insert(present.or_insert(json!({})), bytes, text)?
            }
            (Field::BytesMap, Content::Bytes(bytes)) => {
                insert(present.or_insert(json!({})), bytes, |bytes| {
                    Some(STANDARD.encode(bytes).into())
                })?;
            }
            _ => return None,
        }
    }
    Some(object.into())
}

fn text(bytes: &[u8]) -> Option<Value> {
    std::str::from_utf8(bytes).ok().map(Value::from)
}

/// Seconds since 1970; none at all is no time.
fn time(bytes: &[u8]) -> Option<Value> {
    match wire(bytes)?.first() {
        Some((1, Content::Number(seconds))) => {
            let time = Timestamp::from_second(i64::try_from(*seconds).ok()?).ok()?;
            Some(time.to_string().into())
        }
        _ => Some(Value::Null),
    }
}

fn push(list: &mut Value, item: Value) {
    if let Value::Array(items) = list {
        items.push(item);
    }
}

/// Adds an entry of a map: a message of key and value.
fn insert(map: &mut Value, entry: &[u8], value_of: impl Fn(&[u8]) -> Option<Value>) -> Option<()> {
    let (mut key, mut value) = (String::new(), value_of(&[])?);
    for (number, content) in wire(entry)? {
        match (number, content) {
            (1, Content::Bytes(bytes)) => key = String::from_utf8(bytes.to_vec()).ok()?,
            (2, Content::Bytes(bytes)) => value = value_of(bytes)?,
            _ => return None,
        }
    }
    map[key] = value;
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        [
            &[number << 3 | 2, u8::try_from(content.len()).unwrap()],
            content,
        ]
        .concat()
    }

    #[test]
    fn reads_a_secret_in_its_envelope() {
        let entry = [field(1, b"key"), field(2, b"value")].concat();
        let secret = [
            field(1, &field(1, b"db")),
            field(2, &entry),
            field(3, b"Opaque"),
        ]
        .concat();
        let kind = [field(1, b"v1"), field(2, b"Secret")].concat();
        let body = [MAGIC.to_vec(), field(1, &kind), field(2, &secret)].concat();
        let expected = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "data": {"key": "dmFsdWU="}, "type": "Opaque",
        });
        assert_eq!(object(&body), Some(expected));
        assert_eq!(object(&body[..body.len() - 1]), None);
    }
}
