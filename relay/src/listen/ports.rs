//! Which ports are open.

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use rustix::io::Errno;
use tokio::net::{TcpListener, TcpSocket};
use tokio_util::sync::CancellationToken;

use super::{Gate, Serve, accept};
use crate::snapshot::Snapshot;

/// Connections that the kernel holds for us before they are accepted.
const BACKLOG: u32 = 1024;

/// The open ports, and the loops that accept on them.
pub struct Ports<S> {
    bind: IpAddr,
    gate: Arc<Gate<S>>,
    open: BTreeMap<u16, CancellationToken>,
}

/// Ports that are bound, but not yet used.
pub struct Prepared(Vec<(u16, TcpListener)>);

/// A port that can't be bound.
#[derive(Debug, thiserror::Error)]
#[error("listeners[{listener}].port: can't listen on {address}: {source}")]
pub struct BindError {
    listener: String,
    address: SocketAddr,
    source: io::Error,
}

impl<S: Serve> Ports<S> {
    /// No port yet; all are to be bound on `bind`.
    #[must_use]
    pub fn new(bind: IpAddr, gate: Gate<S>) -> Self {
        Self { bind, gate: Arc::new(gate), open: BTreeMap::new() }
    }

    /// Binds what `snapshot` needs and is not open yet. Nobody is served there before [`Self::commit`]; dropping it unbinds.
    pub fn prepare(&self, snapshot: &Snapshot) -> Result<Prepared, Vec<BindError>> {
        let (mut bound, mut errors) = (Vec::new(), Vec::new());
        for listener in snapshot.doors.iter().map(|door| &door.listener).filter(|listener| !self.open.contains_key(&listener.port)) {
            let address = SocketAddr::new(self.bind, listener.port);
            match listen(address) {
                Ok(socket) => bound.push((listener.port, socket)),
                Err(source) => errors.push(BindError { listener: listener.name.clone(), address, source }),
            }
        }
        if errors.is_empty() { Ok(Prepared(bound)) } else { Err(errors) }
    }

    /// Serves on the ports of `snapshot`, which is in use by now, and on no others. Sessions on closed ports go on to their end.
    pub fn commit(&mut self, Prepared(bound): Prepared, snapshot: &Snapshot) {
        self.open.retain(|&port, stop| {
            let stays = snapshot.door(port).is_some();
            if !stays {
                stop.cancel();
            }
            stays
        });
        for (port, socket) in bound {
            let stop = self.gate.drain.token().child_token();
            tokio::spawn(accept::run(Arc::clone(&self.gate), port, socket, stop.clone()));
            self.open.insert(port, stop);
        }
    }
}

impl<S> Drop for Ports<S> {
    fn drop(&mut self) {
        self.open.values().for_each(CancellationToken::cancel);
    }
}

/// Listens on `address`.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    bind(address).or_else(|error| without_ipv6(address, &error).map_or(Err(error), bind))
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// `[::]` means every address of the machine. Where the kernel knows no IPv6 at all, that is `0.0.0.0`.
fn without_ipv6(address: SocketAddr, error: &io::Error) -> Option<SocketAddr> {
    let no_ipv6 = error.raw_os_error() == Some(Errno::AFNOSUPPORT.raw_os_error());
    (no_ipv6 && address.ip() == Ipv6Addr::UNSPECIFIED).then(|| SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), address.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_is_every_ipv4_address_where_there_is_no_ipv6() {
        let (no_ipv6, taken) = (io::Error::from(Errno::AFNOSUPPORT), io::Error::from(Errno::ADDRINUSE));
        let every = "[::]:25".parse().unwrap();
        assert_eq!(without_ipv6(every, &no_ipv6), Some("0.0.0.0:25".parse().unwrap()));
        assert_eq!(without_ipv6(every, &taken), None);
        assert_eq!(without_ipv6("[::1]:25".parse().unwrap(), &no_ipv6), None);
        assert_eq!(without_ipv6("0.0.0.0:25".parse().unwrap(), &no_ipv6), None);
    }
}
