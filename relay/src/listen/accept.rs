//! From an accepted connection to a session.

use std::{io, io::Write as _, net::SocketAddr, sync::Arc, time::Duration};

use postern_config::{Listener, ListenerTls};
use tokio::{
    net::{TcpListener, TcpStream},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use super::{
    Admission, Client, Clients, Connection, Drain, Metrics, Refused, Serve, Slot, Surroundings, connection::Sighting, metrics::Closed,
    proxy,
};
use crate::{
    snapshot::{Door, Snapshot, Store},
    tls,
};

/// How long to wait when the system has no room for another connection.
const BACK_OFF: Duration = Duration::from_millis(200);

/// What every connection needs on its way in.
pub struct Gate<S> {
    /// The snapshot in use.
    pub store: Arc<Store>,
    /// Who may come in.
    pub admission: Arc<Admission>,
    /// Where the relay runs.
    pub surroundings: Surroundings,
    /// Counts of clients.
    pub clients: Clients,
    /// Speaks SMTP.
    pub serve: S,
    /// Whether the relay is to end.
    pub drain: Drain,
    /// Counts of connections.
    pub metrics: Metrics,
    /// Counts of handshakes.
    pub tls_metrics: tls::Metrics,
}

/// Accepts on `socket` until `stop`.
pub(super) async fn run<S: Serve>(gate: Arc<Gate<S>>, port: u16, socket: TcpListener, stop: CancellationToken) {
    while let Some(accepted) = stop.run_until_cancelled(socket.accept()).await {
        match accepted {
            Ok((stream, peer)) => begin(&gate, port, stream, peer),
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(port, %error, "can't accept connections");
                let _ = stop.run_until_cancelled(sleep(BACK_OFF)).await;
            }
        }
    }
}

/// The client was gone before it was accepted; the next one is not.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

/// Takes one of the pod's connections before anything is spent on this one.
fn begin<S: Serve>(gate: &Arc<Gate<S>>, port: u16, stream: TcpStream, peer: SocketAddr) {
    let Some(snapshot) = gate.store.snapshot() else { return };
    // The listener may have gone with the last configuration.
    let Some(door) = snapshot.door(port).cloned() else { return };
    match gate.admission.enter(&snapshot.configuration.root.limits) {
        Ok(slot) => {
            let arrival = Arrival { stream, peer, slot, door, snapshot };
            gate.drain.connections().spawn(arrival.attend(Arc::clone(gate)));
        }
        Err(refused) => gate.close(&door.listener, peer, &turn_away(stream, &door.listener, refused)),
    }
}

/// A connection that is counted, and of which no more is known.
struct Arrival {
    stream: TcpStream,
    peer: SocketAddr,
    slot: Slot,
    door: Arc<Door>,
    snapshot: Arc<Snapshot>,
}

impl Arrival {
    async fn attend<S: Serve>(self, gate: Arc<Gate<S>>) {
        let (door, peer) = (Arc::clone(&self.door), self.peer);
        if let Err(closed) = self.serve(&gate).await {
            gate.close(&door.listener, peer, &closed);
        }
    }

    async fn serve<S: Serve>(mut self, gate: &Gate<S>) -> Result<(), Closed> {
        // Replies are small and each is waited for.
        let _ = self.stream.set_nodelay(true);
        let client = match &self.door.listener.proxy_protocol {
            Some(rule) => proxy::client(&mut self.stream, self.peer, rule).await?,
            None => Client::direct(self.peer),
        };
        let Self { stream, slot, door, snapshot, .. } = self;
        let root = &snapshot.configuration.root;
        let origin = gate.surroundings.origin(client.address.ip(), root);
        let permit = match slot.claim(client.address.ip(), origin, &root.limits) {
            Ok(permit) => permit,
            Err(refused) => return Err(turn_away(stream, &door.listener, refused)),
        };
        let (draining, tls_metrics) = (gate.drain.token().clone(), gate.tls_metrics.clone());
        let sighting = Sighting::new(gate.clients.clone(), origin);
        let mut connection = Connection { client, door, snapshot, tls: None, permit, origin, draining, sighting, tls_metrics };
        if connection.door.listener.tls == ListenerTls::Implicit {
            let (stream, facts) = connection.handshake(stream).await?;
            connection.tls = Some(facts);
            let _open = gate.metrics.accepted(&connection.door.listener.name);
            gate.serve.serve(stream, connection).await;
        } else {
            let _open = gate.metrics.accepted(&connection.door.listener.name);
            gate.serve.serve(stream, connection).await;
        }
        Ok(())
    }
}

/// Says why, if that can be said at once: a client that is refused must cost nothing. Where TLS is implicit, it can't be said.
fn turn_away(stream: TcpStream, listener: &Listener, refused: Refused) -> Closed {
    if listener.tls != ListenerTls::Implicit
        && let Ok(mut socket) = stream.into_std()
    {
        let mut reply = Vec::new();
        refused.reply().write_to(&mut reply);
        // The socket does not block, and a fresh one has room for a line.
        let _ = socket.write(&reply);
    }
    Closed::Refused(refused)
}

impl<S> Gate<S> {
    fn close(&self, listener: &Listener, peer: SocketAddr, closed: &Closed) {
        tracing::debug!(listener = listener.name, %peer, reason = %closed, "connection closed before a session");
        self.metrics.refused(&listener.name, closed);
    }
}
