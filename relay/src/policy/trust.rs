//! Servers of our own, known by certificate or address.

use std::{net::IpAddr, sync::Arc};

use ipnet::IpNet;
use postern_config::{Tenant, TrustRequirement, Trusted};

use super::{Identity, Senders};

/// Whom a listener trusts to send without AUTH.
#[derive(Clone, Debug)]
pub struct Trust {
    certificate_names: Vec<String>,
    cidrs: Vec<IpNet>,
    require: TrustRequirement,
    senders: Arc<Senders>,
    /// What messages must say of the tenant that they come from.
    pub tenant: Option<Tenant>,
}

/// What is known of a client before it says anything.
#[derive(Clone, Copy, Debug)]
pub struct Credentials<'a> {
    /// Its address; `None` where anyone may come with it, as with those of the cluster behind SNAT.
    pub address: Option<IpAddr>,
    /// The names in its certificate, which was verified; lower case.
    pub certificate_names: &'a [String],
}

impl Trust {
    /// Compiles what a listener says.
    #[must_use]
    pub fn new(trusted: &Trusted) -> Self {
        Self {
            certificate_names: trusted.certificate_names.clone(),
            cidrs: trusted.cidrs.clone(),
            require: trusted.require,
            // Servers send reports and out-of-office replies.
            senders: Arc::new(trusted.allowed_senders.iter().collect::<Senders>().with_null()),
            tenant: trusted.tenant.clone(),
        }
    }

    /// Who the client is, if it is trusted. It is named for its certificate, or else for its address.
    #[must_use]
    pub fn identify(&self, client: &Credentials<'_>) -> Option<Identity> {
        let by_certificate = client.certificate_names.iter().find(|name| self.names(name)).cloned();
        let by_address = client.address.filter(|address| self.cidrs.iter().any(|network| network.contains(address)));
        let name = match self.require {
            TrustRequirement::Any => by_certificate.or_else(|| by_address.map(|address| address.to_string()))?,
            TrustRequirement::All => by_address.and(by_certificate)?,
        };
        Some(Identity { name: name.into(), senders: Arc::clone(&self.senders) })
    }

    /// Whether `held`, a name in a certificate, is one of ours. A wildcard of ours stands for one label of it, and never the other way round: a
    /// certificate for `*.example.com` is no proof of being one host of it.
    fn names(&self, held: &str) -> bool {
        self.certificate_names.iter().any(|ours| match ours.strip_prefix("*.") {
            Some(below) => held.split_once('.').is_some_and(|(label, rest)| rest == below && label != "*") || held == ours,
            None => held == ours,
        })
    }
}
