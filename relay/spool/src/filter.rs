//! What queue tools look for.

use jiff::Timestamp;
use postern_proto::address::{ForwardPath, Mailbox, ReversePath};

use crate::{Entry, Listed, MessageId};

/// Which messages are meant. What is `None` does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Domain of a recipient that is still pending, as an A-label in lower case.
    pub recipient_domain: Option<String>,
    /// Domain of the sender, as an A-label in lower case.
    pub sender_domain: Option<String>,
    /// Arrived before.
    pub arrived_before: Option<Timestamp>,
    /// A part of the text of a pending recipient's last error.
    pub error: Option<String>,
    /// Whether it is held.
    pub held: Option<bool>,
}

/// A part of the queue.
#[derive(Debug)]
pub struct Page {
    /// What was found, oldest name first.
    pub messages: Vec<Listed>,
    /// Messages that were looked at, found or not.
    pub examined: usize,
    /// Where the next page begins: behind this message. `None` when there is no more.
    pub next: Option<MessageId>,
}

impl Filter {
    /// Whether `listed` is meant.
    #[must_use]
    pub fn matches(&self, listed: &Listed) -> bool {
        let entry = &listed.entry;
        self.held.is_none_or(|held| held == listed.held)
            && self.arrived_before.is_none_or(|time| entry.envelope().arrival < time)
            && self.sender_domain.as_deref().is_none_or(|domain| sent_from(entry, domain))
            && self.recipient_domain.as_deref().is_none_or(|domain| pending_to(entry, domain))
            && self.error.as_deref().is_none_or(|part| failed_with(entry, part))
    }
}

fn sent_from(entry: &Entry, domain: &str) -> bool {
    matches!(&entry.envelope().reverse_path, ReversePath::Mailbox(mailbox) if is_in(mailbox, domain))
}

fn pending_to(entry: &Entry, domain: &str) -> bool {
    entry.recipients().any(|(recipient, status)| {
        status.due().is_some() && matches!(&recipient.path, ForwardPath::Mailbox(mailbox) if is_in(mailbox, domain))
    })
}

fn failed_with(entry: &Entry, part: &str) -> bool {
    let pending = entry.statuses().iter().filter(|status| status.due().is_some());
    pending.filter_map(|status| status.failure()).any(|failure| failure.text().contains(part))
}

fn is_in(mailbox: &Mailbox, domain: &str) -> bool {
    mailbox.domain.to_a_label().is_some_and(|name| name == domain)
}
