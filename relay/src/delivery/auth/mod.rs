//! Shows smart hosts who we are.

mod jwt;
mod mechanism;
mod token;

use std::{fmt, fs, path::Path, sync::Arc};

use postern_config::{Credentials, material::credentials_file};
use rustls::ClientConfig;

pub(super) use self::token::TokenError;
use self::{mechanism::Exchange, token::Tokens};
use super::{
    connection::Connection,
    deadlines::Limit,
    fault::{Failure, Fault, Step},
    loader::{DestinationError, FileProblem},
    tls::Fingerprint,
};

/// What a smart host is shown. All links with the same credentials share it, and with it their token.
pub(super) struct Authenticator {
    username: String,
    secret: Secret,
    /// Of the file that it was made of.
    pub(super) fingerprint: Fingerprint,
}

enum Secret {
    Password(String),
    Token(Box<Tokens>),
}

impl Authenticator {
    /// Reads the credentials called `name` below `folder`. Tokens come over TLS as `tls` has it.
    pub(super) fn load(
        folder: &Path,
        name: &str,
        tls: impl FnOnce() -> Result<Arc<ClientConfig>, rustls::Error>,
    ) -> Result<Self, DestinationError> {
        let file = credentials_file(name);
        let wrong = |problem: FileProblem| DestinationError::File { file: file.clone(), problem };
        let bytes = fs::read(folder.join(&file)).map_err(|error| wrong(error.into()))?;
        let credentials = serde_json::from_slice(&bytes).map_err(|error| wrong(FileProblem::not_json(&error)))?;
        let (username, secret) = match credentials {
            Credentials::Password { username, password } => (username, Secret::Password(password)),
            Credentials::XOAuth2 { username, token_url, scope, client_id, grant } => {
                let tokens =
                    Tokens::new(&token_url, scope, client_id, grant, tls()?).map_err(|problem| wrong(FileProblem::Credentials(problem)))?;
                (username, Secret::Token(Box::new(tokens)))
            }
        };
        let is_speakable = |text: &str| !text.is_empty() && !text.contains(char::is_control);
        if !is_speakable(&username) || matches!(&secret, Secret::Password(password) if !is_speakable(password)) {
            return Err(wrong(FileProblem::Credentials("a name or password is empty or holds a control character")));
        }
        Ok(Self { username, secret, fingerprint: Fingerprint::of([&bytes]) })
    }

    /// Authenticates on a connection that is in TLS and greeted.
    pub(super) async fn authenticate(&self, connection: &mut Connection, limit: &Limit) -> Result<(), Failure> {
        match &self.secret {
            Secret::Password(password) => Exchange::with_password(connection, limit).run(&self.username, password).await,
            Secret::Token(tokens) => self.show_token(tokens, connection, limit).await,
        }
    }

    /// A token that was fetched before may have been revoked: when it is refused, another is fetched and shown, once.
    async fn show_token(&self, tokens: &Tokens, connection: &mut Connection, limit: &Limit) -> Result<(), Failure> {
        let fetch = || tokio::time::timeout_at(limit.next(), tokens.get());
        let no_token = |error| Step::Auth.failed(Fault::NoToken(error));
        let late = |_| Step::Auth.failed(Fault::TimedOut);
        let first = fetch().await.map_err(late)?.map_err(no_token)?;
        match Exchange::with_token(connection, limit).run(&self.username, &first.secret).await {
            Err(failure) if failure.refuses_credentials() && !first.is_new => {
                tokens.drop_it(&first);
                let second = fetch().await.map_err(late)?.map_err(no_token)?;
                Exchange::with_token(connection, limit).run(&self.username, &second.secret).await
            }
            shown => shown,
        }
    }
}

/// Shows no secret.
impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator").field("username", &self.username).finish_non_exhaustive()
    }
}
