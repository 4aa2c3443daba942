//! What is left to do for a SealedSecret that is gone. Its Secret is the garbage collector's, unless
//! `--old-gc-behavior` makes it ours.

use std::time::Duration;

use kube::ResourceExt;

use crate::error::backoff;
use crate::namespaced_name::NamespacedName;
use crate::ownership::belongs_to;
use crate::queue::InHand;
use crate::reconcile::Context;
use crate::{policy, sealed_secret_api, secret_api};

/// Forgets the object, and deletes its Secret where that was asked for; says when to try again.
pub(crate) async fn follow_up(in_hand: &InHand, context: &Context) -> Option<Duration> {
    let key = &in_hand.key;
    let _timer = context.metrics.reconcile_seconds.start_timer();
    context.metrics.begin(None);
    context.metrics.forget(key);
    context.unsealing.forget(key);
    if context.config.delete_secrets
        && let Err(error) = delete_secret(key, context).await
    {
        tracing::error!(key = %key, error, "Error updating, will retry");
        return Some(backoff(in_hand.failed(), context.config.quick_retries));
    }
    context.in_sync.forget(key);
    in_hand.succeeded();
    None
}

/// Deletes a Secret that is proven to be that of the SealedSecret that is gone.
async fn delete_secret(key: &NamespacedName, context: &Context) -> Result<(), String> {
    let client = &context.client;
    // It may only have lost the label that a selector asks for.
    let there = sealed_secret_api::get(client, key).await;
    if there.map_err(|error| error.to_string())?.is_some() {
        return Ok(());
    }
    let live = secret_api::get(client, &key.namespace, &key.name).await;
    let Some(live) = live.map_err(|error| error.to_string())? else {
        return Ok(());
    };
    let written = context.in_sync.whole(key);
    let is_ours =
        belongs_to(&live, &key.name) || written.is_some_and(|uid| live.uid() == Some(uid));
    if !is_ours || policy::is_key(&live, &context.config) {
        tracing::warn!("sealed-secret" = %key, "SealedSecret has gone, its Secret is not ours and stays");
        return Ok(());
    }
    tracing::info!("sealed-secret" = %key, "SealedSecret has gone, deleting Secret");
    match secret_api::delete(client, &live).await {
        Ok(true) => Ok(()),
        Ok(false) => Err("the Secret changed meanwhile".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
