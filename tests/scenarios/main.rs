//! What users can see, on a whole server.
#![expect(
    clippy::unwrap_used,
    reason = "a scenario ends where its stage is broken"
)]

mod audit;
mod command_line;
mod drift;
mod endpoints;
mod fairness;
mod health;
mod in_sync;
mod integration;
mod keys;
mod kubectl;
mod malformed;
mod memory;
mod metrics;
mod ownership;
mod permissions;
mod planted_keys;
mod process;
mod raw_requests;
mod removal;
mod renewal;
mod resource;
mod scopes;
mod status;
mod steady;
mod tenants;
mod unseal;
mod watching;
