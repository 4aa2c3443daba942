//! A collection of the API server as it is read: in pages and by watches, taken apart item by item, so that no
//! object hides another.

use std::hash::{DefaultHasher, Hash, Hasher};

use k8s_openapi::Resource as _;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{ListParams, PartialObjectMeta, PartialObjectMetaExt, WatchParams};
use kube::core::Request;
use kube::{Client, Resource};
use sealing::SealedSecret;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::answer::{self, Error, MOST};
use crate::key_ring::{ACTIVE, KEY_LABEL};
use crate::object_meta;
use crate::scope::Scope;
use crate::watch_lines::WatchLines;

/// In pages so small that the largest list leaves no mark in memory.
const PAGE: u32 = 100;

/// What is read: where, which of it, and how much of each object.
pub(crate) struct Collection {
    path: Request,
    labels: String,
    metadata_only: bool,
}

/// An object that is decoded alone, and as leniently as can be.
pub(crate) trait Lenient: Sized {
    /// None where there is not even a name.
    fn from_json(text: &str) -> Option<Self>;
}

/// A part of a list.
pub(crate) struct Page<K> {
    pub(crate) objects: Vec<K>,
    /// How many objects had no name.
    pub(crate) unreadable: usize,
    /// Where the next page begins; none after the last.
    pub(crate) rest: Option<String>,
    /// The version of the whole list: a watch goes on from there.
    pub(crate) version: String,
}

impl Collection {
    pub(crate) fn sealed_secrets(scope: &Scope, labels: &str) -> Self {
        let root = format!("/apis/{}", SealedSecret::api_version(&()));
        Self {
            path: within(scope, &root, &SealedSecret::plural(&())),
            labels: labels.to_owned(),
            metadata_only: false,
        }
    }

    /// The Secrets, by name and version only.
    pub(crate) fn secret_versions(scope: &Scope) -> Self {
        Self {
            path: within(scope, &format!("/api/{}", Secret::VERSION), "secrets"),
            labels: String::new(),
            metadata_only: true,
        }
    }

    /// The active key Secrets of a namespace.
    pub(crate) fn key_secrets(namespace: &str) -> Self {
        let scope = Scope::Namespace(namespace.to_owned());
        Self {
            labels: format!("{KEY_LABEL}={ACTIVE}"),
            metadata_only: false,
            ..Self::secret_versions(&scope)
        }
    }

    pub(crate) fn is_metadata_only(&self) -> bool {
        self.metadata_only
    }

    /// The page that begins `at` a token, or the first. A page that is too long makes this and all later ones
    /// smaller.
    pub(crate) async fn page<K: Lenient>(
        &self,
        client: &Client,
        at: Option<&str>,
        limit: &mut Limit,
    ) -> Result<Page<K>, Error> {
        loop {
            let request = self.list(at, limit.0, self.metadata_only)?;
            let answer = answer::begin(client, request).await?;
            match answer::read(answer.into_body(), MOST).await {
                Err(Error::TooLong(_)) if limit.0 > 1 => limit.0 = limit.0.div_ceil(4),
                bytes => return page(&bytes?),
            }
        }
    }

    /// The version that the server is at.
    pub(crate) async fn version(&self, client: &Client) -> Result<String, Error> {
        let request = self.list(None, 1, true)?;
        let answer = answer::begin(client, request).await?;
        let bytes = answer::read(answer.into_body(), MOST).await?;
        Ok(page::<Version>(&bytes)?.version)
    }

    /// What tells one state of the whole from another, and its version, by names and versions alone.
    pub(crate) async fn state(&self, client: &Client) -> Result<(u64, String), Error> {
        let (mut hasher, mut at) = (DefaultHasher::new(), None::<String>);
        loop {
            let request = self.list(at.as_deref(), PAGE, true)?;
            let answer = answer::begin(client, request).await?;
            let bytes = answer::read(answer.into_body(), MOST).await?;
            let page: Page<Version> = page(&bytes)?;
            page.objects
                .iter()
                .for_each(|object| object.hash(&mut hasher));
            match page.rest {
                Some(rest) => at = Some(rest),
                None => return Ok((hasher.finish(), page.version)),
            }
        }
    }

    /// Begins a watch.
    pub(crate) async fn watch(&self, client: &Client, version: &str) -> Result<WatchLines, Error> {
        let params = WatchParams::default().labels(&self.labels);
        let request = match self.metadata_only {
            true => self.path.watch_metadata(&params, version),
            false => self.path.watch(&params, version),
        };
        let request = request.map_err(kube::Error::BuildRequest)?;
        let answer = answer::begin(client, request).await?;
        Ok(WatchLines::new(answer.into_body()))
    }

