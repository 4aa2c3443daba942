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

/// What a list of SealedSecrets tells.
enum Told {
    Opened,
    Untouched,
    /// Who may not list them could never open one; but rights also get lost.
    Forbidden,
}

/// Whether no SealedSecret that is watched carries a status. Without an answer there is no proof, and of all
/// that is watched something has to answer; where SealedSecrets are not even defined, there are none.
pub(crate) async fn no_sealed_secret_was_opened(client: &Client, config: &Config) -> bool {
    let resource = ApiResource::erase::<SealedSecret>(&());
    let mut is_told = false;
    for scope in Scope::all(config) {
        let api = scope.dynamic_api(client, &resource);
        match tell(&api).await {
            Ok(Told::Untouched) => is_told = true,
            Ok(Told::Forbidden) => {}
            Ok(Told::Opened) => return false,
            Err(error) => {
                tracing::error!(error, "cannot tell whether there was a sealing key");
                return false;
            }
        }
    }
    if !is_told {
        tracing::error!(
            "cannot tell whether there was a sealing key: no SealedSecrets may be listed"
        );
    }
    is_told
}

async fn tell(api: &Api<DynamicObject>) -> Result<Told, String> {
    let mut page = ListParams::default().limit(PAGE);
    loop {
        let listed = match in_time(api.list(&page))
            .await
            .map_err(|late| late.to_string())?
        {
            Ok(listed) => listed,
            Err(kube::Error::Api(status)) if status.code == 404 => return Ok(Told::Untouched),
            Err(kube::Error::Api(status)) if status.code == 403 => return Ok(Told::Forbidden),
            Err(error) => return Err(error.to_string()),
        };
        let has_status = |object: &DynamicObject| {
            object.data["status"]
                .as_object()
                .is_some_and(|status| !status.is_empty())
        };
        if listed.items.iter().any(has_status) {
            return Ok(Told::Opened);
        }
        match listed.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => page = page.continue_token(&token),
            None => return Ok(Told::Untouched),
        }
    }
}
