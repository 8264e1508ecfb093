//! Where mail goes that is for none of the accepted domains.

use ipnet::IpNet;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{DomainName, NextHopTls, NextHopTlsMode, NextHops, SenderPattern};

/// A route of outbound mail. Of all routes of a relay the first that matches is taken; mail that none matches is refused (550 5.4.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OutboundRoute {
    /// Name of the route, unique in the relay; a label of logs and metrics.
    pub name: String,
    /// Which mail takes it.
    #[serde(default, rename = "match")]
    pub matches: RouteMatch,
    /// Where it leads.
    pub to: RouteTarget,
    /// What the servers hear in EHLO; the relay's own name when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ehlo_name: Option<DomainName>,
}

/// Which mail takes a route: what every list that is not empty has an entry for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteMatch {
    /// Senders; [`SenderPattern::Null`] among them means reports, [`SenderPattern::Any`] is not allowed. At most 256.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub senders: Vec<SenderPattern>,
    /// Domains of recipients. At most 256.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recipient_domains: Vec<DomainPattern>,
    /// Names of users. At most 256.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<String>,
    /// Names of listeners. At most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub listeners: Vec<String>,
}

/// A domain, and the names below it when it says so.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DomainPattern {
    /// The domain.
    pub domain: DomainName,
    /// Whether names below it are meant too.
    #[serde(default)]
    pub include_subdomains: bool,
}

/// Where a route leads.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub enum RouteTarget {
    /// To these servers: smart hosts, or the next hops of a domain.
    Hosts {
        /// The servers.
        next_hops: NextHops,
        /// Name of the credentials that they are shown ([`credentials_file`](crate::material::credentials_file)).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        credentials: Option<String>,
    },
    /// To the exchangers of each recipient's domain (RFC 5321 section 5).
    Mx(Mx),
}

/// How mail finds exchangers, and what links to them must give.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mx {
    /// What TLS to them must give. `server_name` is absent: it is each exchanger's own name.
    pub tls: NextHopTls,
    /// Domains for which less, or more, is asked. At most 256.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waivers: Vec<TlsWaiver>,
    /// Networks that exchangers may be in although they are not global unicast, or belong to the cluster. At most 64.
    #[serde(default, rename = "allowCIDRs", skip_serializing_if = "Vec::is_empty")]
    pub allow_cidrs: Vec<IpNet>,
    /// The port of exchangers: 25, but in tests.
    pub port: u16,
}

/// What TLS must give for the mail of one domain, until a day.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TlsWaiver {
    /// The recipients' domain.
    pub domain: DomainPattern,
    /// How much is asked.
    pub mode: NextHopTlsMode,
    /// From then on it counts no more; `None` is never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl RouteTarget {
    /// The servers that it names; `None` when they are found by MX.
    #[must_use]
    pub fn next_hops(&self) -> Option<&NextHops> {
        match self {
            Self::Hosts { next_hops, .. } => Some(next_hops),
            Self::Mx(_) => None,
        }
    }

    /// What TLS to its servers must give.
    #[must_use]
    pub fn tls(&self) -> &NextHopTls {
        match self {
            Self::Hosts { next_hops, .. } => &next_hops.tls,
            Self::Mx(mx) => &mx.tls,
        }
    }

    /// The name of the credentials that its servers are shown.
    #[must_use]
    pub fn credentials(&self) -> Option<&str> {
        match self {
            Self::Hosts { credentials, .. } => credentials.as_deref(),
            Self::Mx(_) => None,
        }
    }
}

impl DomainPattern {
    /// Whether `name`, a lower-case A-label, is meant.
    #[must_use]
    pub fn covers(&self, name: &str) -> bool {
        match name.strip_suffix(self.domain.as_str()) {
            Some("") => true,
            Some(above) => self.include_subdomains && above.ends_with('.'),
            None => false,
        }
    }
}

impl From<NextHops> for RouteTarget {
    fn from(next_hops: NextHops) -> Self {
        Self::Hosts { next_hops, credentials: None }
    }
}
