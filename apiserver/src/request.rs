//! A URL taken apart: which resource, namespace, name and subresource it speaks of, and its parameters.

use bytes::Bytes;
use http::{HeaderMap, Method, header};

/// A request whose body has arrived.
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Query,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Request {
    pub(crate) fn content_type(&self) -> &str {
        let value = self
            .headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim()
    }
}

/// The parameters of a URL, decoded; the raw text is kept for whoever forwards it.
#[derive(Default)]
pub(crate) struct Query {
    pub(crate) raw: String,
    pairs: Vec<(String, String)>,
}

impl Query {
    pub(crate) fn parse(raw: &str) -> Self {
        let pairs = raw.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (
                percent_decoded(&key.replace('+', " ")),
                percent_decoded(&value.replace('+', " ")),
            )
        });
        Self {
            raw: raw.to_owned(),
            pairs: pairs.collect(),
        }
    }

    /// A parameter that is there and not empty.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.pairs
            .iter()
            .find(|(name, value)| name == key && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn is_true(&self, key: &str) -> bool {
        self.pairs
            .iter()
            .any(|(name, value)| name == key && matches!(value.as_str(), "true" | "1" | ""))
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.pairs.iter().any(|(name, _)| name == key)
    }
}

/// Where a path leads.
#[derive(Debug, PartialEq)]
pub(crate) enum Place {
    /// Something stored: a collection, an object or a subresource.
    Stored(Address),
    /// Anything else, by its segments: discovery, OpenAPI, health.
    About(Vec<String>),
}

#[derive(Debug, Default, PartialEq)]
pub(crate) struct Address {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) namespace: Option<String>,
    pub(crate) plural: String,
    pub(crate) name: Option<String>,
    pub(crate) subresource: Option<String>,
    /// What follows the subresource, as it was sent and with its first slash.
    pub(crate) rest: String,
}

impl Place {
    pub(crate) fn parse(path: &str) -> Self {
        let raw: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let segments: Vec<String> = raw.iter().map(|segment| percent_decoded(segment)).collect();
        let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
        match parts.as_slice() {
            ["api", version, tail @ ..] if has_content(tail) => {
                Self::Stored(Address::parse("", version, tail, &raw[2..]))
            }
            ["apis", group, version, tail @ ..] if has_content(tail) => {
                Self::Stored(Address::parse(group, version, tail, &raw[3..]))
            }
            _ => Self::About(
                segments
                    .into_iter()
                    .filter(|segment| !segment.is_empty())
                    .collect(),
            ),
        }
    }
}

impl Address {
    fn parse(group: &str, version: &str, tail: &[&str], raw: &[&str]) -> Self {
        let (namespace, at) = match tail {
            ["namespaces", _, "status" | "finalize"] if group.is_empty() => (None, 0),
            ["namespaces", namespace, plural, ..] if !plural.is_empty() => {
                (Some((*namespace).to_owned()), 2)
            }
            _ => (None, 0),
        };
        let segment = |index: usize| {
            tail.get(at + index)
                .filter(|text| !text.is_empty())
                .map(ToString::to_string)
        };
        let rest = raw.get(at + 3..).filter(|rest| !rest.is_empty());
        Self {
            group: group.to_owned(),
            version: version.to_owned(),
            namespace,
            plural: segment(0).unwrap_or_default(),
            name: segment(1),
            subresource: segment(2),
            rest: rest
                .map(|rest| format!("/{}", rest.join("/")))
                .unwrap_or_default(),
        }
    }
}

fn has_content(tail: &[&str]) -> bool {
    tail.iter().any(|segment| !segment.is_empty())
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        match (first, tail) {
            (b'%', [high, low, after @ ..])
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                bytes.push(hex(*high) << 4 | hex(*low));
                rest = after;
            }
            _ => bytes.push(first),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(path: &str) -> Address {
        match Place::parse(path) {
            Place::Stored(address) => address,
            Place::About(segments) => panic!("{segments:?}"),
        }
    }

    #[test]
    fn reads_a_namespaced_object_of_a_group() {
        let address = stored("/apis/bitnami.com/v1alpha1/namespaces/shop/sealedsecrets/db/status");
        assert_eq!(
            (address.group.as_str(), address.version.as_str()),
            ("bitnami.com", "v1alpha1")
        );
        assert_eq!(
            (address.namespace.as_deref(), address.name.as_deref()),
            (Some("shop"), Some("db"))
        );
        assert_eq!(
            (address.plural.as_str(), address.subresource.as_deref()),
            ("sealedsecrets", Some("status"))
        );
    }

    #[test]
    fn tells_a_namespace_from_what_lies_in_it() {
        assert_eq!(
            stored("/api/v1/namespaces/shop").name.as_deref(),
            Some("shop")
        );
        assert_eq!(
            stored("/api/v1/namespaces/shop/status")
                .subresource
                .as_deref(),
            Some("status")
        );
        let secrets = stored("/api/v1/namespaces/shop/secrets");
        assert_eq!(
            (
                secrets.namespace.as_deref(),
                secrets.plural.as_str(),
                secrets.name
            ),
            (Some("shop"), "secrets", None)
        );
    }

    #[test]
    fn keeps_what_follows_a_proxy_as_it_was_sent() {
        let address =
            stored("/api/v1/namespaces/kube-system/services/http:sealer:/proxy/v1/cert%2Epem");
        assert_eq!(address.name.as_deref(), Some("http:sealer:"));
        assert_eq!(address.rest, "/v1/cert%2Epem");
    }

    #[test]
    fn leaves_discovery_to_others() {
        assert_eq!(
            Place::parse("/apis/apps/v1"),
            Place::About(vec!["apis".into(), "apps".into(), "v1".into()])
        );
        assert_eq!(Place::parse("/"), Place::About(vec![]));
    }

    #[test]
    fn decodes_parameters() {
        let query = Query::parse("labelSelector=a%3Db%2Cc&watch=1&limit=");
        assert_eq!(query.get("labelSelector"), Some("a=b,c"));
        assert!(query.is_true("watch"));
        assert_eq!(query.get("limit"), None);
    }
}
