//! The Postern API: [`SmtpRelay`] and [`AcceptedDomain`] of `postern.dev/v1alpha1`.
//!
//! The Rust types are the source. Their documentation is the documentation of the fields, their attributes are the schema, and the CRDs
//! under `crds/yaml` are generated from them. Every rule that can be written down stands in the schema: bounds, enums and patterns, and CEL
//! where a rule spans fields. Every field works: what the schema takes, the relay does.

pub mod accepted_domain;
pub mod check;
pub mod condition;
pub mod definition;
pub mod reference;
mod schema;
pub mod smtp_relay;

pub use accepted_domain::{AcceptedDomain, AcceptedDomainSpec, AcceptedDomainStatus};
pub use check::{FieldError, Resource, check, check_change};
pub use definition::{Definition, definitions, yaml};
pub use smtp_relay::{SmtpRelay, SmtpRelaySpec, SmtpRelayStatus};

/// The API group.
pub const GROUP: &str = "postern.dev";
/// The version that is served and stored.
pub const VERSION: &str = "v1alpha1";
