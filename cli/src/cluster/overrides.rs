//! What flags override in a kubeconfig: the cluster, the user, and how to reach the one as the other.

use std::path::PathBuf;
use std::time::Duration;

use kube::config::{
    AuthInfo, Cluster, Context, Kubeconfig, NamedAuthInfo, NamedCluster, NamedContext,
};
use serde_json::json;

use super::Error;

const NAME: &str = "kubeseal";

/// kubectl's flags of the same names.
#[derive(Default)]
pub(crate) struct Overrides {
    pub(crate) cluster: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) server: Option<String>,
    pub(crate) token: Option<String>,
    pub(crate) impersonate: Option<String>,
    pub(crate) impersonate_uid: Option<String>,
    pub(crate) impersonate_groups: Vec<String>,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) client_certificate: Option<PathBuf>,
    pub(crate) client_key: Option<PathBuf>,
    pub(crate) certificate_authority: Option<PathBuf>,
    pub(crate) insecure_skip_tls_verify: bool,
    pub(crate) tls_server_name: Option<String>,
    pub(crate) proxy_url: Option<String>,
    pub(crate) disable_compression: bool,
    pub(crate) request_timeout: Option<String>,
}

impl Overrides {
    pub(crate) fn name_a_cluster(&self) -> bool {
        self.server.is_some() || self.cluster.is_some()
    }

    /// How long to wait for an answer; none says to use the default.
    pub(crate) fn timeout(&self) -> Result<Option<Duration>, Error> {
        let Some(text) = &self.request_timeout else {
            return Ok(None);
        };
        let seconds = text.parse::<u64>().map(Duration::from_secs).ok();
        let timeout = seconds.or_else(|| duration(text)).ok_or(Error::Timeout)?;
        Ok(Some(timeout).filter(|timeout| !timeout.is_zero()))
    }

    /// A kubeconfig with one context, one cluster and one user: those that are meant.
    pub(crate) fn apply(
        &self,
        kubeconfig: &Kubeconfig,
        context: Option<&Context>,
    ) -> Result<Kubeconfig, Error> {
        let cluster = self
            .cluster
            .as_deref()
            .or(context.map(|c| c.cluster.as_str()));
        let cluster = match cluster.filter(|name| !name.is_empty()) {
            Some(name) => kubeconfig
                .clusters
                .iter()
                .find(|named| named.name == name)
                .and_then(|named| named.cluster.clone())
                .or(self.server.as_ref().map(|_| Cluster::default()))
                .ok_or_else(|| Error::NoSuchCluster(name.to_owned()))?,
            None if self.server.is_some() => Cluster::default(),
            None => return Err(Error::NoConfiguration),
        };
        let user = self
            .user
            .as_deref()
            .or(context.and_then(|c| c.user.as_deref()));
        let user = match user.filter(|name| !name.is_empty()) {
            Some(name) => kubeconfig
                .auth_infos
                .iter()
                .find(|named| named.name == name)
                .and_then(|named| named.auth_info.clone())
                .ok_or_else(|| Error::NoSuchUser(name.to_owned()))?,
            None => AuthInfo::default(),
        };
        Ok(Kubeconfig {
            clusters: vec![NamedCluster {
                name: NAME.to_owned(),
                cluster: Some(self.cluster(cluster)),
                ..NamedCluster::default()
            }],
            auth_infos: vec![NamedAuthInfo {
                name: NAME.to_owned(),
                auth_info: Some(self.user(user)),
                ..NamedAuthInfo::default()
            }],
            contexts: vec![NamedContext {
                name: NAME.to_owned(),
                context: Some(Context {
                    cluster: NAME.to_owned(),
                    user: Some(NAME.to_owned()),
                    namespace: context.and_then(|context| context.namespace.clone()),
                    ..Context::default()
                }),
                ..NamedContext::default()
            }],
            current_context: Some(NAME.to_owned()),
            ..Kubeconfig::default()
        })
    }

    fn cluster(&self, mut cluster: Cluster) -> Cluster {
        if let Some(server) = &self.server {
            cluster.server = Some(server.clone());
        }
        if let Some(file) = &self.certificate_authority {
            cluster.certificate_authority = Some(file.display().to_string());
            cluster.certificate_authority_data = None;
            cluster.insecure_skip_tls_verify = None;
        }
        if self.insecure_skip_tls_verify {
            cluster.insecure_skip_tls_verify = Some(true);
            cluster.certificate_authority = None;
            cluster.certificate_authority_data = None;
        }
        if let Some(name) = &self.tls_server_name {
            cluster.tls_server_name = Some(name.clone());
        }
        if let Some(url) = &self.proxy_url {
            cluster.proxy_url = Some(url.clone());
        }
        if self.disable_compression {
            cluster.disable_compression = Some(true);
        }
        cluster
    }

    fn user(&self, mut user: AuthInfo) -> AuthInfo {
        if self.token.is_some() || self.username.is_some() || self.password.is_some() {
            user = Self::without_credentials(&user);
            // Read like a file, so that the type that keeps them stays kube's own business.
            let given =
                json!({"token": self.token, "username": self.username, "password": self.password});
            if let Ok(given) = serde_json::from_value::<AuthInfo>(given) {
                user.token = given.token;
                user.username = given.username;
                user.password = given.password;
            }
        }
        if let Some(file) = &self.client_certificate {
            user.client_certificate = Some(file.display().to_string());
            user.client_certificate_data = None;
        }
        if let Some(file) = &self.client_key {
            user.client_key = Some(file.display().to_string());
            user.client_key_data = None;
        }
        if let Some(name) = &self.impersonate {
            user.impersonate = Some(name.clone());
        }
        if let Some(uid) = &self.impersonate_uid {
            user.impersonate_uid = Some(uid.clone());
        }
        if !self.impersonate_groups.is_empty() {
            user.impersonate_groups = Some(self.impersonate_groups.clone());
        }
        user
    }

    /// A user who has nothing but certificates to show.
    pub(crate) fn without_credentials(user: &AuthInfo) -> AuthInfo {
        AuthInfo {
            username: None,
            password: None,
            token: None,
            token_file: None,
            auth_provider: None,
            exec: None,
            ..user.clone()
        }
    }
}

/// As Go's `time.ParseDuration` reads it, without signs: `1h30m`, `1.5s`.
fn duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = rest
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(rest.len());
        seconds += number
            * match &rest[..unit] {
                "h" => 3600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 1e-3,
                "us" | "µs" => 1e-6,
                "ns" => 1e-9,
                _ => return None,
            };
        rest = &rest[unit..];
    }
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|_| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_times_as_go_does() {
        for (text, millis) in [
            ("1s", Some(1000)),
            ("1h30m", Some(5_400_000)),
            ("1.5s", Some(1500)),
            ("20ms", Some(20)),
            ("", None),
            ("5x", None),
            ("s", None),
            ("1", None),
        ] {
            assert_eq!(duration(text), millis.map(Duration::from_millis), "{text}");
        }
    }

    #[test]
    fn a_number_is_seconds_and_zero_is_the_default() {
        let timeout = |text: &str| {
            Overrides {
                request_timeout: Some(text.to_owned()),
                ..Overrides::default()
            }
            .timeout()
        };
        assert_eq!(timeout("7").unwrap(), Some(Duration::from_secs(7)));
        assert_eq!(timeout("0").unwrap(), None);
        assert_eq!(timeout("0s").unwrap(), None);
        assert!(timeout("soon").is_err());
    }
}
