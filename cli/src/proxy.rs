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

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy_of(target: &str, environment: &[(&str, &str)]) -> Option<String> {
        let variables = environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let io = Io {
            environment: variables.collect(),
            ..Io::of_process()
        };
        proxy_for(&target.parse().unwrap(), &io).map(|proxy| proxy.to_string())
    }

    #[test]
    fn is_named_by_the_variable_of_the_scheme() {
        let environment = [
            ("HTTPS_PROXY", "http://one:3128"),
            ("http_proxy", "two:3128"),
        ];
        assert_eq!(
            proxy_of("https://cluster.example", &environment).as_deref(),
            Some("http://one:3128/")
        );
        assert_eq!(
            proxy_of("http://cluster.example", &environment).as_deref(),
            Some("http://two:3128/")
        );
        assert_eq!(proxy_of("https://cluster.example", &[]), None);
    }

    #[test]
    fn is_none_for_what_no_proxy_names() {
        for no_proxy in [
            "cluster.example",
            ".example",
            "example",
            "*",
            "a, cluster.example,,b",
        ] {
            let environment = [("HTTPS_PROXY", "http://one:3128"), ("NO_PROXY", no_proxy)];
            assert_eq!(
                proxy_of("https://cluster.example:6443", &environment),
                None,
                "{no_proxy}"
            );
        }
        let environment = [
            ("HTTPS_PROXY", "http://one:3128"),
            ("NO_PROXY", "10.0.0.0/8,10.example"),
        ];
        assert_eq!(proxy_of("https://10.1.2.3:6443", &environment), None);
        assert!(proxy_of("https://cluster.example", &environment).is_some());
    }

    #[test]
    fn is_none_for_this_machine() {
        let environment = [("HTTPS_PROXY", "http://one:3128")];
        for host in ["localhost", "127.0.0.1", "[::1]"] {
            assert_eq!(
                proxy_of(&format!("https://{host}:6443"), &environment),
                None,
                "{host}"
            );
        }
    }
}
