//! The messages of PLAIN (RFC 4616) and LOGIN.

use zeroize::Zeroizing;

use super::name::{MAX_NAME_BYTES, MAX_PASSWORD_BYTES, Password, prepare_password};

/// Who a client says it is, and the password that is to prove it.
pub(super) struct Claim {
    /// On whose behalf it wants to act; empty for its own.
    pub(super) authzid: Zeroizing<String>,
    pub(super) name: Zeroizing<String>,
    /// As it is hashed.
    pub(super) password: Password,
}

impl Claim {
    /// Reads the message of PLAIN; `None` when it breaks the grammar or a bound.
    pub(super) fn parse(message: &[u8]) -> Option<Self> {
        let mut parts = str::from_utf8(message).ok()?.split('\0');
        let (authzid, name, password) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let authzid = text(authzid.as_bytes(), MAX_NAME_BYTES)?;
        Some(Self { authzid, name: self::name(name.as_bytes())?, password: self::password(password.as_bytes())? })
    }

    /// The claim of LOGIN: what followed its two prompts.
    pub(super) fn answered(name: Zeroizing<String>, password: &[u8]) -> Option<Self> {
        Some(Self { authzid: Zeroizing::default(), name, password: self::password(password)? })
    }
}

/// The answer to LOGIN's first prompt.
pub(super) fn name(answer: &[u8]) -> Option<Zeroizing<String>> {
    text(answer, MAX_NAME_BYTES).filter(|name| !name.is_empty())
}

fn password(answer: &[u8]) -> Option<Password> {
    text(answer, MAX_PASSWORD_BYTES).map(|password| prepare_password(&password))
}

fn text(answer: &[u8], most: usize) -> Option<Zeroizing<String>> {
    let text = str::from_utf8(answer).ok()?;
    (text.len() <= most && !text.contains('\0')).then(|| Zeroizing::new(text.to_owned()))
}
