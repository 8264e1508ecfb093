//! The names by which relays and the operator know each other, in certificates of a CA of their own.
//!
//! `postern.internal` is no name of the DNS (`internal` is reserved for private use, and nobody asks for these): they stand in certificates, and
//! are compared.

/// The operator: whoever shows this name may ask a relay for its state.
pub use postern_config::material::OPERATOR_NAME as OPERATOR;

use crate::inventory::Key;

/// A relay's pods.
#[must_use]
pub fn of_relay(relay: &Key) -> String {
    format!("{}.{}.relay.postern.internal", relay.name, relay.namespace)
}
