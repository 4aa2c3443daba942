//! What users can see, on a whole server.

mod command_line;
mod endpoints;
mod keys;
mod malformed;
mod ownership;
mod resource;
mod scopes;
mod status;
mod unseal;
