//! Proof that there never was a sealing key: nothing that one opened.

use std::collections::BTreeMap;

use kube::Client;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::answer::Error;
use crate::collection::{Collection, Lenient, Limit};
use crate::config::Config;
use crate::scope::Scope;

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
    let mut is_told = false;
    for scope in Scope::all(config) {
        match tell(client, &Collection::sealed_secrets(&scope, "")).await {
            Ok(Told::Untouched) => is_told = true,
            Ok(Told::Forbidden) => {}
            Ok(Told::Opened) => return false,
            Err(error) => {
                tracing::error!(%error, "cannot tell whether there was a sealing key");
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

async fn tell(client: &Client, objects: &Collection) -> Result<Told, Error> {
    let (mut at, mut limit) = (None, Limit::default());
    loop {
        let page = objects.page::<HasStatus>(client, at.as_deref(), &mut limit);
        let page = match page.await {
            Ok(page) => page,
            Err(error) if error.code() == Some(404) => return Ok(Told::Untouched),
            Err(error) if error.code() == Some(403) => return Ok(Told::Forbidden),
            Err(error) => return Err(error),
        };
        if page.objects.iter().any(|HasStatus(has_status)| *has_status) {
            return Ok(Told::Opened);
        }
        match page.rest {
            Some(rest) => at = Some(rest),
            None => return Ok(Told::Untouched),
        }
    }
}

/// Whether anything was ever said of an object.
struct HasStatus(bool);

impl Lenient for HasStatus {
    fn from_json(text: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Parts {
            status: Option<BTreeMap<String, IgnoredAny>>,
        }
        let parts = serde_json::from_str::<Parts>(text);
        // What does not read is no proof of anything.
        let says = |parts: Parts| parts.status.is_some_and(|status| !status.is_empty());
        Some(Self(parts.map_or(true, says)))
    }
}
