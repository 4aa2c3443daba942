//! What a sealed secret is: a Kubernetes Secret whose values only a controller can open.
//!
//! ```text
//! Secret + Certificate            ──seal──▶    SealedSecret
//! SealedSecret + PrivateKeys      ──unseal──▶  Secret
//! ```
//!
//! One value is an [`envelope`] (RSA-OAEP of a session key, then AES-GCM of the value), bound to a
//! [`Label`] that its [`Scope`] makes of namespace and name. The crate is pure: it does no I/O and
//! reads no clock.
#![deny(missing_docs)]

mod armor;
pub mod base64;
mod cause;
pub mod certificate;
mod effort;
pub mod envelope;
pub mod key;
mod named;
mod pkcs8;
mod plaintext;
mod scope;
mod seal;
mod sealed_secret;
mod secret;
mod template;
mod template_metadata;
mod unseal;

pub use cause::{Cause, Causes};
pub use certificate::Certificate;
pub use effort::{Effort, Enough};
pub use gotemplate::Explanation;
pub use key::{Fingerprint, GeneratedKey, PrivateKey};
pub use plaintext::Plaintext;
pub use scope::{InvalidScope, Label, Scope};
pub use seal::{LAST_APPLIED, SERVER_METADATA, seal, seal_value, seal_values, template};
pub use sealed_secret::{
    Applied, Condition, Malformed, SKIP_OWNER_REFERENCES, SealedSecret, SealedSecretSpec, Status,
    Template, custom_resource_definition,
};
pub use secret::Secret;
pub use template::Renderer;
pub use unseal::{
    Error, Failures, ItemError, Opened, Unsealed, label_of, open, open_deprecated, open_within,
    unseal, unseal_within,
};
