//! Whom a change concerns.

use std::collections::BTreeSet;

use super::Target;
use crate::inventory::Key;

/// Whom a change concerns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wakes {
    /// Relays to be reconciled.
    pub(super) relays: BTreeSet<Key>,
    /// Domains whose status may change.
    pub(super) domains: BTreeSet<Key>,
    /// Objects that something refers to, and that are to be read.
    pub(super) targets: BTreeSet<Target>,
}

impl Wakes {
    pub(super) fn relay(key: &Key) -> Self {
        Self { relays: [key.clone()].into(), ..Self::default() }
    }

    pub(super) fn domain(key: &Key) -> Self {
        Self { domains: [key.clone()].into(), ..Self::default() }
    }

    pub(super) fn and(mut self, mut other: Self) -> Self {
        self.relays.append(&mut other.relays);
        self.domains.append(&mut other.domains);
        self.targets.append(&mut other.targets);
        self
    }
}