    fn list(
        &self,
        at: Option<&str>,
        limit: u32,
        metadata_only: bool,
    ) -> Result<http::Request<Vec<u8>>, Error> {
        let mut params = ListParams::default().limit(limit).labels(&self.labels);
        params.continue_token = at.map(str::to_owned);
        let request = match metadata_only {
            true => self.path.list_metadata(&params),
            false => self.path.list(&params),
        };
        Ok(request.map_err(kube::Error::BuildRequest)?)
    }
}

/// How many objects a page holds.
pub(crate) struct Limit(u32);

impl Default for Limit {
    fn default() -> Self {
        Self(PAGE)
    }
}

fn within(scope: &Scope, root: &str, plural: &str) -> Request {
    Request::new(match scope {
        Scope::AllNamespaces => format!("{root}/{plural}"),
        Scope::Namespace(namespace) => format!("{root}/namespaces/{namespace}/{plural}"),
    })
}

/// A list as it comes: no item of it is looked into yet.
#[derive(Deserialize)]
struct List<'a> {
    #[serde(default)]
    metadata: ListMeta,
    #[serde(borrow)]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListMeta {
    resource_version: Option<String>,
    r#continue: Option<String>,
}

fn page<K: Lenient>(bytes: &[u8]) -> Result<Page<K>, Error> {
    let list: List<'_> = serde_json::from_slice(bytes).map_err(|_| Error::Decode)?;
    let items = list.items.unwrap_or_default();
    let objects: Vec<K> = items
        .iter()
        .filter_map(|item| K::from_json(item.get()))
        .collect();
    Ok(Page {
        unreadable: items.len() - objects.len(),
        objects,
        rest: list.metadata.r#continue.filter(|token| !token.is_empty()),
        version: list.metadata.resource_version.unwrap_or_default(),
    })
}

impl Lenient for PartialObjectMeta<Secret> {
    fn from_json(text: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Parts<'a> {
            #[serde(borrow)]
            metadata: &'a RawValue,
        }
        let parts: Parts<'_> = serde_json::from_str(text).ok()?;
        Some(object_meta::from_json(parts.metadata.get())?.into_response_partial())
    }
}

impl Lenient for Secret {
    fn from_json(text: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Parts<'a> {
            #[serde(borrow)]
            metadata: &'a RawValue,
            #[serde(borrow)]
            data: Option<&'a RawValue>,
        }
        let parts: Parts<'_> = serde_json::from_str(text).ok()?;
        Some(Self {
            metadata: object_meta::from_json(parts.metadata.get())?,
            // What does not decode holds nothing, and that is told of it.
            data: parts
                .data
                .and_then(|data| serde_json::from_str(data.get()).ok()),
            ..Self::default()
        })
    }
}

/// Which version an object is.
#[derive(Deserialize, Hash)]
pub(crate) struct Version {
    metadata: VersionMeta,
}

#[derive(Deserialize, Hash)]
#[serde(rename_all = "camelCase")]
struct VersionMeta {
    uid: Option<String>,
    resource_version: Option<String>,
}

impl Lenient for Version {
    fn from_json(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

/// The resourceVersion that an object says.
pub(crate) fn version_of(text: &str) -> Option<String> {
    Version::from_json(text)?.metadata.resource_version
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guarded::Guarded;

    #[test]
    fn takes_a_list_apart_though_one_object_is_nested_beyond_reading() {
        let nested = format!("{}1{}", r#"{"a":"#.repeat(5000), "}".repeat(5000));
        let object = |name: &str, spec: &str| {
            format!(r#"{{"metadata":{{"name":"{name}","namespace":"n"}},"spec":{spec}}}"#)
        };
        let items = [
            object("a", r#"{"encryptedData":{}}"#),
            object(
                "b",
                &format!(r#"{{"encryptedData":{{}},"template":{{"metadata":{{"x":{nested}}}}}}}"#),
            ),
            object(
                "c",
                &format!(r#"{{"encryptedData":{{}},"template":{nested}}}"#),
            ),
            r#"{"spec":{}}"#.to_owned(),
        ];
        let list = format!(
            r#"{{"metadata":{{"resourceVersion":"7","continue":""}},"items":[{}]}}"#,
            items.join(",")
        );
        let page: Page<Guarded> = page(list.as_bytes()).unwrap();
        let names: Vec<String> = page.objects.iter().map(|one| one.key().name).collect();
        assert_eq!(names, ["a", "b", "c"]);
        let is_good: Vec<bool> = page
            .objects
            .iter()
            .map(|one| one.well_formed().is_ok())
            .collect();
        // What nobody reads may be nested as deeply as it likes.
        assert_eq!(is_good, [true, true, true]);
        assert_eq!((page.unreadable, page.rest, &*page.version), (1, None, "7"));
    }

    #[test]
    fn reads_a_list_without_items() {
        let page: Page<Guarded> = page(br#"{"metadata":{"continue":"t"},"items":null}"#).unwrap();
        assert!(page.objects.is_empty());
        assert_eq!(page.rest.as_deref(), Some("t"));
    }
}
