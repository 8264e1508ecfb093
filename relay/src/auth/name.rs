//! Names and passwords in the form in which they are compared: SASLprep (RFC 4013).

use std::borrow::Cow;

use stringprep::saslprep;
use zeroize::Zeroizing;

/// Longest name of a user, in bytes.
pub(super) const MAX_NAME_BYTES: usize = 255;
/// Longest password, in bytes, as a client sends it.
pub(super) const MAX_PASSWORD_BYTES: usize = 1024;

/// A password. Wiped when it is dropped.
pub(super) type Password = Zeroizing<String>;

/// A name as it is looked up; `None` for what can't be one.
pub(super) fn prepare_name(name: &str) -> Option<Cow<'_, str>> {
    let prepared = saslprep(name).ok()?;
    (1..=MAX_NAME_BYTES).contains(&prepared.len()).then_some(prepared)
}

/// A password as it is hashed. One that SASLprep refuses is taken as it is, as PostgreSQL does: such a hash may have been made elsewhere.
pub(super) fn prepare_password(password: &str) -> Password {
    Zeroizing::new(saslprep(password).map_or_else(|_| password.to_owned(), Cow::into_owned))
}
