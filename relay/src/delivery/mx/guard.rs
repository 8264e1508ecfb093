//! Which addresses mail may be led to by DNS: whoever owns a domain must reach no more through the relay than without it.

use std::{net::IpAddr, sync::Arc};

use ipnet::IpNet;

use super::global::{embedded, is_global_unicast};

/// Judges addresses that were found by MX.
#[derive(Debug)]
pub(in crate::delivery) struct Guard {
    /// Networks that are open all the same.
    pub(in crate::delivery) exceptions: Box<[IpNet]>,
    /// Networks of the cluster's nodes, pods and Services.
    pub(in crate::delivery) cluster: Arc<[IpNet]>,
}

impl Guard {
    /// Whether whoever wrote the configuration opened this address.
    pub(super) fn excepts(&self, address: IpAddr) -> bool {
        self.exceptions.iter().any(|network| network.contains(&address))
    }

    /// Whether mail may go to this address: it is opened, or a server on the Internet can have it and the cluster does not.
    pub(super) fn admits(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let leads_to = match address {
            IpAddr::V6(v6) => embedded(v6).map(IpAddr::V4),
            IpAddr::V4(_) => None,
        };
        let is_ours = |address: &IpAddr| self.cluster.iter().any(|network| network.contains(address));
        let is_inside = is_ours(&address) || leads_to.as_ref().is_some_and(is_ours);
        self.excepts(address) || (is_global_unicast(address) && !is_inside)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(exceptions: &[&str], cluster: &[&str]) -> Guard {
        let networks = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<IpNet>>();
        Guard { exceptions: networks(exceptions).into(), cluster: networks(cluster).into() }
    }

    fn admits(guard: &Guard, address: &str) -> bool {
        guard.admits(address.parse().unwrap())
    }

    #[test]
    fn only_global_addresses_are_admitted() {
        let guard = guard(&[], &[]);
        assert!(admits(&guard, "8.8.8.8") && admits(&guard, "2606:4700::1111"));
        assert!(!admits(&guard, "10.0.0.1") && !admits(&guard, "::1") && !admits(&guard, "::ffff:127.0.0.1"));
    }

    #[test]
    fn a_cluster_with_public_addresses_is_closed_however_they_are_written() {
        let guard = guard(&[], &["8.8.8.0/24", "2606:4700::/48"]);
        assert!(admits(&guard, "8.8.4.4") && admits(&guard, "2606:4701::1"));
        for inside in ["8.8.8.8", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1", "2606:4700::1111"] {
            assert!(!admits(&guard, inside), "{inside}");
        }
    }

    #[test]
    fn an_exception_opens_its_network_and_no_other() {
        let guard = guard(&["10.1.2.0/24", "8.8.8.8/32"], &["8.8.8.0/24"]);
        assert!(admits(&guard, "10.1.2.3") && admits(&guard, "::ffff:10.1.2.3") && admits(&guard, "8.8.8.8"));
        assert!(!admits(&guard, "10.1.3.1") && !admits(&guard, "8.8.8.9") && !admits(&guard, "64:ff9b::10.1.2.3"));
    }
}
