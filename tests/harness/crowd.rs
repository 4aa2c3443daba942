//! Many objects at once, ours and others.

use futures::StreamExt;
use futures::stream::iter;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::ListParams;

use crate::{Cluster, Fixture, eventually, sealed_secret};

/// So many objects are created at the same time.
const AT_ONCE: usize = 16;

impl Cluster {
    /// Creates a Secret in the namespace `shop` that has nothing to do with us.
    pub async fn create_foreign(&self, name: &str, items: &[(&str, &str)]) {
        let text = |(item, value): &(&str, &str)| (item.to_string(), value.to_string());
        let secret = Secret {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                namespace: Some("shop".to_owned()),
                ..ObjectMeta::default()
            },
            string_data: Some(items.iter().map(text).collect()),
            ..Secret::default()
        };
        self.create_secret(&secret).await;
    }

    /// Creates many SealedSecrets in the namespace `shop`, `PREFIX-0` and so on, with one item each.
    pub async fn create_many(&self, prefix: &str, count: usize, key: &Fixture) {
        let create = |index| async move {
            let sealed = sealed_secret(&format!("{prefix}-{index}")).item("a", "b", key);
            self.create(sealed.object()).await;
        };
        iter(0..count).for_each_concurrent(AT_ONCE, create).await;
    }

    /// Waits until so many SealedSecrets in the namespace `shop` are in sync.
    pub async fn become_synced(&self, count: usize) {
        let objects = self.sealed_secrets("shop");
        eventually(&format!("{count} objects are in sync"), async || {
            let all = objects.list(&ListParams::default()).await.unwrap();
            let synced = all
                .iter()
                .filter(|object| object.data["status"]["conditions"][0]["status"] == "True");
            (synced.count() == count).then_some(())
        })
        .await;
    }
}
