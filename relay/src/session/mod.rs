//! Drives SMTP sessions: the protocol asks, the policy and the next hop answer.
//!
//! [`postern_proto::server::Session`] owns every rule of the protocol; [`conversation`] moves bytes and waits; [`envelope`] and [`content`] answer
//! what the protocol asks. A session that goes over to TLS is a new one: nothing but the connection itself comes along.

mod authentication;
mod content;
mod conversation;
mod envelope;
mod held;
mod journal;
mod metrics;
mod parties;
mod stall;

use std::sync::Arc;

use postern_proto::server::Session;
use tokio::io::{AsyncRead, AsyncWrite};
use tracing::debug;

use crate::{
    auth::{Authenticator, Rates},
    delivery::Deliver,
    intake::Intake,
    listen::{Connection, Serve},
    message, snapshot,
};
use conversation::{Conversation, Ended, Reason};
pub use metrics::Metrics;

/// Serves sessions: what all of them share.
pub struct Service<D, Q> {
    /// The configuration in use: each transaction takes the newest when it begins.
    pub configuration: Arc<snapshot::Store>,
    /// Hands transactions on.
    pub deliver: D,
    /// Takes messages into the queue.
    pub queue: Q,
    /// Judges who clients are.
    pub authenticator: Authenticator,
    /// Counts the messages of users.
    pub rates: Rates,
    /// Holds the content of messages.
    pub store: message::Store,
    /// What is counted of sessions.
    pub metrics: Metrics,
}

impl<D: Deliver, Q: Intake> Serve for Service<D, Q> {
    async fn serve<IO>(&self, stream: IO, connection: Connection)
    where
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let session = Session::new(Arc::clone(&connection.door.settings));
        let reason = self.converse(stream, session, &connection).await;
        debug!(listener = connection.door.listener.name, client = %connection.client.address, %reason, "session ended");
    }
}

impl<D: Deliver, Q: Intake> Service<D, Q> {
    /// Serves a session as if TLS were up, over a stream that has none: for rehearsals in memory.
    pub(crate) async fn rehearse<IO>(&self, stream: IO, connection: &Connection)
    where
        IO: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let session = Session::new(Arc::clone(&connection.door.settings)).into_tls();
        self.converse(stream, session, connection).await;
    }

    async fn converse<IO>(&self, stream: IO, session: Session, connection: &Connection) -> Reason
    where
        IO: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let (stream, session) = match Box::pin(Conversation::new(stream, session, self, connection, connection.tls.as_ref()).run()).await {
            Ended::StartTls(stream, session) => (stream, session),
            Ended::Done(reason) => return reason,
        };
        let session = session.into_tls();
        let (stream, facts) = match Box::pin(connection.handshake(stream)).await {
            Ok(secured) => secured,
            Err(error) => return Reason::Failed(error.to_string()),
        };
        match Box::pin(Conversation::new(stream, session, self, connection, Some(&facts)).run()).await {
            Ended::Done(reason) => reason,
            // STARTTLS is neither offered nor taken once TLS is up.
            Ended::StartTls(..) => Reason::Said,
        }
    }
}
