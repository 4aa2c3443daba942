//! The kubeconfig that leads to the server: its address, its authority and a token.

use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

pub(crate) fn text(address: SocketAddr, authority: &str, token: &str) -> String {
    let authority = STANDARD.encode(authority);
    format!(
        "apiVersion: v1
kind: Config
clusters:
- name: memory
  cluster:
    server: https://{address}
    certificate-authority-data: {authority}
users:
- name: admin
  user:
    token: {token}
contexts:
- name: memory
  context:
    cluster: memory
    user: admin
    namespace: default
current-context: memory
"
    )
}
