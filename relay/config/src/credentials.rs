//! What the relay shows of itself to smart hosts.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How the relay authenticates at smart hosts, after TLS and never before: the content of a credentials file
/// ([`credentials_file`](crate::material::credentials_file)).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mechanism", rename_all_fields = "camelCase")]
pub enum Credentials {
    /// AUTH PLAIN (RFC 4616), or LOGIN where the server offers no PLAIN.
    Password {
        /// The name.
        username: String,
        /// The password.
        password: String,
    },
    /// AUTH XOAUTH2 with a token that is fetched and renewed.
    XOAuth2 {
        /// The mailbox that the token is for.
        username: String,
        /// Where tokens come from: an `https` address.
        token_url: String,
        /// What the token is for; left out of the request when empty.
        scope: String,
        /// The client at the token's issuer.
        client_id: String,
        /// How the client shows that it is who it says.
        grant: Grant,
    },
}

/// How a client asks for a token. A refresh token is no way: it may be replaced by each use, and a pod can't write it back.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub enum Grant {
    /// Client credentials (RFC 6749 section 4.4).
    ClientCredentials {
        /// The client's secret.
        client_secret: String,
    },
    /// An assertion that the client signs (RFC 7523 section 2.1), as Google's service accounts do.
    JwtBearer {
        /// The key, PEM: RSA for RS256.
        private_key: String,
        /// `kid` of the header, if the issuer wants one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key_id: Option<String>,
        /// `sub`: on whose behalf.
        subject: String,
    },
}

/// Shows no secret.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Password { username, .. } => f.debug_struct("Password").field("username", username).finish_non_exhaustive(),
            Self::XOAuth2 { username, token_url, client_id, .. } => f
                .debug_struct("XOAuth2")
                .field("username", username)
                .field("token_url", token_url)
                .field("client_id", client_id)
                .finish_non_exhaustive(),
        }
    }
}
