//! Which addresses a server on the Internet can have.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

/// IPv4 that is no server's on the Internet (IANA's special-purpose registry, RFC 6890).
const NOT_GLOBAL_V4: [Ipv4Net; 17] = [
    Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 8),           // this network, RFC 791 section 3.2
    Ipv4Net::new_assert(Ipv4Addr::new(10, 0, 0, 0), 8),      // private, RFC 1918
    Ipv4Net::new_assert(Ipv4Addr::new(100, 64, 0, 0), 10),   // shared by a carrier's customers, RFC 6598
    Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8),     // loopback, RFC 1122 section 3.2.1.3
    Ipv4Net::new_assert(Ipv4Addr::new(169, 254, 0, 0), 16),  // link-local, RFC 3927; clouds keep credentials there
    Ipv4Net::new_assert(Ipv4Addr::new(172, 16, 0, 0), 12),   // private, RFC 1918
    Ipv4Net::new_assert(Ipv4Addr::new(192, 0, 0, 0), 24),    // protocol assignments, RFC 6890 section 2.1
    Ipv4Net::new_assert(Ipv4Addr::new(192, 0, 2, 0), 24),    // documentation, RFC 5737
    Ipv4Net::new_assert(Ipv4Addr::new(192, 31, 196, 0), 24), // AS112, RFC 7535
    Ipv4Net::new_assert(Ipv4Addr::new(192, 52, 193, 0), 24), // AMT, RFC 7450
    Ipv4Net::new_assert(Ipv4Addr::new(192, 88, 99, 0), 24),  // 6to4 relays, RFC 7526
    Ipv4Net::new_assert(Ipv4Addr::new(192, 168, 0, 0), 16),  // private, RFC 1918
    Ipv4Net::new_assert(Ipv4Addr::new(198, 18, 0, 0), 15),   // benchmarking, RFC 2544
    Ipv4Net::new_assert(Ipv4Addr::new(198, 51, 100, 0), 24), // documentation, RFC 5737
    Ipv4Net::new_assert(Ipv4Addr::new(203, 0, 113, 0), 24),  // documentation, RFC 5737
    Ipv4Net::new_assert(Ipv4Addr::new(224, 0, 0, 0), 4),     // multicast, RFC 5771
    Ipv4Net::new_assert(Ipv4Addr::new(240, 0, 0, 0), 4),     // reserved, RFC 1112 section 4, and broadcast, RFC 919
];

/// IPv6 that is handed out to the Internet (RFC 4291 section 2.4). Outside lie `::`, loopback, IPv4-compatible addresses, the discard
/// prefix (RFC 6666), local NAT64 (RFC 8215), segment routing (RFC 9602), ULA (RFC 4193), link-local, site-local and multicast.
const GLOBAL_V6: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// What of [`GLOBAL_V6`] is no server's all the same.
const NOT_GLOBAL_V6: [Ipv6Net; 3] = [
    // Protocol assignments, RFC 2928: Teredo (RFC 4380), benchmarking (RFC 5180), ORCHID (RFC 4843 and 7343), remote identification (RFC 9374).
    Ipv6Net::new_assert(Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    Ipv6Net::new_assert(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation, RFC 3849
    Ipv6Net::new_assert(Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),     // documentation, RFC 9637
];

/// NAT64 (RFC 6052): the last four octets are an IPv4 address, which is where a connection goes.
const NAT64: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);
/// 6to4 (RFC 3056): the four octets behind the prefix are an IPv4 address, which is where packets go.
const SIX_TO_FOUR: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16);

/// Whether a server on the Internet can have this address. One that holds an IPv4 address inside is as good as that one.
pub(super) fn is_global_unicast(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => !NOT_GLOBAL_V4.iter().any(|network| network.contains(&address)),
        IpAddr::V6(address) => match embedded(address) {
            Some(inside) => is_global_unicast(inside.into()),
            None => GLOBAL_V6.contains(&address) && !NOT_GLOBAL_V6.iter().any(|network| network.contains(&address)),
        },
    }
}

