//! The labels by which what the operator made is found again.

use std::collections::BTreeMap;

/// What the operator is called: as the value of [`MANAGED_BY`], as a writer of fields, and by its lease.
pub const OPERATOR: &str = "postern-operator";
/// Who made an object.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// The relay that an object belongs to, by its name.
pub const RELAY: &str = "postern.dev/relay";

/// Whether the operator made what bears these labels.
#[must_use]
pub fn is_managed(labels: &BTreeMap<String, String>) -> bool {
    labels.get(MANAGED_BY).is_some_and(|by| by == OPERATOR)
}
