//! A name server that serves a signed zone.

#![allow(clippy::unwrap_used, reason = "functions that tests share are tests too")]

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use hickory_server::{
    Server,
    dnssec::NxProofKind,
    net::runtime::TokioRuntimeProvider,
    proto::{
        dnssec::{DnssecSigner, SigningKey as _, crypto::Ed25519SigningKey, rdata::DNSKEY},
        rr::Name,
        serialize::txt::Parser,
    },
    store::in_memory::InMemoryZoneHandler,
    zone_handler::{AxfrPolicy, Catalog, ZoneType},
};
use tokio::net::{TcpListener, UdpSocket};

/// A zone that is served, over UDP and TCP. What lies outside it is refused. Dropping it stops it.
pub(crate) struct Zone {
    address: SocketAddr,
    _server: Server<Catalog>,
}

impl Zone {
    /// Serves the zone `test`, which holds these records, as a master file has them (RFC 1035 section 5).
    pub(crate) async fn serve(records: &str) -> Self {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = udp.local_addr().unwrap();
        let origin = Name::from_ascii("test.").unwrap();
        let mut catalog = Catalog::new();
        catalog.upsert(origin.clone().into(), vec![Arc::new(signed(origin, records))]);
        let mut server = Server::new(catalog);
        server.register_socket(udp);
        server.register_listener(TcpListener::bind(address).await.unwrap(), Duration::from_secs(5), 4096);
        Self { address, _server: server }
    }

    /// Where it is served.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

fn signed(origin: Name, records: &str) -> InMemoryZoneHandler<TokioRuntimeProvider> {
    let text = format!("$TTL 60\n@ IN SOA ns hostmaster 1 3600 600 86400 60\n@ IN NS ns\nns IN A 127.0.0.1\n{records}\n");
    let (_, records) = Parser::new(text, None, Some(origin.clone())).parse().unwrap();
    let mut zone = InMemoryZoneHandler::new(origin.clone(), records, ZoneType::Primary, AxfrPolicy::Deny, Some(NxProofKind::Nsec)).unwrap();
    let key = Ed25519SigningKey::from_pkcs8(&Ed25519SigningKey::generate_pkcs8().unwrap()).unwrap();
    let public = DNSKEY::from_key(&key.to_public_key().unwrap());
    zone.add_zone_signing_key_mut(DnssecSigner::new(public, Box::new(key), origin, Duration::from_hours(1))).unwrap();
    zone.secure_zone_mut().unwrap();
    zone
}
