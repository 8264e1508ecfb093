//! What PLAIN, LOGIN and XOAUTH2 say.

use postern_proto::client::{Mechanism, SessionError, To};

use crate::delivery::{
    connection::Connection,
    deadlines::Limit,
    fault::{Failure, Fault, Step},
};

/// One exchange of AUTH.
pub(super) struct Exchange<'a> {
    connection: &'a mut Connection,
    limit: &'a Limit,
    /// Those that would do; the first that is offered is used.
    mechanisms: &'static [Mechanism],
}

impl<'a> Exchange<'a> {
    pub(super) fn with_password(connection: &'a mut Connection, limit: &'a Limit) -> Self {
        Self { connection, limit, mechanisms: &[Mechanism::Plain, Mechanism::Login] }
    }

    pub(super) fn with_token(connection: &'a mut Connection, limit: &'a Limit) -> Self {
        Self { connection, limit, mechanisms: &[Mechanism::XOAuth2] }
    }

    /// Shows `secret`, a password or a token, and waits until the server has judged it.
    pub(super) async fn run(self, username: &str, secret: &str) -> Result<(), Failure> {
        let Self { connection, limit, mechanisms } = self;
        let offered = mechanisms.iter().find(|mechanism| connection.capabilities().offers_mechanism(**mechanism));
        let mechanism = *offered.ok_or_else(|| Step::Auth.failed(Fault::NoMechanism))?;
        let (initial, responses) = lines(mechanism, username, secret);
        connection.say(Step::Auth, |session| session.auth(mechanism, initial.as_deref()))?;
        let mut responses = responses.iter();
        while connection.hear_challenge(limit).await?.is_some() {
            let no_end = SessionError::Unexpected { to: To::Auth, code: 334 };
            let response = responses.next().ok_or_else(|| Step::Auth.failed(no_end))?;
            connection.say(Step::Auth, |session| session.auth_response(response))?;
        }
        Ok(())
    }
}

/// What is said with AUTH, and in response to each challenge.
fn lines(mechanism: Mechanism, username: &str, secret: &str) -> (Option<Vec<u8>>, Vec<Vec<u8>>) {
    match mechanism {
        Mechanism::Plain => (Some(format!("\0{username}\0{secret}").into_bytes()), vec![]),
        Mechanism::Login => (None, vec![username.into(), secret.into()]),
        // A challenge says what is wrong with the token, and wants an empty line before the refusal.
        Mechanism::XOAuth2 => (Some(format!("user={username}\x01auth=Bearer {secret}\x01\x01").into_bytes()), vec![vec![]]),
    }
}
