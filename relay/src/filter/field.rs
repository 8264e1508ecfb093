//! What the first bytes of a line in the header section tell.

use postern_config::DomainName;

use super::{
    authserv::names_host,
    unfold::{Stop, Unfold},
};

/// Bytes of a field in which its kind must show, or it is stripped: nobody needs as many before an authserv-id.
pub(super) const MAX_HEAD_BYTES: usize = 2048;

/// What a line in the header section is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// It goes on with the field before it.
    Continuation,
    /// It is empty: the header section ends.
    End,
    /// A field that only this relay or the mail server behind it may write.
    Forbidden,
    /// A Received field.
    Received,
    /// Any other field, or no field at all.
    Other,
}

/// Fields that Exchange believes without asking: they name what its own servers found, such as who is authenticated and what is spam.
const FORBIDDEN_PREFIXES: [&[u8]; 2] = [b"X-MS-Exchange-Organization-", b"X-MS-Exchange-Forest-"];

/// Tells what the line is that begins with `head`. `None` when more bytes are needed, which never happens from [`MAX_HEAD_BYTES`] on.
pub(super) fn judge(head: &[u8], host: &DomainName) -> Option<Head> {
    match head {
        [] | [b'\r'] => None,
        [b' ' | b'\t', ..] => Some(Head::Continuation),
        [b'\n', ..] | [b'\r', b'\n', ..] => Some(Head::End),
        _ if head.len() < MAX_HEAD_BYTES => judge_field(head, host).ok(),
        _ => Some(judge_field(&head[..MAX_HEAD_BYTES], host).unwrap_or(Head::Forbidden)),
    }
}

fn judge_field(head: &[u8], host: &DomainName) -> Result<Head, Stop> {
    for prefix in FORBIDDEN_PREFIXES {
        // Whatever follows: a reader that unfolds before it looks for the colon must not find one that we did not.
        if begins_with(head, prefix)? {
            return Ok(Head::Forbidden);
        }
    }
    if value_of(head, b"Received")?.is_some() {
        return Ok(Head::Received);
    }
    if let Some(value) = value_of(head, b"Authentication-Results")?
        && names_host(value, host)?
    {
        return Ok(Head::Forbidden);
    }
    Ok(Head::Other)
}

/// The value of the field if it has this name. White space before the colon is obsolete, but read (RFC 5322 section 4.5).
fn value_of<'a>(head: &'a [u8], name: &[u8]) -> Result<Option<Unfold<'a>>, Stop> {
    if !begins_with(head, name)? {
        return Ok(None);
    }
    let mut rest = Unfold::new(&head[name.len()..]);
    match rest.skip_white_space().and_then(|()| rest.next()) {
        Ok(b':') => Ok(Some(rest)),
        Ok(_) | Err(Stop::End) => Ok(None),
        Err(Stop::More) => Err(Stop::More),
    }
}

fn begins_with(head: &[u8], prefix: &[u8]) -> Result<bool, Stop> {
    let common = head.len().min(prefix.len());
    let alike = head[..common].eq_ignore_ascii_case(&prefix[..common]);
    if alike && common < prefix.len() { Err(Stop::More) } else { Ok(alike) }
}
