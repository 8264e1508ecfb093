//! Whom an identity may send as, ready to be looked up.

use std::collections::HashSet;

use postern_config::SenderPattern;
use postern_proto::address::{Mailbox, ReversePath};

use super::domains::comparable;

/// A set of senders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Senders {
    null: bool,
    any: bool,
    /// Lower-case A-labels.
    domains: HashSet<String>,
    /// As [`comparable`] gives them.
    mailboxes: HashSet<String>,
}

impl<'a> FromIterator<&'a SenderPattern> for Senders {
    fn from_iter<I: IntoIterator<Item = &'a SenderPattern>>(patterns: I) -> Self {
        let mut senders = Self::default();
        for pattern in patterns {
            match pattern {
                SenderPattern::Null => senders.null = true,
                SenderPattern::Any => senders.any = true,
                SenderPattern::Domain(domain) => drop(senders.domains.insert(domain.to_string())),
                SenderPattern::Mailbox { local, domain } => drop(senders.mailboxes.insert(format!("{local}@{domain}"))),
            }
        }
        senders
    }
}

impl Senders {
    /// The same, and the null reverse-path.
    #[must_use]
    pub fn with_null(mut self) -> Self {
        self.null = true;
        self
    }

    /// Whether nobody is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether `sender` is in it. The null reverse-path is only where it was named, or where anyone is in it.
    #[must_use]
    pub fn contain(&self, sender: &ReversePath) -> bool {
        match sender {
            ReversePath::Null => self.null || self.any,
            ReversePath::Mailbox(mailbox) => self.any || self.contain_mailbox(mailbox),
        }
    }

    fn contain_mailbox(&self, mailbox: &Mailbox) -> bool {
        mailbox.domain.to_a_label().is_some_and(|domain| self.domains.contains(&*domain))
            || comparable(mailbox).is_some_and(|name| self.mailboxes.contains(&name))
    }
}