/// The IPv4 address to which an IPv6 address leads through a translator or a tunnel.
pub(super) fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let octets = address.octets();
    let at = |start: usize| Ipv4Addr::new(octets[start], octets[start + 1], octets[start + 2], octets[start + 3]);
    if NAT64.contains(&address) {
        Some(at(12))
    } else if SIX_TO_FOUR.contains(&address) {
        Some(at(2))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The first and the last address of what is refused, and their neighbours where those are taken.
    const VECTORS: &str = "
        0.0.0.0 no; 0.255.255.255 no; 1.0.0.0 yes
        9.255.255.255 yes; 10.0.0.0 no; 10.255.255.255 no; 11.0.0.0 yes
        100.63.255.255 yes; 100.64.0.0 no; 100.127.255.255 no; 100.128.0.0 yes
        126.255.255.255 yes; 127.0.0.1 no; 127.255.255.255 no; 128.0.0.0 yes
        169.253.255.255 yes; 169.254.0.0 no; 169.254.169.254 no; 169.254.255.255 no; 169.255.0.0 yes
        172.15.255.255 yes; 172.16.0.0 no; 172.31.255.255 no; 172.32.0.0 yes
        191.255.255.255 yes; 192.0.0.0 no; 192.0.0.255 no; 192.0.1.0 yes; 192.0.2.0 no; 192.0.2.255 no; 192.0.3.0 yes
        192.31.196.1 no; 192.52.193.1 no; 192.88.98.255 yes; 192.88.99.0 no; 192.88.99.255 no; 192.88.100.0 yes
        192.167.255.255 yes; 192.168.0.0 no; 192.168.255.255 no; 192.169.0.0 yes
        198.17.255.255 yes; 198.18.0.0 no; 198.19.255.255 no; 198.20.0.0 yes
        198.51.99.255 yes; 198.51.100.0 no; 198.51.100.255 no; 198.51.101.0 yes
        203.0.112.255 yes; 203.0.113.0 no; 203.0.113.255 no; 203.0.114.0 yes
        223.255.255.255 yes; 224.0.0.0 no; 239.255.255.255 no; 240.0.0.0 no; 255.255.255.255 no
        :: no; ::1 no; ::8.8.8.8 no; ::ffff:8.8.8.8 yes; ::ffff:10.0.0.1 no; ::ffff:169.254.169.254 no
        64:ff9b::8.8.8.8 yes; 64:ff9b::10.0.0.1 no; 64:ff9b::127.0.0.1 no; 64:ff9b:0:0:0:1:808:808 no; 64:ff9b:1::8.8.8.8 no
        100::1 no; 1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff no; 2000:: yes
        2001::1 no; 2001:0:53aa:64c:0:0:f7f7:f7f7 no; 2001:2::1 no; 2001:10::1 no; 2001:20::1 no; 2001:30::1 no
        2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff no; 2001:200:: yes
        2001:db7:ffff:ffff:ffff:ffff:ffff:ffff yes; 2001:db8:: no; 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff no; 2001:db9:: yes
        2002:808:808::1 yes; 2002:a00:1::1 no; 2002:7f00:1::1 no; 2002:c0a8:101::1 no; 2003:: yes
        2606:4700::1111 yes; 3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff yes; 3fff:: no; 3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff no; 3fff:1000:: yes
        4000:: no; 5f00::1 no; fbff::1 no; fc00::1 no; fdff::1 no; fe80::1 no; febf::1 no; fec0::1 no; ff02::1 no; ff0e::1 no
    ";

    #[test]
    fn what_a_server_can_have_and_what_not() {
        let vectors = VECTORS.split([';', '\n']).map(str::trim).filter(|vector| !vector.is_empty());
        let checked = vectors.map(|vector| {
            let (address, is_global) = vector.split_once(' ').unwrap();
            assert_eq!(is_global_unicast(address.parse().unwrap()), is_global == "yes", "{vector}");
        });
        assert!(checked.count() > 100);
    }

    proptest! {
        /// However an IPv4 address is wrapped, it is judged as itself.
        #[test]
        fn a_wrapped_address_is_as_good_as_what_is_inside(bits: u32, rest: u64) {
            let inside = Ipv4Addr::from_bits(bits);
            let nat64 = Ipv6Addr::from_bits(NAT64.addr().to_bits() | u128::from(bits));
            let six_to_four = Ipv6Addr::from_bits(SIX_TO_FOUR.addr().to_bits() | u128::from(bits) << 80 | u128::from(rest));
            for wrapped in [inside.to_ipv6_mapped(), nat64, six_to_four] {
                prop_assert_eq!(is_global_unicast(wrapped.into()), is_global_unicast(inside.into()), "{}", wrapped);
            }
        }

        /// The standard library knows some of what is not global; we know at least that.
        #[test]
        fn what_the_standard_library_knows_as_special_is_not_global(bits: u32, bits6: u128) {
            let v4 = Ipv4Addr::from_bits(bits);
            if v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast() || v4.is_documentation() || v4.is_broadcast() {
                prop_assert!(!is_global_unicast(v4.into()));
            }
            let v6 = Ipv6Addr::from_bits(bits6);
            if v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_multicast() {
                prop_assert!(!is_global_unicast(v6.into()));
            }
        }
    }
}
