//! What a cluster's controllers do without being asked, a moment after something happened: collect what
//! lost its owners, empty namespaces, finish CRDs.

use std::sync::Arc;
use std::time::Duration;

use crate::cluster::Cluster;
use crate::{crd, namespace, owners};

/// As on a real cluster, nobody can count on an immediate effect.
const DELAY: Duration = Duration::from_millis(50);

pub(crate) async fn settle(cluster: Arc<Cluster>) {
    loop {
        let mut newest = cluster.store.subscribe();
        let mut seen = 0;
        while newest.changed().await.is_ok() {
            tokio::time::sleep(DELAY).await;
            newest.mark_unchanged();
            owners::settle(&cluster, &mut seen);
            namespace::settle(&cluster);
            crd::settle(&cluster);
        }
        // everything is forgotten: it begins anew
    }
}
