//! A SealedSecret moved to another key: each value is opened and sealed again under the same label, in
//! place, and nothing else changes.

use sealing::Certificate;
use serde_json::{Map, Value, json};

use crate::request::{Opened, Sent};

/// The object with every opened value sealed to the certificate; none if that cannot be done.
pub(crate) fn re_encrypt(sent: Sent, opened: Opened, certificate: &Certificate) -> Option<Value> {
    let Sent { mut object, .. } = sent;
    let (label, values) = match opened {
        Opened::Items(opened) => (opened.label, opened.items),
        Opened::Blob(label, secret, _) => {
            let spec = object["spec"].as_object_mut()?;
            spec.remove("data");
            let template = serde_json::to_value(sealing::template(&secret)).ok()?;
            spec.insert("template".to_owned(), template);
            (label, secret.data)
        }
    };
    let sealed = sealing::seal_values(&values, certificate, &label).ok()?;
    let spec = object["spec"].as_object_mut()?;
    spec.insert("encryptedData".to_owned(), json!(sealed));
    let object = object.as_object_mut()?;
    object.remove("status");
    tidy_up(object);
    Some(Value::Object(std::mem::take(object)))
}

/// Leaves out of the outer metadata what the API server wrote, and copies of the whole.
fn tidy_up(object: &mut Map<String, Value>) {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else {
        return;
    };
    metadata.retain(|field, _| !sealing::SERVER_METADATA.contains(&field.as_str()));
    if let Some(annotations) = metadata
        .get_mut("annotations")
        .and_then(Value::as_object_mut)
    {
        annotations.retain(|key, _| !sealing::LAST_APPLIED.contains(&key.as_str()));
    }
}
