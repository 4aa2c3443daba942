//! Proof that there never was a sealing key: nothing that one opened.

use kube::Api;
use kube::Client;
use kube::api::{DynamicObject, ListParams};
use kube::core::ApiResource;
use sealing::SealedSecret;

use crate::cluster::in_time;
use crate::config::Config;
use crate::scope::Scope;

const PAGE: u32 = 500;

/// Whether no SealedSecret that is watched carries a status. Without an answer there is no proof; where
/// SealedSecrets are not even defined, there are none.
pub(crate) async fn no_sealed_secret_was_opened(client: &Client, config: &Config) -> bool {
    let resource = ApiResource::erase::<SealedSecret>(&());
    for scope in Scope::all(config) {
        let api = scope.dynamic_api(client, &resource);
        match was_opened(&api).await {
            Ok(false) => {}
            Ok(true) => return false,
            Err(error) => {
                tracing::error!(error, "cannot tell whether there was a sealing key");
                return false;
            }
        }
    }
    true
}

async fn was_opened(api: &Api<DynamicObject>) -> Result<bool, String> {
    let mut page = ListParams::default().limit(PAGE);
    loop {
        let listed = match in_time(api.list(&page))
            .await
            .map_err(|late| late.to_string())?
        {
            Ok(listed) => listed,
            Err(kube::Error::Api(status)) if status.code == 404 => return Ok(false),
            Err(error) => return Err(error.to_string()),
        };
        let has_status = |object: &DynamicObject| {
            object.data["status"]
                .as_object()
                .is_some_and(|status| !status.is_empty())
        };
        if listed.items.iter().any(has_status) {
            return Ok(true);
        }
        match listed.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => page = page.continue_token(&token),
            None => return Ok(false),
        }
    }
}
