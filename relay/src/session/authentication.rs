//! AUTH in a session: carries what the protocol decoded to the exchange that judges it, and back.

use std::sync::Arc;

use postern_proto::{
    reply::Reply,
    server::{AuthBegin, Mechanism, Mechanisms, Session, Turn},
};

use crate::{
    auth::{Account, Authenticator, Client, Exchange, Progress, Users},
    listen::{Connection, Origin},
    tls::Facts,
};

/// How far a client is with telling who it is.
#[derive(Default)]
pub(super) enum Authentication {
    /// It says nothing.
    #[default]
    None,
    /// It is being asked.
    Asked(Exchange),
    /// It is known, and has to take notice of what it was shown last.
    Shown(Arc<Account>),
    /// It is known.
    Done(Arc<Account>),
}

impl Authentication {
    /// The user that the client is known to be.
    pub(super) fn account(&self) -> Option<&Arc<Account>> {
        match self {
            Self::Done(account) => Some(account),
            Self::None | Self::Asked(_) | Self::Shown(_) => None,
        }
    }

    /// AUTH begins.
    pub(super) async fn begin(&mut self, session: &mut Session, turn: Turn, begin: AuthBegin, mut exchange: Exchange) {
        let progress = exchange.step(begin.initial.as_deref()).await;
        self.advance(session, turn, exchange, progress);
    }

    /// The client responds.
    pub(super) async fn respond(&mut self, session: &mut Session, turn: Turn, response: &[u8]) {
        match std::mem::take(self) {
            Self::Asked(mut exchange) => {
                let progress = exchange.step(Some(response)).await;
                self.advance(session, turn, exchange, progress);
            }
            Self::Shown(account) if response.is_empty() => self.succeed(session, turn, account),
            Self::None | Self::Shown(_) | Self::Done(_) => session.answer(turn, malformed()),
        }
    }

    fn advance(&mut self, session: &mut Session, turn: Turn, exchange: Exchange, progress: Progress) {
        match progress {
            Progress::Challenge(challenge) => {
                session.challenge(turn, &challenge);
                *self = Self::Asked(exchange);
            }
            Progress::Done { account, data: Some(data) } => {
                session.challenge(turn, &data);
                *self = Self::Shown(account);
            }
            Progress::Done { account, data: None } => self.succeed(session, turn, account),
            Progress::Refused(reply) => session.answer(turn, reply),
        }
    }

    fn succeed(&mut self, session: &mut Session, turn: Turn, account: Arc<Account>) {
        session.authenticated(turn, Reply::new(235, (7, 0), "Authentication succeeded"));
        *self = Self::Done(account);
    }
}

/// The exchange for a client of `connection`.
pub(super) fn exchange(
    authenticator: &Authenticator,
    users: &Arc<Users>,
    connection: &Connection,
    tls: Option<&Facts>,
    mechanism: Mechanism,
) -> Exchange {
    let client = Client {
        address: connection.client.address.ip(),
        is_shared: connection.origin == Origin::Cluster || connection.permit.is_shared(),
        certificate_names: tls.map(|facts| facts.client_names.clone()).unwrap_or_default(),
        channel_binding: tls.and_then(|facts| facts.channel),
    };
    authenticator.begin(Arc::clone(users), client, mechanism)
}

/// What a client may authenticate by, over a connection whose handshake showed `tls`.
pub(super) fn mechanisms(users: &Users, tls: &Facts) -> Mechanisms {
    let with_verifiers = users.every_one_has_a_verifier();
    let offered = [
        (Mechanism::ScramSha256Plus, with_verifiers && tls.channel.is_some()),
        (Mechanism::ScramSha256, with_verifiers),
        (Mechanism::External, !tls.client_names.is_empty()),
        (Mechanism::Plain, true),
        (Mechanism::Login, true),
    ];
    offered.into_iter().filter(|(_, is_offered)| *is_offered).map(|(mechanism, _)| mechanism).collect()
}

fn malformed() -> Reply {
    Reply::new(501, (5, 2), "The response does not fit the exchange")
}
