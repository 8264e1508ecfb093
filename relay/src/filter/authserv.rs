//! The authserv-id of Authentication-Results (RFC 8601 section 2.2): who claims to have checked the message.

use postern_config::DomainName;
use postern_proto::address::Domain;

use super::unfold::{Stop, Unfold};

/// Whether the field whose value this is claims to be of `host`. [`Stop::More`] when that can't be told yet.
///
/// Where RFC 8601 leaves doubt, the reading is the one that finds our name: a quoted string is trimmed, a dot at the end and a U-label
/// count as the same name, and what follows the name does not matter.
pub(super) fn names_host(mut value: Unfold<'_>, host: &DomainName) -> Result<bool, Stop> {
    match authserv_id(&mut value) {
        Ok(id) => Ok(is_host(&id, host)),
        Err(Stop::End) => Ok(false),
        Err(Stop::More) => Err(Stop::More),
    }
}

/// `[CFWS] authserv-id`, where the id is a token or a quoted string (RFC 2045 section 5.1).
fn authserv_id(value: &mut Unfold<'_>) -> Result<Vec<u8>, Stop> {
    skip_comments(value)?;
    if value.peek()? == b'"' {
        value.next()?;
        return collect(value, quoted_byte);
    }
    collect(value, token_byte)
}

/// Collects what `byte` gives, until it gives nothing or the field ends.
fn collect(value: &mut Unfold<'_>, byte: impl Fn(&mut Unfold<'_>) -> Result<Option<u8>, Stop>) -> Result<Vec<u8>, Stop> {
    let mut id = Vec::new();
    loop {
        match byte(value) {
            Ok(Some(byte)) => id.push(byte),
            Ok(None) | Err(Stop::End) => return Ok(id),
            Err(Stop::More) => return Err(Stop::More),
        }
    }
}

fn quoted_byte(value: &mut Unfold<'_>) -> Result<Option<u8>, Stop> {
    match value.next()? {
        b'"' => Ok(None),
        b'\\' => value.next().map(Some),
        byte => Ok(Some(byte)),
    }
}

fn token_byte(value: &mut Unfold<'_>) -> Result<Option<u8>, Stop> {
    let byte = value.next()?;
    let ends = byte <= b' ' || byte == 0x7F || b"()<>@,;:\\\"/[]?=".contains(&byte);
    Ok((!ends).then_some(byte))
}

/// Goes past white space and comments, which nest (RFC 5322 section 3.2.2).
fn skip_comments(value: &mut Unfold<'_>) -> Result<(), Stop> {
    let mut depth = 0_usize;
    loop {
        match value.peek()? {
            b'(' => depth += 1,
            b')' if depth > 0 => depth -= 1,
            b'\\' if depth > 0 => _ = value.next()?,
            b' ' | b'\t' => {}
            _ if depth > 0 => {}
            _ => return Ok(()),
        }
        value.next()?;
    }
}

fn is_host(id: &[u8], host: &DomainName) -> bool {
    let id = String::from_utf8_lossy(id);
    let name = id.trim().trim_end_matches('.');
    Domain::Name(name.to_owned()).to_a_label().is_some_and(|name| name == host.as_str())
}
