//! One server of a destination.

use std::{net::IpAddr, sync::Arc};

use hickory_resolver::proto::rr::Name;

use super::tls::{Fingerprint, Link};

/// One server of a destination.
#[derive(Debug)]
pub(super) struct Hop {
    /// `host:port`, for logs.
    pub(super) name: Arc<str>,
    pub(super) host: Host,
    pub(super) port: u16,
    /// Lower is asked first.
    pub(super) priority: u16,
    /// Share among hops of the same priority.
    pub(super) weight: u16,
    /// How connections to it are made.
    pub(super) link: Link,
    /// What tells it from servers that fail on their own: the link, the host and the port.
    pub(super) fingerprint: Fingerprint,
}

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Host {
    /// At these addresses.
    At(Vec<IpAddr>),
    /// Where this name leads. Absolute, so that no search list is ever tried.
    Name(Name),
}

impl Hop {
    /// A hop called `host` in logs.
    pub(super) fn new(host: &str, at: Host, port: u16, (priority, weight): (u16, u16), link: Link) -> Self {
        let name: Arc<str> = format!("{host}:{port}").into();
        let fingerprint = Fingerprint::of([&link.fingerprint.0[..], name.as_bytes()]);
        Self { name, host: at, port, priority, weight, link, fingerprint }
    }
}
