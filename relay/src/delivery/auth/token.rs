//! Fetches tokens and keeps them: by client credentials (RFC 6749 section 4.4) or by an assertion (RFC 7523 section 2.1).

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use postern_config::Grant;
use reqwest::{Client, Response, StatusCode, Url, header::CONTENT_TYPE, redirect::Policy};
use rustls::ClientConfig;
use serde::Deserialize;
use tokio::{sync::OnceCell, time::Instant};
use tracing::{info, warn};

use super::jwt::Signer;
use crate::doubling::doubled;

/// How long an issuer may take for everything.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The largest answer of an issuer that is read, in bytes.
const MAX_ANSWER: usize = 64 * 1024;
/// The longest token that is used, in bytes: AUTH takes lines of 12288 octets (RFC 4954 section 4.1), and base64 adds a third.
const MAX_TOKEN: usize = 8 * 1024;
/// How long before its end a token is not used any more, unless that is more than a quarter of its life.
const MARGIN: Duration = Duration::from_mins(2);
/// How long a token is good when the issuer does not say.
const DEFAULT_LIFE: Duration = Duration::from_mins(5);
/// The longest time that a token is used, whatever the issuer says.
const MAX_LIFE: Duration = Duration::from_hours(24);
/// How long the issuer is left in peace after it failed; each further failure doubles it.
const FIRST_BACK_OFF: Duration = Duration::from_secs(5);
/// The longest time that it is left in peace.
const LONGEST_BACK_OFF: Duration = Duration::from_mins(5);

/// The tokens of one client at one issuer. However many ask at once, one request is on its way.
pub(super) struct Tokens {
    http: Client,
    url: Url,
    /// [`Tokens::url`] as it was written, which is what an assertion names.
    audience: String,
    scope: String,
    client_id: String,
    proof: Proof,
    current: Mutex<Arc<Attempt>>,
}

/// How the client shows that it is who it says.
enum Proof {
    Secret(String),
    Assertion(Box<Signer>),
}

/// One request, to be made by the first who needs its outcome.
#[derive(Default)]
struct Attempt {
    outcome: OnceCell<Outcome>,
    /// How many failed just before.
    failures: u32,
}

/// What a request came to, and how long that counts.
struct Outcome {
    token: Result<Arc<str>, TokenError>,
    until: Instant,
}

/// A token that may be shown.
#[derive(Clone)]
pub(super) struct Token {
    /// Visible ASCII.
    pub(super) secret: Arc<str>,
    /// Whether it was fetched just now.
    pub(super) is_new: bool,
}

/// Why there is no token. Names nothing secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::delivery) enum TokenError {
    /// The issuer can't be reached, or does not answer as HTTP.
    #[error("the token's issuer can't be asked: {0}")]
    Unreachable(String),
    /// It refuses.
    #[error("the token's issuer answers {status}: {code}")]
    Refused {
        /// Of HTTP.
        status: StatusCode,
        /// What it says is wrong (RFC 6749 section 5.2).
        code: String,
    },
    /// What it sends is not a token of ours.
    #[error("the token's issuer sends no bearer token that can be used")]
    NoToken,
    /// The assertion can't be signed.
    #[error("the assertion can't be signed: {0}")]
    Unsigned(String),
}

/// The answer of an issuer (RFC 6749 section 5.1).
#[derive(Deserialize)]
struct Granted {
    access_token: String,
    token_type: String,
    expires_in: Option<u64>,
}

/// The refusal of an issuer (RFC 6749 section 5.2).
#[derive(Default, Deserialize)]
struct Denied {
    error: String,
}

