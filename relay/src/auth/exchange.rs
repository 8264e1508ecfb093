//! One AUTH command, from its first response to the verdict.

use std::{borrow::Cow, mem, sync::Arc};

use base64::{Engine as _, prelude::BASE64_STANDARD_NO_PAD};
use postern_proto::{reply::Reply, server::Mechanism};
use tracing::{debug, info};
use zeroize::Zeroizing;

use super::{
    Account, Authenticator, Client, Users,
    metrics::Outcome,
    name::{MAX_NAME_BYTES, prepare_name},
    plain::{self, Claim},
    scram::{Binding, ClientFirst, Server},
    slowness::Slowed,
};

/// Longest response that is looked at, in bytes. All that is in one has a bound of its own.
const MAX_RESPONSE_BYTES: usize = 4096;
/// Bytes of the nonce's randomness.
const NONCE_BYTES: usize = 18;

/// An exchange of SASL messages (RFC 4422 section 3), without the framing that SMTP gives them.
pub struct Exchange {
    authenticator: Authenticator,
    users: Arc<Users>,
    client: Client,
    mechanism: Mechanism,
    state: State,
    /// The user that the client says it is, if there is one. For logs.
    claimed: Option<Arc<Account>>,
}

/// What comes next.
#[derive(Debug)]
pub enum Progress {
    /// The client is to answer this.
    Challenge(Vec<u8>),
    /// The client is this user.
    Done {
        /// The user.
        account: Arc<Account>,
        /// What the client must still be shown: in SMTP, as a challenge that it answers with nothing, before it hears 235 (RFC 4954 section 4).
        data: Option<Vec<u8>>,
    },
    /// The exchange is over.
    Refused(Reply),
}

enum State {
    /// Nothing came from the client.
    Begin,
    /// LOGIN: the name is there, the password is not.
    Named(Zeroizing<String>),
    /// SCRAM: the client is to prove that it is the account, or fails if that is nobody.
    Challenged {
        server: Box<Server>,
        name: String,
        account: Option<Arc<Account>>,
    },
    Over,
}

/// Why the client is refused.
enum Failure {
    Malformed,
    Wrong,
    Busy,
    Slowed,
}

enum Next {
    Challenge(State, Vec<u8>),
    Done(Arc<Account>, Option<Vec<u8>>),
}

impl Exchange {
    pub(super) fn new(authenticator: Authenticator, users: Arc<Users>, client: Client, mechanism: Mechanism) -> Self {
        Self { authenticator, users, client, mechanism, state: State::Begin, claimed: None }
    }

    /// Takes what the client sent: `None` when AUTH had no initial response. Takes up to a minute: 30 s in which a client that failed before
    /// is slowed, and 30 s for the hashing. What `response` lies in is the caller's to wipe.
    pub async fn step(&mut self, response: Option<&[u8]>) -> Progress {
        let Some(response) = response else { return Progress::Challenge(self.prompt().to_vec()) };
        let state = mem::replace(&mut self.state, State::Over);
        match self.advance(state, response).await {
            Ok(Next::Challenge(state, challenge)) => {
                self.state = state;
                Progress::Challenge(challenge)
            }
            Ok(Next::Done(account, data)) => {
                self.authenticator.0.metrics.ended(self.mechanism, Outcome::Success);
                debug!(client = %self.client.address, user = account.name(), mechanism = self.mechanism.name(), "authenticated");
                Progress::Done { account, data }
            }
            Err(failure) => Progress::Refused(self.refuse(&failure)),
        }
    }

