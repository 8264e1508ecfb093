//! What a relay shows of itself to smart hosts, in Secrets.

use hyper::Uri;
use k8s_openapi::api::core::v1::Secret;
use postern_config::{Credentials, Grant};
use rustls::{
    SignatureAlgorithm,
    pki_types::{PrivateKeyDer, pem::PemObject as _},
};

use super::{Fault, values};

const USERNAME: &str = "username";
const PASSWORD: &str = "password";
const TOKEN_URL: &str = "tokenURL";
const CLIENT_SECRET: &str = "clientSecret";
const PRIVATE_KEY: &str = "privateKey";

/// The credentials that a Secret holds.
pub(super) fn read(secret: &Secret) -> Result<Credentials, Fault> {
    let username = values::required(secret, USERNAME, "the name that the relay has at the smart host")?.to_owned();
    match (values::optional(secret, PASSWORD)?, values::optional(secret, TOKEN_URL)?) {
        (Some(password), None) => Ok(Credentials::Password { username, password: password.to_owned() }),
        (None, Some(token_url)) => token(secret, username, token_url),
        (Some(_), Some(_)) => {
            let problem = "can't stand beside `password`; remove it to log in with a password, or the password to log in with a token";
            Err(values::wrong(TOKEN_URL, problem))
        }
        (None, None) => Err(values::wrong(PASSWORD, "is missing; add it, or `tokenURL` and `clientID` to log in with a token")),
    }
}

fn token(secret: &Secret, username: String, token_url: &str) -> Result<Credentials, Fault> {
    if token_port(token_url).is_none() {
        return Err(values::wrong(TOKEN_URL, "is no address of a token's issuer; write one that begins with `https://`"));
    }
    let grant = match (values::optional(secret, CLIENT_SECRET)?, values::optional(secret, PRIVATE_KEY)?) {
        (Some(client_secret), None) => Grant::ClientCredentials { client_secret: client_secret.to_owned() },
        (None, Some(private_key)) => assertion(secret, private_key)?,
        (Some(_), Some(_)) => {
            return Err(values::wrong(PRIVATE_KEY, "can't stand beside `clientSecret`; remove the one that the issuer does not ask for"));
        }
        (None, None) => return Err(values::wrong(CLIENT_SECRET, "is missing; add it, or `privateKey` and `subject` to sign with a key")),
    };
    Ok(Credentials::XOAuth2 {
        username,
        token_url: token_url.to_owned(),
        scope: values::optional(secret, "scope")?.unwrap_or_default().to_owned(),
        client_id: values::required(secret, "clientID", "the client at the token's issuer")?.to_owned(),
        grant,
    })
}

fn assertion(secret: &Secret, private_key: &str) -> Result<Grant, Fault> {
    let key = PrivateKeyDer::from_pem_slice(private_key.as_bytes()).ok();
    let signing = key.and_then(|key| rustls::crypto::aws_lc_rs::sign::any_supported_type(&key).ok());
    if !signing.is_some_and(|key| key.algorithm() == SignatureAlgorithm::RSA) {
        return Err(values::wrong(PRIVATE_KEY, "is no RSA key in PEM without a passphrase; put the key there that the issuer gave"));
    }
    Ok(Grant::JwtBearer {
        private_key: private_key.to_owned(),
        key_id: values::optional(secret, "keyID")?.map(str::to_owned),
        subject: values::required(secret, "subject", "the mailbox on whose behalf the client asks")?.to_owned(),
    })
}

/// The port of a token's issuer; `None` for what is no `https` address.
pub(crate) fn token_port(url: &str) -> Option<u16> {
    let uri: Uri = url.parse().ok()?;
    let has_host = uri.host().is_some_and(|host| !host.is_empty());
    // What stands before the host is a secret in the wrong place.
    let is_plain = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    (uri.scheme_str() == Some("https") && has_host && is_plain).then(|| uri.port_u16().unwrap_or(443))
}
