//! How the servers of any domain are found.

use std::{
    collections::HashSet,
    net::{IpAddr, SocketAddr, UdpSocket},
    sync::Arc,
};

use hickory_resolver::proto::rr::Name;
use jiff::Timestamp;
use postern_proto::address::Domain;
use rustls::pki_types::ServerName;
use tracing::debug;

use super::{
    exchanger::{self, Exchanger},
    guard::Guard,
    look_up::{self, Located},
    waiver::Waiver,
};
use crate::delivery::{
    deadlines::Limit,
    fault::{Failure, Fault, Step},
    hop::{Hop, Host},
    loader::absolute,
    outbound::Shared,
    tls::{Link, Material},
};

/// How the exchangers of a domain are found, and what links to them must give.
#[derive(Debug)]
pub(in crate::delivery) struct Plan {
    pub(in crate::delivery) material: Arc<Material>,
    /// The first that covers a domain counts in place of `material`.
    pub(in crate::delivery) waivers: Box<[Waiver]>,
    pub(in crate::delivery) guard: Guard,
    /// The names by which this relay is known, absolute and in lower case.
    pub(in crate::delivery) own_names: Arc<HashSet<Name>>,
    /// Who is asked; the pod's own DNS when there is none.
    pub(in crate::delivery) dns_servers: Arc<[SocketAddr]>,
    pub(in crate::delivery) ehlo_name: Arc<str>,
    pub(in crate::delivery) port: u16,
}

impl Plan {
    /// The exchangers of `domain` that mail may go to, with their addresses; never none.
    pub(in crate::delivery) async fn hops(&self, domain: &Domain, shared: &Shared, limit: &Limit) -> Result<Vec<Hop>, Failure> {
        self.find(domain, shared, limit).await.map_err(|fault| Step::Resolve.failed(fault))
    }

    async fn find(&self, domain: &Domain, shared: &Shared, limit: &Limit) -> Result<Vec<Hop>, Fault> {
        let domain = domain.to_a_label().ok_or(Fault::NoName)?;
        let name = absolute(&domain).ok_or(Fault::NoName)?;
        let resolver = shared.resolvers.of_world(&self.dns_servers)?;
        let records = look_up::mx(&resolver, &name, limit.next()).await?;
        let named = exchanger::named_by(&records, &name, &mut rand::rng())?;
        let candidates = exchanger::candidates(named, &self.own_names)?;
        let located = look_up::locate(&resolver, candidates, limit.next()).await;
        let is_us = |one: &Located| one.addresses.as_ref().is_ok_and(|addresses| addresses.iter().any(|address| shared.is_here(*address)));
        let ahead = exchanger::before_us(located, |one| one.exchanger.preference, is_us)?;
        self.open(&domain, ahead)
    }

    /// Those that mail may go to. When there is none, it is for good only if DNS answered every question.
    fn open(&self, domain: &str, located: Vec<Located>) -> Result<Vec<Hop>, Fault> {
        let material = self.material(domain, Timestamp::now());
        let (mut hops, mut unanswered) = (Vec::new(), None);
        for Located { exchanger, addresses } in located {
            match addresses {
                Ok(addresses) => hops.extend(self.hop(&exchanger, addresses, material)),
                Err(fault) => {
                    debug!(domain, exchanger = %exchanger.name, %fault, "an exchanger is passed over");
                    unanswered = Some(fault);
                }
            }
        }
        if hops.is_empty() { Err(unanswered.unwrap_or(Fault::NoExchanger)) } else { Ok(hops) }
    }

    fn hop(&self, exchanger: &Exchanger, mut addresses: Vec<IpAddr>, material: &Material) -> Option<Hop> {
        let host = exchanger.name.to_ascii();
        let host = host.trim_end_matches('.');
        addresses.retain(|address| self.guard.admits(*address));
        // A name that no certificate can hold is no server's.
        let server_name = ServerName::try_from(host).ok().filter(|_| !addresses.is_empty());
        let Some(server_name) = server_name else {
            debug!(exchanger = host, "an exchanger is passed over: it has no address that mail may go to");
            return None;
        };
        let link = Link::new(material, server_name.to_owned(), &self.ehlo_name);
        Some(Hop::new(host, Host::At(addresses), self.port, (exchanger.preference, 1), link))
    }

    fn material(&self, domain: &str, now: Timestamp) -> &Material {
        self.waivers.iter().find(|waiver| waiver.covers(domain, now)).map_or(&self.material, |waiver| &waiver.material)
    }
}

/// Whether an address is one of this machine's: then a socket can be bound to it. Loopback is everyone's.
pub(in crate::delivery) fn is_bound_here(address: IpAddr) -> bool {
    !address.is_loopback() && UdpSocket::bind((address, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_another_machine_is_not_ours() {
        assert!(!is_bound_here([192, 0, 2, 1].into()));
        assert!(!is_bound_here([127, 0, 0, 1].into()));
    }

    #[test]
    fn the_address_that_this_machine_sends_from_is_ours() {
        let socket = UdpSocket::bind(("0.0.0.0", 0)).unwrap();
        // Nothing is sent. Where there is no way out, there is no such address.
        if socket.connect(("192.0.2.1", 9)).is_ok() {
            let address = socket.local_addr().unwrap().ip();
            assert_eq!(is_bound_here(address), !address.is_loopback(), "{address}");
        }
    }
}
