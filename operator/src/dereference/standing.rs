//! What a relay did with a domain until now.

use jiff::Timestamp;
use postern_crds::AcceptedDomain;
use postern_crds::condition::types;

use crate::inventory::Key;

/// What a relay did with a domain until now, as the domain's status has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The relay took its mail.
    pub was_accepted: bool,
    /// Since when the relay has answered "try again" for it.
    pub detached_since: Option<Timestamp>,
}

impl Standing {
    /// The standing of `domain` at `relay`.
    pub(super) fn of(domain: &AcceptedDomain, relay: &Key) -> Self {
        let key = Key::of(&domain.metadata);
        let shown = domain.status.iter().flat_map(|status| &status.relays);
        let mut at_relay = shown.filter(|shown| key.refer(&shown.relay_ref.namespace, &shown.relay_ref.name) == *relay);
        at_relay.next().map_or_else(Self::default, |attachment| Self {
            was_accepted: attachment.conditions.iter().any(|condition| condition.type_ == types::ACCEPTED && condition.status == "True"),
            detached_since: attachment.detached_since.as_ref().map(|since| since.0),
        })
    }

    /// Whether the relay answers for it, so that losing it must not bounce its mail.
    #[must_use]
    pub fn is_known(self) -> bool {
        self.was_accepted || self.detached_since.is_some()
    }
}
