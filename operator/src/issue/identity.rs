//! The names by which relays and the operator know each other, in certificates of a CA of their own.
//!
//! `postern.internal` is no name of the DNS (`internal` is reserved for private use, and nobody asks for these): they stand in certificates, and
//! are compared.

use crate::inventory::Key;

/// The operator: whoever shows this name may ask a relay for its state.
pub const OPERATOR: &str = "operator.postern.internal";

/// A relay's pods.
#[must_use]
pub fn of_relay(relay: &Key) -> String {
    format!("{}.{}.relay.postern.internal", relay.name, relay.namespace)
}
