//! The domains that a relay accepts mail for.

use serde::{Deserialize, Serialize};

use crate::{DomainName, NextHops, RouteTarget};

/// A share of the accepted domains. Which shard a domain is in depends on its name alone, so that one edit rewrites one shard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DomainShard {
    /// Sorted by name.
    pub domains: Vec<Domain>,
}

/// A domain that the relay takes mail for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Domain {
    /// The domain, a lower-case A-label.
    pub name: DomainName,
    /// Whether every name below it is accepted too.
    #[serde(default)]
    pub include_subdomains: bool,
    /// Who knows the recipients, and who takes those that are unknown.
    pub kind: DomainType,
    /// Mailboxes that are refused whoever asks (550 5.7.1), in lower case, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked: Vec<String>,
}

impl Domain {
    /// Every named set of servers that mail of the domain may go to; exchangers are not named.
    pub fn next_hops(&self) -> impl Iterator<Item = &NextHops> {
        let (first, other) = match &self.kind {
            DomainType::Authoritative { next_hops, .. } => (Some(next_hops), None),
            DomainType::InternalRelay { next_hops, unknown_recipients, .. } => (Some(next_hops), Some(unknown_recipients)),
            DomainType::ExternalRelay { to } => (to.next_hops(), None),
            DomainType::Detached => (None, None),
        };
        first.into_iter().chain(other)
    }
}

/// What the relay does with a recipient of the domain; the names are Exchange's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub enum DomainType {
    /// The next hops know every recipient.
    Authoritative {
        /// Where the mail goes.
        next_hops: NextHops,
        /// Who says whether a recipient exists.
        recipients: RecipientValidation,
    },
    /// The next hops know some recipients; those that they refuse with 550 5.1.1 are asked of other hops.
    InternalRelay {
        /// Where the mail of known recipients goes.
        next_hops: NextHops,
        /// Who says whether a recipient exists.
        recipients: RecipientValidation,
        /// Where the mail of the others goes.
        unknown_recipients: NextHops,
    },
    /// Some other server has its mailboxes, and nobody is asked whether a recipient exists.
    ExternalRelay {
        /// Where the mail goes.
        to: RouteTarget,
    },
    /// The domain can't be served now (a reference is missing, another claim won): 451 4.3.5, the sender keeps its mail.
    Detached,
}

/// Who says whether a recipient exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "validation", rename_all_fields = "camelCase")]
pub enum RecipientValidation {
    /// The next hop, asked at RCPT.
    NextHop,
    /// A list; the next hop is asked after it.
    List {
        /// Name of a [`RecipientList`] file.
        list: String,
    },
}

/// The mailboxes that exist in a domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecipientList {
    /// Mailboxes (`user@example.com`), lower case, sorted.
    pub mailboxes: Vec<String>,
}