impl Tokens {
    /// Asks `token_url`, over TLS as `tls` has it.
    ///
    /// # Errors
    /// What is wrong with the credentials.
    pub(super) fn new(
        token_url: &str,
        scope: String,
        client_id: String,
        grant: Grant,
        tls: Arc<ClientConfig>,
    ) -> Result<Self, &'static str> {
        let url = Url::parse(token_url).ok().filter(|url| url.scheme() == "https").ok_or("the token's address is no https address")?;
        let proof = match grant {
            Grant::ClientCredentials { client_secret } => Proof::Secret(client_secret),
            Grant::JwtBearer { private_key, key_id, subject } => {
                Proof::Assertion(Box::new(Signer::new(&private_key, key_id, subject).ok_or("the private key is no RSA key in PEM")?))
            }
        };
        let http = Client::builder()
            .tls_backend_preconfigured(Arc::unwrap_or_clone(tls))
            .https_only(true)
            .redirect(Policy::none())
            .no_proxy()
            .timeout(TIMEOUT)
            .build()
            .map_err(|_| "the client for tokens can't be made")?;
        Ok(Self { http, url, audience: token_url.to_owned(), scope, client_id, proof, current: Mutex::default() })
    }

    /// A token that is good for some time yet. After a failure the issuer is left in peace for a while, and all hear that failure.
    pub(super) async fn get(&self) -> Result<Token, TokenError> {
        let attempt = self.current();
        let is_new = !attempt.outcome.initialized();
        let outcome = attempt.outcome.get_or_init(|| self.fetch(attempt.failures)).await;
        outcome.token.clone().map(|secret| Token { secret, is_new })
    }

    /// Sees to it that a token is not shown again.
    pub(super) fn drop_it(&self, token: &Token) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let is_current = |outcome: &Outcome| outcome.token.as_ref().is_ok_and(|secret| Arc::ptr_eq(secret, &token.secret));
        if current.outcome.get().is_some_and(is_current) {
            *current = Arc::default();
        }
    }

    /// The attempt whose outcome counts, or is to come.
    fn current(&self) -> Arc<Attempt> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(outcome) = current.outcome.get().filter(|outcome| outcome.until <= Instant::now()) {
            let failures = if outcome.token.is_ok() { 0 } else { current.failures.saturating_add(1) };
            *current = Arc::new(Attempt { outcome: OnceCell::new(), failures });
        }
        Arc::clone(&current)
    }

    async fn fetch(&self, failures: u32) -> Outcome {
        let issuer = self.url.host_str();
        match self.request().await {
            Ok(granted) => {
                let life = life(granted.expires_in);
                info!(issuer, client = self.client_id, seconds = life.as_secs(), "a token was fetched");
                Outcome { token: Ok(granted.access_token.into()), until: Instant::now() + life }
            }
            Err(error) => {
                warn!(issuer, client = self.client_id, %error, "no token was fetched: mail waits");
                Outcome { token: Err(error), until: Instant::now() + doubled(FIRST_BACK_OFF, failures, LONGEST_BACK_OFF) }
            }
        }
    }

    async fn request(&self) -> Result<Granted, TokenError> {
        let request = self.http.post(self.url.clone()).header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(self.form()?);
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let answer = read(response).await?;
        if status != StatusCode::OK {
            let Denied { error } = serde_json::from_slice(&answer).unwrap_or_default();
            let code = error.chars().filter(char::is_ascii_graphic).take(64).collect();
            return Err(TokenError::Refused { status, code });
        }
        let granted = serde_json::from_slice::<Granted>(&answer).map_err(|_| TokenError::NoToken)?;
        if granted.is_usable() { Ok(granted) } else { Err(TokenError::NoToken) }
    }

    /// The request's body, as forms are encoded.
    fn form(&self) -> Result<String, TokenError> {
        let mut form = self.url.clone();
        form.set_query(None);
        {
            let mut pairs = form.query_pairs_mut();
            match &self.proof {
                Proof::Secret(secret) => {
                    pairs.append_pair("grant_type", "client_credentials");
                    pairs.append_pair("client_id", &self.client_id).append_pair("client_secret", secret);
                }
                Proof::Assertion(signer) => {
                    let assertion = signer.assertion(&self.client_id, &self.audience, &self.scope);
                    let assertion = assertion.map_err(|error| TokenError::Unsigned(error.to_string()))?;
                    pairs.append_pair("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer").append_pair("assertion", &assertion);
                }
            }
            if !self.scope.is_empty() {
                pairs.append_pair("scope", &self.scope);
            }
        }
        Ok(form.query().unwrap_or_default().to_owned())
    }
}

impl Granted {
    /// Whether it can be shown in XOAUTH2, which puts no quotes around it.
    fn is_usable(&self) -> bool {
        let token = self.access_token.as_bytes();
        self.token_type.eq_ignore_ascii_case("bearer") && (1..=MAX_TOKEN).contains(&token.len()) && token.iter().all(u8::is_ascii_graphic)
    }
}

async fn read(mut response: Response) -> Result<Vec<u8>, TokenError> {
    let mut answer = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(unreachable)? {
        if answer.len() + piece.len() > MAX_ANSWER {
            return Err(TokenError::NoToken);
        }
        answer.extend_from_slice(&piece);
    }
    Ok(answer)
}

/// The error with its causes: reqwest's own text names none of them. An address holds no secret, but may be long.
fn unreachable(error: reqwest::Error) -> TokenError {
    let error = error.without_url();
    let causes = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
    TokenError::Unreachable(causes.map(ToString::to_string).collect::<Vec<_>>().join(": "))
}

fn life(expires_in: Option<u64>) -> Duration {
    let life = expires_in.map_or(DEFAULT_LIFE, Duration::from_secs).min(MAX_LIFE);
    life.saturating_sub(MARGIN.min(life / 4))
}
