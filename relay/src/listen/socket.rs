//! A socket that listens.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
};

use rustix::io::Errno;
use tokio::net::{TcpListener, TcpSocket};

/// Connections that the kernel holds for us before they are accepted.
const BACKLOG: u32 = 1024;

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
