//! Where mail goes, compiled once for each configuration.

use std::fmt;

use ipnet::IpNet;
use postern_config::RouteTarget;

use super::{deadlines::Deadlines, hop::Hop, mx::Plan};

/// Where the mail of a domain goes: the servers that take it, what TLS to them must give, and how long they may take.
pub struct Destination {
    pub(super) label: Box<str>,
    pub(super) target: RouteTarget,
    pub(super) servers: Servers,
    pub(super) deadlines: Deadlines,
}

/// The servers of a destination.
#[derive(Debug)]
pub(super) enum Servers {
    /// Those that the configuration names.
    Named(Box<[Hop]>),
    /// The exchangers of each recipient's domain.
    ByMx(Plan),
}

impl Destination {
    /// The domain or route that it was compiled for, for logs.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// What it was compiled from.
    #[must_use]
    pub fn target(&self) -> &RouteTarget {
        &self.target
    }

    /// Whether its servers depend on the recipient's domain: then a transaction with it has recipients of one domain.
    #[must_use]
    pub fn is_by_mx(&self) -> bool {
        matches!(self.servers, Servers::ByMx(_))
    }

    /// Networks that the addresses of its servers must be in; any when empty.
    pub(super) fn allowed_cidrs(&self) -> &[IpNet] {
        self.target.next_hops().map_or(&[], |next_hops| &next_hops.allowed_cidrs)
    }
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Destination").field("label", &self.label).field("servers", &self.servers).finish_non_exhaustive()
    }
}