    fn prompt(&self) -> &'static [u8] {
        if self.mechanism == Mechanism::Login { b"Username:" } else { b"" }
    }

    async fn advance(&mut self, state: State, response: &[u8]) -> Result<Next, Failure> {
        if response.len() > MAX_RESPONSE_BYTES {
            return Err(Failure::Malformed);
        }
        match (state, self.mechanism) {
            (State::Begin, Mechanism::Plain) => self.password(Claim::parse(response)).await,
            (State::Begin, Mechanism::Login) => {
                let name = plain::name(response).ok_or(Failure::Malformed)?;
                Ok(Next::Challenge(State::Named(name), b"Password:".to_vec()))
            }
            (State::Named(name), _) => self.password(Claim::answered(name, response)).await,
            (State::Begin, Mechanism::External) => self.certificate(response).await,
            (State::Begin, Mechanism::ScramSha256 | Mechanism::ScramSha256Plus) => self.challenge(response),
            (State::Challenged { server, name, account }, _) => self.proof(&server, &name, account, response).await,
            (State::Over, _) => Err(Failure::Malformed),
        }
    }

    /// PLAIN and LOGIN. Whoever is claimed, the same is done.
    async fn password(&mut self, claim: Option<Claim>) -> Result<Next, Failure> {
        let Claim { authzid, name, password } = claim.ok_or(Failure::Malformed)?;
        let account = self.claim(&name, &authzid).filter(|account| account.credential.is_some());
        let (shared, party, name) = (Arc::clone(&self.authenticator.0), self.client.party(), canonical(&name));
        let attempt = shared.slowness.begin(party, &name).await?;
        let credential = account.as_ref().and_then(|account| account.credential.as_ref()).unwrap_or(&self.users.stand_in.credential);
        let seal = shared.cache.seal(&name, &password, credential);
        let is_right =
            if shared.cache.contains(&seal) { Ok(true) } else { shared.pool.is_of(party, Arc::clone(&credential.hash), password).await };
        let Ok(is_right) = is_right else {
            attempt.excuse();
            return Err(Failure::Busy);
        };
        let account = account.filter(|_| is_right).ok_or(Failure::Wrong)?;
        shared.cache.insert(seal);
        attempt.succeed();
        Ok(Next::Done(account, None))
    }

    /// EXTERNAL (RFC 4422 appendix A).
    async fn certificate(&mut self, authzid: &[u8]) -> Result<Next, Failure> {
        let authzid = str::from_utf8(authzid).ok().filter(|authzid| authzid.len() <= MAX_NAME_BYTES && !authzid.contains('\0'));
        let authzid = authzid.ok_or(Failure::Malformed)?;
        let account = self.users.by_certificate(&self.client.certificate_names, authzid).cloned();
        self.claimed.clone_from(&account);
        let attempt = self.authenticator.0.slowness.begin(self.client.party(), &canonical(authzid)).await?;
        let account = account.ok_or(Failure::Wrong)?;
        attempt.succeed();
        Ok(Next::Done(account, None))
    }

    /// SCRAM: the client's first message.
    fn challenge(&mut self, response: &[u8]) -> Result<Next, Failure> {
        let first = ClientFirst::parse(response).ok_or(Failure::Malformed)?;
        let binding = match (self.mechanism, self.client.channel_binding) {
            (Mechanism::ScramSha256Plus, Some(data)) => Binding::Required(data),
            (Mechanism::ScramSha256Plus, None) => return Err(Failure::Wrong),
            (_, Some(_)) => Binding::Forgone,
            (_, None) => Binding::Impossible,
        };
        let account = self.claim(&first.name, &first.authzid).filter(|account| account.verifier().is_some());
        // Made whether it is needed or not, so that it takes no time of its own.
        let stand_in = self.users.stand_in.verifier(&canonical(&first.name));
        let verifier = account.as_ref().and_then(|account| account.verifier().cloned()).unwrap_or(stand_in);
        let nonce = BASE64_STANDARD_NO_PAD.encode(rand::random::<[u8; NONCE_BYTES]>());
        let (server, challenge) = Server::begin(&first, binding, verifier, &nonce).ok_or(Failure::Wrong)?;
        Ok(Next::Challenge(State::Challenged { server: Box::new(server), name: first.name, account }, challenge))
    }

    /// SCRAM: the client's last message.
    async fn proof(&self, server: &Server, name: &str, account: Option<Arc<Account>>, response: &[u8]) -> Result<Next, Failure> {
        let attempt = self.authenticator.0.slowness.begin(self.client.party(), &canonical(name)).await?;
        let (account, data) = account.zip(server.finish(response)).ok_or(Failure::Wrong)?;
        attempt.succeed();
        Ok(Next::Done(account, Some(data)))
    }

    /// The user of this name, if the client wants to act as nobody else.
    fn claim(&mut self, name: &str, authzid: &str) -> Option<Arc<Account>> {
        self.claimed = self.users.by_name(name).cloned();
        self.claimed.clone().filter(|_| authzid.is_empty() || canonical(authzid) == canonical(name))
    }

    fn refuse(&self, failure: &Failure) -> Reply {
        let outcome = failure.outcome();
        self.authenticator.0.metrics.ended(self.mechanism, outcome);
        // A name that is no user's may be a password in the wrong place.
        let user = self.claimed.as_ref().map(|account| account.name());
        info!(client = %self.client.address, user, mechanism = self.mechanism.name(), result = outcome.label(), "authentication failed");
        failure.reply()
    }
}

impl Failure {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Malformed | Self::Wrong => Outcome::Refused,
            Self::Busy => Outcome::Busy,
            Self::Slowed => Outcome::Slowed,
        }
    }

    /// Nothing tells which half of a credential was wrong.
    fn reply(&self) -> Reply {
        match self {
            Self::Malformed => Reply::new(501, (5, 2), "That is no message of this mechanism"),
            Self::Wrong => Reply::new(535, (7, 8), "Authentication credentials invalid"),
            Self::Busy | Self::Slowed => Reply::new(454, (7, 0), "Temporary authentication failure"),
        }
    }
}

impl From<Slowed> for Failure {
    fn from(Slowed: Slowed) -> Self {
        Self::Slowed
    }
}

/// A name in the form in which it is compared, or as it is when it can be nobody's.
fn canonical(name: &str) -> Cow<'_, str> {
    prepare_name(name).unwrap_or(name.into())
}
