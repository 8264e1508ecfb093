//! Who may authenticate, and send as whom.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::SenderPattern;

/// A user of the relay's submission listeners: the content of a user file ([`user_file`](crate::material::user_file)).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// The name that the client authenticates with, as SASLprep (RFC 4013) leaves it; unique in the relay, 1 to 255 bytes.
    pub name: String,
    /// What the password is held against: argon2id or bcrypt in their usual text form, or the verifier of SCRAM-SHA-256 as PostgreSQL writes it,
    /// `SCRAM-SHA-256$ITERATIONS:SALT$STOREDKEY:SERVERKEY`. Without one, only a certificate lets the user in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_hash: Option<String>,
    /// DNS names or e-mail addresses (subjectAltName), any of which in a client certificate lets the user in by AUTH EXTERNAL. Lower case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub certificate_names: Vec<String>,
    /// Whom the user may send as; never empty.
    pub allowed_senders: Vec<SenderPattern>,
    /// Messages that the user may begin in a minute at one pod; more get 451 4.7.1 at MAIL.
    pub messages_per_minute: u32,
}

/// Shows no hash.
impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, certificate_names, allowed_senders, messages_per_minute, .. } = self;
        f.debug_struct("User")
            .field("name", name)
            .field("certificate_names", certificate_names)
            .field("allowed_senders", allowed_senders)
            .field("messages_per_minute", messages_per_minute)
            .finish_non_exhaustive()
    }
}
