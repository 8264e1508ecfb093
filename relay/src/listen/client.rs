//! Who is at the other end.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

/// The client of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its address: the peer's own, or what a trusted proxy says. An IPv4 address that came over an IPv6 socket is an IPv4 address.
    pub address: SocketAddr,
    /// The proxy between it and us, when there is one that said so.
    pub proxy: Option<SocketAddr>,
}

impl Client {
    /// A client that is the peer itself.
    #[must_use]
    pub fn direct(peer: SocketAddr) -> Self {
        Self { address: canonical(peer), proxy: None }
    }

    /// A client that speaks through a proxy.
    #[must_use]
    pub fn proxied(address: SocketAddr, proxy: SocketAddr) -> Self {
        Self { address: canonical(address), proxy: Some(canonical(proxy)) }
    }
}

/// `::ffff:192.0.2.1` is `192.0.2.1`, or a network of IPv4 addresses would not match it.
pub(super) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// What counts as one client: an IPv4 address, or an IPv6 /64, which one host may have to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClientKey {
    /// One address.
    V4(Ipv4Addr),
    /// The upper 64 bits of an address.
    V6(u64),
}

impl From<IpAddr> for ClientKey {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Self::V6([a, b, c, d].into_iter().fold(0, |network, segment| network << 16 | u64::from(segment)))
            }
        }
    }
}

/// An address, or a network as `2001:db8::/64`.
impl fmt::Display for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(address) => address.fmt(f),
            Self::V6(network) => write!(f, "{}/64", Ipv6Addr::from_bits(u128::from(*network) << 64)),
        }
    }
}
