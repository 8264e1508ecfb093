//! A name server that serves signed zones.

use std::{
    io::ErrorKind,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, anyhow};
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

/// Zones that are served over UDP and TCP. What lies outside them is refused. Dropping it stops it.
pub struct Zone {
    address: SocketAddr,
    _server: Server<Catalog>,
}

impl Zone {
    /// Serves the zone `origin` with these records, as a master file has them (RFC 1035 section 5), on a port that is free.
    pub async fn serve(origin: &str, records: &str) -> Result<Self> {
        let (udp, tcp) = sockets().await?;
        Self::serve_on(udp, tcp, &[(origin, records)])
    }

    /// Serves several zones on sockets that are there, both of the same address.
    pub fn serve_on(udp: UdpSocket, tcp: TcpListener, zones: &[(&str, &str)]) -> Result<Self> {
        let address = udp.local_addr()?;
        let mut catalog = Catalog::new();
        for (origin, records) in zones {
            let origin = Name::from_ascii(format!("{origin}."))?;
            catalog.upsert(origin.clone().into(), vec![Arc::new(signed(origin, records)?)]);
        }
        let mut server = Server::new(catalog);
        server.register_socket(udp);
        server.register_listener(tcp, Duration::from_secs(5), 4096);
        Ok(Self { address, _server: server })
    }

    /// Where it is served.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Both on one port. One that is free for UDP may be taken for TCP; then another is tried.
async fn sockets() -> Result<(UdpSocket, TcpListener)> {
    loop {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        match TcpListener::bind(udp.local_addr()?).await {
            Err(error) if error.kind() == ErrorKind::AddrInUse => {}
            tcp => return Ok((udp, tcp?)),
        }
    }
}

fn signed(origin: Name, records: &str) -> Result<InMemoryZoneHandler<TokioRuntimeProvider>> {
    let text = format!("$TTL 60\n@ IN SOA ns hostmaster 1 3600 600 86400 60\n@ IN NS ns\nns IN A 127.0.0.1\n{records}\n");
    let (_, records) = Parser::new(text, None, Some(origin.clone())).parse().context("the zone")?;
    let zone = InMemoryZoneHandler::new(origin.clone(), records, ZoneType::Primary, AxfrPolicy::Deny, Some(NxProofKind::Nsec));
    let mut zone = zone.map_err(|error| anyhow!("the zone: {error}"))?;
    let key = Ed25519SigningKey::from_pkcs8(&Ed25519SigningKey::generate_pkcs8()?)?;
    let public = DNSKEY::from_key(&key.to_public_key()?);
    zone.add_zone_signing_key_mut(DnssecSigner::new(public, Box::new(key), origin, Duration::from_hours(1)))?;
    zone.secure_zone_mut()?;
    Ok(zone)
}
