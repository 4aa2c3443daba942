//! What a scenario leaves behind: its objects and Events, equal on both servers. `RECORD=1 make real` writes what the
//! real one is left with, which is checked in.

use std::fmt::Debug;
use std::path::Path;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Event, Secret};
use kube::Api;
use kube::api::{DynamicObject, ListParams};
use kube::core::ApiResource;
use sealing::SealedSecret;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::normal::Normal;
use crate::{Cluster, KEY_NAMESPACE, eventually, is_recording};

/// Longer than anything that is not sealed.
const SEALED: usize = 200;

impl Cluster {
    /// Waits until the cluster holds what the real one held when this scenario was recorded.
    pub async fn ends_as(&self, scenario: &str) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/endings");
        let file = folder.join(format!("{scenario}.txt"));
        if is_recording() {
            std::fs::write(&file, self.ending_at_rest().await).unwrap();
        }
        let recorded = std::fs::read_to_string(&file).unwrap_or_default();
        let mut ending = String::new();
        let ended = tokio::time::timeout(Duration::from_secs(10), async {
            eventually("the ending is as recorded", async || {
                ending = self.ending().await;
                (ending == recorded).then_some(())
            })
            .await;
        });
        if ended.await.is_err() {
            let differ = |a: &str, b: &str, sign: char| -> Vec<String> {
                let only = a
                    .lines()
                    .filter(|line| !b.lines().any(|other| other == *line));
                only.map(|line| format!("  {sign} {line}")).collect()
            };
            let lines = [
                differ(&recorded, &ending, '-'),
                differ(&ending, &recorded, '+'),
            ]
            .concat();
            panic!("`{scenario}` ends otherwise:\n{}", lines.join("\n"));
        }
    }

    async fn ending_at_rest(&self) -> String {
        let mut before = self.ending().await;
        loop {
            tokio::time::sleep(Duration::from_millis(700)).await;
            let now = self.ending().await;
            if now == before {
                return now;
            }
            before = now;
        }
    }

    async fn ending(&self) -> String {
        let sealed = ApiResource::erase::<SealedSecret>(&());
        let mut objects: Vec<Value> = Vec::new();
        for object in everything(Api::<DynamicObject>::all_with(self.client.clone(), &sealed)).await
        {
            objects.push(json!(object));
        }
        for secret in everything(Api::<Secret>::all(self.client.clone())).await {
            objects.push(json!(secret));
        }
        for event in everything(Api::<Event>::all(self.client.clone())).await {
            // the real control plane tells Events of its own
            if event.reporting_component.as_deref() == Some("sealed-secrets") {
                objects.push(json!(event));
            }
        }
        objects.retain(|object| object["metadata"]["namespace"] != KEY_NAMESPACE);
        objects.iter_mut().for_each(settle);
        // what was made first does not matter
        objects.sort_by_key(|object| {
            let (metadata, about) = (&object["metadata"], &object["involvedObject"]);
            let place = [
                &object["kind"],
                &metadata["namespace"],
                &metadata["name"],
                &about["name"],
            ];
            (
                place.map(ToString::to_string),
                object["message"].to_string(),
            )
        });
        let mut normal = Normal::default();
        let told = objects.into_iter().filter_map(|object| normal.of(object));
        told.map(|text| text + "\n").collect()
    }
}

async fn everything<K>(api: Api<K>) -> Vec<K>
where
    K: Clone + DeserializeOwned + Debug,
{
    api.list(&ListParams::default()).await.unwrap().items
}

/// Takes out what differs from run to run.
fn settle(object: &mut Value) {
    if object["kind"] == "Event" {
        // named after the moment, and about whatever version was at hand
        object["metadata"]["name"] = "<name>".into();
        object["involvedObject"]["resourceVersion"] = Value::Null;
    }
    object["metadata"]["resourceVersion"] = Value::Null;
    if let Some(status) = object.get_mut("status").and_then(Value::as_object_mut) {
        status.remove("applied"); // of this very version
    }
    hide_sealed(object);
}

fn hide_sealed(value: &mut Value) {
    match value {
        Value::String(text) if text.len() > SEALED => *value = "<sealed>".into(),
        Value::Array(items) => items.iter_mut().for_each(hide_sealed),
        Value::Object(fields) => fields.values_mut().for_each(hide_sealed),
        _ => {}
    }
}
