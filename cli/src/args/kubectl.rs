//! The flags of kubectl: which cluster, as whom, and what to override in the kubeconfig.

use std::ffi::OsString;

use super::csv::List;
use super::{given, path};
use crate::cluster::{ClusterAccess, Overrides};

#[derive(clap::Args)]
pub(super) struct KubectlFlags {
    /// The namespace of the Secret
    #[arg(short = 'n', long)]
    namespace: Option<String>,

    /// Reach the cluster with this kubeconfig
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<OsString>,

    /// Use this context of the kubeconfig
    #[arg(long)]
    context: Option<String>,

    /// Use this cluster of the kubeconfig
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,

    /// Use this user of the kubeconfig
    #[arg(long, value_name = "NAME")]
    user: Option<String>,

    /// The address of the API server
    #[arg(long, value_name = "URL")]
    server: Option<String>,

    /// Authenticate with this bearer token
    #[arg(long)]
    token: Option<String>,

    /// Impersonate this user
    #[arg(long = "as", value_name = "USER")]
    as_: Option<String>,

    /// Impersonate this UID
    #[arg(long, value_name = "UID")]
    as_uid: Option<String>,

    /// Impersonate these groups
    #[arg(long, value_name = "GROUPS")]
    as_group: Vec<List>,

    /// The name for basic authentication
    #[arg(long, value_name = "NAME")]
    username: Option<String>,

    /// The password for basic authentication
    #[arg(long)]
    password: Option<String>,

    /// Authenticate with the client certificate in this file
    #[arg(long, value_name = "FILE")]
    client_certificate: Option<OsString>,

    /// The key of the client certificate
    #[arg(long, value_name = "FILE")]
    client_key: Option<OsString>,

    /// Trust the authority in this file
    #[arg(long, value_name = "FILE")]
    certificate_authority: Option<OsString>,

    /// Do not check the API server's certificate; this is insecure
    #[arg(long)]
    insecure_skip_tls_verify: bool,

    /// The name to look for in the API server's certificate
    #[arg(long, value_name = "NAME")]
    tls_server_name: Option<String>,

    /// Reach the cluster through this proxy
    #[arg(long, value_name = "URL")]
    proxy_url: Option<String>,

    /// Ask for answers without compression
    #[arg(long)]
    disable_compression: bool,

    /// Give up on a request after this time, as in 30s or 2m [default: 0, which is 30s]
    #[arg(long, value_name = "TIME")]
    request_timeout: Option<String>,
}

impl KubectlFlags {
    pub(super) fn lift(self) -> ClusterAccess {
        let Self {
            namespace,
            kubeconfig,
            context,
            cluster,
            user,
            server,
            token,
            as_,
            as_uid,
            as_group,
            username,
            password,
            client_certificate,
            client_key,
            certificate_authority,
            insecure_skip_tls_verify,
            tls_server_name,
            proxy_url,
            disable_compression,
            request_timeout,
        } = self;
        ClusterAccess {
            kubeconfig: path(kubeconfig),
            context: given(context),
            namespace: given(namespace).map(without_prefix),
            overrides: Overrides {
                cluster: given(cluster),
                user: given(user),
                server: given(server),
                token: given(token),
                impersonate: given(as_),
                impersonate_uid: given(as_uid),
                impersonate_groups: as_group.into_iter().flat_map(|list| list.0).collect(),
                username: given(username),
                password: given(password),
                client_certificate: path(client_certificate),
                client_key: path(client_key),
                certificate_authority: path(certificate_authority),
                insecure_skip_tls_verify,
                tls_server_name: given(tls_server_name),
                proxy_url: given(proxy_url),
                disable_compression,
                request_timeout: given(request_timeout),
            },
        }
    }
}

/// `kubectl get -o name` prints `namespace/shop`, and people paste it.
fn without_prefix(namespace: String) -> String {
    match namespace.split_once('/') {
        Some((kind, name))
            if ["ns", "namespace", "namespaces"].contains(&kind.to_ascii_lowercase().as_str()) =>
        {
            name.to_owned()
        }
        _ => namespace,
    }
}
