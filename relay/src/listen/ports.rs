//! Which ports are open.

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{Gate, Serve, accept, listen};
use crate::snapshot::Snapshot;

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
