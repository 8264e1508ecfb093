//! A user, ready for use.

use std::{fmt, sync::Arc};

use sha2::{Digest as _, Sha256};

use super::hash::{HashError, PasswordHash};
use crate::policy::{Identity, Senders};

/// A user of a configuration.
pub struct Account {
    pub(super) name: Arc<str>,
    pub(super) senders: Arc<Senders>,
    pub(super) messages_per_minute: u32,
    pub(super) credential: Option<Credential>,
    /// Hash of all that lets the user in: with another one it must show itself anew.
    pub(super) ways_in: [u8; 32],
}

/// What a user's password is held against.
pub(super) struct Credential {
    pub(super) hash: Arc<PasswordHash>,
    /// Hash of the hash's text: another one is another credential.
    pub(super) fingerprint: [u8; 32],
}

impl Credential {
    pub(super) fn parse(text: &str) -> Result<Self, HashError> {
        Ok(Self { hash: Arc::new(PasswordHash::parse(text)?), fingerprint: Sha256::digest(text).into() })
    }
}

impl Account {
    /// The user's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whom the user may send as; never empty.
    #[must_use]
    pub fn senders(&self) -> &Arc<Senders> {
        &self.senders
    }

    /// Messages that the user may begin in a minute at this pod; at least 1.
    #[must_use]
    pub fn messages_per_minute(&self) -> u32 {
        self.messages_per_minute
    }

    /// The user as the policy knows it.
    #[must_use]
    pub fn identity(&self) -> Identity {
        Identity { name: Arc::clone(&self.name), senders: Arc::clone(&self.senders) }
    }
}

/// Shows no hash.
impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("name", &self.name).finish_non_exhaustive()
    }
}
