//! The other pods of the relay: who is there, and who is asked next.

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr, UdpSocket},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hickory_resolver::proto::{ProtoError, rr::Name};
use tokio::time::{Instant, sleep};

use crate::{delivery::Resolver, doubling::doubled};

/// How often the name is looked up.
const LOOK_UP: Duration = Duration::from_secs(5);
/// How long a peer that could not take a message is not asked again; each further time doubles it.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// The longest such time.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// The other pods of the relay, by a name in the DNS that has all their addresses.
pub struct Peers {
    host: Host,
    port: u16,
    resolver: Resolver,
    ring: Mutex<Ring>,
}

enum Host {
    Address(IpAddr),
    /// Absolute, so that no search list is ever tried.
    Name(Name),
}

/// Those that were found, and whose turn it is.
#[derive(Default)]
struct Ring {
    peers: Vec<Peer>,
    turn: usize,
}

struct Peer {
    address: IpAddr,
    /// Failures in a row.
    failures: u32,
    /// It is not asked before.
    rests_until: Instant,
}

/// Whom to ask next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// This one.
    Ask(SocketAddr),
    /// Nobody for now.
    Later,
    /// Nobody: there are peers, and none of them is wanted.
    Nobody,
}

impl Peers {
    /// The peers that `host`, an absolute name or an address, stands for; each takes messages on `port`.
    pub fn new(host: &str, port: u16, resolver: Resolver) -> Result<Self, ProtoError> {
        let host = if let Ok(address) = host.parse() {
            Host::Address(address)
        } else {
            let mut name = Name::from_utf8(host)?;
            name.set_fqdn(true);
            Host::Name(name)
        };
        Ok(Self { host, port, resolver, ring: Mutex::default() })
    }

    /// Keeps the list what the name says, for ever. While it can't be looked up, the last list counts.
    pub(super) async fn follow(&self) -> Infallible {
        loop {
            let found = match &self.host {
                Host::Address(address) => Ok(vec![*address]),
                Host::Name(name) => self.resolver.everyone(name, Instant::now() + LOOK_UP).await,
            };
            match found {
                Ok(addresses) => self.ring().replace(addresses.into_iter().filter(|address| !self.is_own(*address))),
                Err(error) => tracing::warn!(error, "peers can't be looked up"),
            }
            sleep(LOOK_UP).await;
        }
    }

    /// The next peer in turn that is not among `except`, and does not rest.
    pub(super) fn next(&self, except: &[IpAddr]) -> Choice {
        let mut ring = self.ring();
        let (count, now) = (ring.peers.len(), Instant::now());
        let mut wanted = false;
        for index in (0..count).map(|step| (ring.turn + step) % count) {
            let peer = &ring.peers[index];
            if except.contains(&peer.address) {
                continue;
            }
            wanted = true;
            if peer.rests_until <= now {
                let address = SocketAddr::new(peer.address, self.port);
                ring.turn = index + 1;
                return Choice::Ask(address);
            }
        }
        if wanted || count == 0 { Choice::Later } else { Choice::Nobody }
    }

    /// That peer, if it is still there.
    pub(super) fn same(&self, address: IpAddr) -> Choice {
        match self.ring().peer(address) {
            None => Choice::Nobody,
            Some(peer) if peer.rests_until <= Instant::now() => Choice::Ask(SocketAddr::new(address, self.port)),
            Some(_) => Choice::Later,
        }
    }

    /// Says that a peer took a message.
    pub(super) fn took(&self, address: IpAddr) {
        if let Some(peer) = self.ring().peer(address) {
            peer.failures = 0;
        }
    }

    /// Says that a peer took none, so that it rests for a while. What is said while it rests is no news.
    pub(super) fn failed(&self, address: IpAddr) {
        let now = Instant::now();
        if let Some(peer) = self.ring().peer(address).filter(|peer| peer.rests_until <= now) {
            let wait = doubled(FIRST_WAIT, peer.failures, LONGEST_WAIT);
            peer.failures += 1;
            peer.rests_until = now + wait;
        }
    }

    /// Whether the address is one of this pod: then the way to it begins there.
    fn is_own(&self, address: IpAddr) -> bool {
        let from = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let way = UdpSocket::bind(from).and_then(|socket| socket.connect((address, self.port)).and_then(|()| socket.local_addr()));
        way.is_ok_and(|own| own.ip() == address)
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        // Who panicked while he held it has panicked between whole changes.
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ring {
    fn peer(&mut self, address: IpAddr) -> Option<&mut Peer> {
        self.peers.iter_mut().find(|peer| peer.address == address)
    }

    /// Those that stay rest as they did.
    fn replace(&mut self, addresses: impl Iterator<Item = IpAddr>) {
        let mut known = std::mem::take(&mut self.peers);
        self.peers = addresses
            .map(|address| match known.iter().position(|peer| peer.address == address) {
                Some(index) => known.swap_remove(index),
                None => Peer { address, failures: 0, rests_until: Instant::now() },
            })
            .collect();
        self.peers.sort_by_key(|peer| peer.address);
    }
}

#[cfg(test)]
mod tests {
    use hickory_resolver::config::{ResolverConfig, ResolverOpts};

    use super::*;

    fn peers(addresses: &[&str]) -> Peers {
        let resolver = Resolver::new(ResolverConfig::default(), ResolverOpts::default()).unwrap();
        let peers = Peers::new("edge-peers.mail.svc.cluster.local", 9465, resolver).unwrap();
        peers.ring().replace(addresses.iter().map(|address| address.parse().unwrap()));
        peers
    }

    fn ask(address: &str) -> Choice {
        Choice::Ask(SocketAddr::new(address.parse().unwrap(), 9465))
    }

    #[tokio::test(start_paused = true)]
    async fn each_has_its_turn_and_who_failed_rests_for_longer_and_longer() {
        let peers = peers(&["192.0.2.1", "2001:db8::2"]);
        let (one, two) = (ask("192.0.2.1"), ask("2001:db8::2"));
        assert_eq!([peers.next(&[]), peers.next(&[]), peers.next(&[])], [one, two, one]);
        peers.failed("2001:db8::2".parse().unwrap());
        assert_eq!([peers.next(&[]), peers.next(&[])], [one, one]);
        assert_eq!(peers.same("2001:db8::2".parse().unwrap()), Choice::Later);
        tokio::time::advance(FIRST_WAIT).await;
        assert_eq!(peers.next(&[]), two);
        peers.failed("2001:db8::2".parse().unwrap());
        tokio::time::advance(FIRST_WAIT).await;
        assert_eq!(peers.next(&["192.0.2.1".parse().unwrap()]), Choice::Later);
        tokio::time::advance(FIRST_WAIT).await;
        assert_eq!(peers.next(&["192.0.2.1".parse().unwrap()]), two);
    }

    #[tokio::test]
    async fn there_is_nobody_only_where_somebody_was_left_out() {
        let empty = peers(&[]);
        assert_eq!(empty.next(&[]), Choice::Later);
        let one = peers(&["192.0.2.1"]);
        assert_eq!(one.next(&["192.0.2.1".parse().unwrap()]), Choice::Nobody);
        assert_eq!(one.same("192.0.2.9".parse().unwrap()), Choice::Nobody);
    }

    #[tokio::test]
    async fn the_own_address_is_known() {
        let peers = peers(&[]);
        assert!(peers.is_own("127.0.0.1".parse().unwrap()));
        assert!(!peers.is_own("192.0.2.1".parse().unwrap()));
    }
}
