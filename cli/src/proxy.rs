//! Which proxy the environment names for an address, as Go reads it: `HTTP_PROXY`, `HTTPS_PROXY`,
//! `NO_PROXY`, upper case before lower case; never for this machine itself.

use std::net::IpAddr;

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;

use crate::Io;

/// The address of the proxy to use, if any; credentials stay in it.
pub(crate) fn proxy_for(target: &Uri, io: &Io) -> Option<Uri> {
    if target.host().is_none_or(is_loopback) {
        return None;
    }
    let names = match target.scheme_str() {
        Some("https") => ["HTTPS_PROXY", "https_proxy"],
        _ => ["HTTP_PROXY", "http_proxy"],
    };
    let proxy = io.variable(&names)?;
    let excluded = io.variable(&["NO_PROXY", "no_proxy"]).unwrap_or_default();
    Matcher::builder()
        .all(proxy)
        .no(excluded)
        .build()
        .intercept(target)?;
    let with_scheme = if proxy.contains("://") {
        proxy.to_owned()
    } else {
        format!("http://{proxy}")
    };
    with_scheme.parse().ok()
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}
