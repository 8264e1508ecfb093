//! Assertions that we sign to get a token (RFC 7523).

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::Serialize;

/// How long an assertion is good, in seconds: it is used at once.
const LIFETIME: i64 = 300;

/// Signs assertions with an RSA key.
pub(super) struct Signer {
    header: Header,
    key: EncodingKey,
    subject: String,
}

/// What an assertion says (RFC 7523 section 3). Google reads the scope here, others in the request.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
    #[serde(skip_serializing_if = "str::is_empty")]
    scope: &'a str,
}

impl Signer {
    /// A signer with this key, PEM, on behalf of `subject`; `None` when it is no RSA key.
    pub(super) fn new(private_key: &str, key_id: Option<String>, subject: String) -> Option<Self> {
        let key = EncodingKey::from_rsa_pem(private_key.as_bytes()).ok()?;
        Some(Self { header: Header { kid: key_id, ..Header::new(Algorithm::RS256) }, key, subject })
    }

    /// An assertion of `client_id` for the issuer at `audience`, good from now on for a few minutes.
    pub(super) fn assertion(&self, client_id: &str, audience: &str, scope: &str) -> Result<String, jsonwebtoken::errors::Error> {
        let iat = Timestamp::now().as_second();
        encode(&self.header, &Claims { iss: client_id, sub: &self.subject, aud: audience, iat, exp: iat + LIFETIME, scope }, &self.key)
    }
}
