//! The server as a kube-rs client sees it, through either door.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper that fails fails its test"
)]

mod custom_resources;
mod https;
mod lists;
mod namespaces;
mod objects;
mod owners;
mod paths;
mod proxy;
mod secrets;
mod server;
mod start_over;
mod tables;
mod watches;
