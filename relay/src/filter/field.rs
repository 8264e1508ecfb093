//! What the first bytes of a line in the header section tell.

use postern_config::{DomainName, Tenant};

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
    /// A Date field.
    Date,
    /// A Message-ID field.
    MessageId,
    /// The field that names the tenant, and whether it is one of ours.
    Tenant(bool),
    /// Any other field, or no field at all.
    Other,
}

/// Fields that Exchange believes without asking: they name what its own servers found, such as who is authenticated and what is spam.
const FORBIDDEN_PREFIXES: [&[u8]; 2] = [b"X-MS-Exchange-Organization-", b"X-MS-Exchange-Forest-"];

/// What fields are looked at for.
#[derive(Debug)]
pub(super) struct Rules {
    /// The name that our own Authentication-Results would bear.
    pub(super) host: DomainName,
    /// What a message must say of the tenant that it comes from.
    pub(super) tenant: Option<Tenant>,
}

/// Tells what the line is that begins with `head`. `None` when more bytes are needed, which never happens from [`MAX_HEAD_BYTES`] on.
pub(super) fn judge(head: &[u8], rules: &Rules) -> Option<Head> {
    match head {
        [] | [b'\r'] => None,
        [b' ' | b'\t', ..] => Some(Head::Continuation),
        [b'\n', ..] | [b'\r', b'\n', ..] => Some(Head::End),
        _ if head.len() < MAX_HEAD_BYTES => judge_field(head, rules).ok(),
        _ => Some(judge_field(&head[..MAX_HEAD_BYTES], rules).unwrap_or(Head::Forbidden)),
    }
}

fn judge_field(head: &[u8], rules: &Rules) -> Result<Head, Stop> {
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
        && names_host(value, &rules.host)?
    {
        return Ok(Head::Forbidden);
    }
    if let Some(tenant) = &rules.tenant
        && let Some(value) = value_of(head, tenant.header.as_bytes())?
    {
        return is_ours(value, tenant).map(Head::Tenant);
    }
    for (name, head_kind) in [(&b"Date"[..], Head::Date), (b"Message-ID", Head::MessageId)] {
        if value_of(head, name)?.is_some() {
            return Ok(head_kind);
        }
    }
    Ok(Head::Other)
}

/// Whether the whole value is one of the tenant's.
fn is_ours(mut value: Unfold<'_>, tenant: &Tenant) -> Result<bool, Stop> {
    let mut text = Vec::new();
    loop {
        match value.next() {
            Ok(byte) => text.push(byte),
            Err(Stop::End) => break,
            Err(Stop::More) => return Err(Stop::More),
        }
    }
    Ok(tenant.values.iter().any(|ours| text.trim_ascii().eq_ignore_ascii_case(ours.as_bytes())))
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
