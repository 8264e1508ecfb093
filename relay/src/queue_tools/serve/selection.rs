//! Which messages a filter means.

use postern_proto::address::{Mailbox, ReversePath};
use postern_spool::{Filter, Listed, MessageId, Page, Spool, SpoolError};

use super::Problem;
use crate::queue_tools::wire::{self, PAGE};

/// What a filter of the wire means: what the spool looks for, and what it does not know of.
pub(super) struct Wanted {
    filter: Filter,
    sender: Option<ReversePath>,
}

impl TryFrom<wire::Filter> for Wanted {
    type Error = Problem;

    fn try_from(filter: wire::Filter) -> Result<Self, Problem> {
        let wire::Filter { recipient_domain, sender_domain, sender, arrived_before, error, held } = filter;
        let sender = sender.map(|text| match ReversePath::parse(&text) {
            Ok((path, "")) => Ok(path),
            _ => Err(Problem::Sender(text)),
        });
        Ok(Self { filter: Filter { recipient_domain, sender_domain, arrived_before, error, held }, sender: sender.transpose()? })
    }
}

impl Wanted {
    /// Those that are meant of the next [`PAGE`] messages behind `after`.
    pub(super) async fn page(&self, spool: &impl Spool, after: Option<MessageId>) -> Result<Page, SpoolError> {
        let mut page = spool.list(&self.filter, after, PAGE).await?;
        page.messages.retain(|listed| self.has_sender(listed));
        Ok(page)
    }

    fn has_sender(&self, listed: &Listed) -> bool {
        self.sender.as_ref().is_none_or(|sender| is_same(sender, &listed.entry.envelope().reverse_path))
    }
}

fn is_same(one: &ReversePath, other: &ReversePath) -> bool {
    match (one, other) {
        (ReversePath::Mailbox(one), ReversePath::Mailbox(other)) => one.local == other.local && is_same_domain(one, other),
        _ => one == other,
    }
}

/// Names are the same in any case, and as U-labels or A-labels; literals, as they are written.
fn is_same_domain(one: &Mailbox, other: &Mailbox) -> bool {
    match (one.domain.to_a_label(), other.domain.to_a_label()) {
        (Some(one), Some(other)) => one == other,
        _ => one.domain == other.domain,
    }
}
