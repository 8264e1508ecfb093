//! Reads the paths of MAIL and RCPT (RFC 5321 section 4.1.2, RFC 6531 section 3.3).

use std::{net::IpAddr, str::FromStr};

use crate::address::{Domain, ForwardPath, Literal, Mailbox, ReversePath};

/// Longest local part, in octets (RFC 5321 section 4.5.3.1.1).
const MAX_LOCAL: usize = 64;
/// Longest domain, in octets (section 4.5.3.1.2).
const MAX_DOMAIN: usize = 255;
/// Longest path, in octets, brackets and source route included (section 4.5.3.1.3).
const MAX_PATH: usize = 256;
/// Longest label of a domain name, in octets (RFC 1035 section 2.3.4).
const MAX_LABEL: usize = 63;

const POSTMASTER: &str = "<Postmaster>";

/// Why a text is not a path or a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It does not begin with `<`.
    #[error("the address needs angle brackets")]
    NoBrackets,
    /// It does not end where it should, with `>` in a path.
    #[error("the address does not end after its domain")]
    Unclosed,
    /// A source route that is not `@domain,@domain:`.
    #[error("the source route is malformed")]
    Route,
    /// The local part is neither a dot-string nor a quoted string.
    #[error("the local part is malformed")]
    LocalPart,
    /// No `@` after the local part.
    #[error("the address has no domain")]
    NoDomain,
    /// Neither a domain name nor an address literal; a dot at the end is an error too.
    #[error("the domain is malformed")]
    Domain,
    /// A local part over 64 octets, a domain over 255, or a path over 256.
    #[error("the address is too long")]
    TooLong,
}

impl ReversePath {
    /// Reads the path at the beginning of `text`, in its angle brackets, and gives what stands behind it.
    pub fn parse(text: &str) -> Result<(Self, &str), PathError> {
        match text.strip_prefix("<>") {
            Some(rest) => Ok((Self::Null, rest)),
            None => bracketed_mailbox(text).map(|(mailbox, rest)| (Self::Mailbox(mailbox), rest)),
        }
    }
}

impl ForwardPath {
    /// Reads the path at the beginning of `text`, in its angle brackets, and gives what stands behind it.
    pub fn parse(text: &str) -> Result<(Self, &str), PathError> {
        match text.split_at_checked(POSTMASTER.len()) {
            Some((path, rest)) if path.eq_ignore_ascii_case(POSTMASTER) => Ok((Self::Postmaster, rest)),
            _ => bracketed_mailbox(text).map(|(mailbox, rest)| (Self::Mailbox(mailbox), rest)),
        }
    }
}

/// Without angle brackets.
impl FromStr for Mailbox {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        match mailbox(text)? {
            (mailbox, "") => Ok(mailbox),
            _ => Err(PathError::Unclosed),
        }
    }
}

/// `"<" [source route] mailbox ">"`.
fn bracketed_mailbox(text: &str) -> Result<(Mailbox, &str), PathError> {
    let inside = text.strip_prefix('<').ok_or(PathError::NoBrackets)?;
    let (mailbox, rest) = mailbox(skip_source_route(inside)?)?;
    let rest = rest.strip_prefix('>').ok_or(PathError::Unclosed)?;
    if text.len() - rest.len() > MAX_PATH {
        return Err(PathError::TooLong);
    }
    Ok((mailbox, rest))
}

/// `"@" domain *("," "@" domain) ":"`, which a server must read and should ignore (RFC 5321 section 4.1.1.3 and appendix C).
fn skip_source_route(text: &str) -> Result<&str, PathError> {
    if !text.starts_with('@') {
        return Ok(text);
    }
    let (route, mailbox) = text.split_once(':').ok_or(PathError::Route)?;
    let is_hop = |hop: &str| hop.strip_prefix('@').is_some_and(|name| domain_name(name).is_ok());
    if route.split(',').all(is_hop) { Ok(mailbox) } else { Err(PathError::Route) }
}

/// `local-part "@" ( domain / address-literal )`.
fn mailbox(text: &str) -> Result<(Mailbox, &str), PathError> {
    let local_end = if text.starts_with('"') { quoted_string_end(text) } else { dot_string_end(text) }?;
    let (local, rest) = text.split_at(local_end);
    if local.len() > MAX_LOCAL {
        return Err(PathError::TooLong);
    }
    let rest = rest.strip_prefix('@').ok_or(PathError::NoDomain)?;
    let (domain, rest) = domain(rest)?;
    Ok((Mailbox { local: local.to_owned(), domain }, rest))
}

/// `atom *("." atom)`.
fn dot_string_end(text: &str) -> Result<usize, PathError> {
    let end = text.find(|c| !is_atext(c) && c != '.').unwrap_or(text.len());
    if text[..end].split('.').any(str::is_empty) { Err(PathError::LocalPart) } else { Ok(end) }
}

/// `DQUOTE *( qtextSMTP / quoted-pairSMTP ) DQUOTE`.
fn quoted_string_end(text: &str) -> Result<usize, PathError> {
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok(at + 1),
            '\\' if !matches!(chars.next(), Some((_, ' '..='~'))) => return Err(PathError::LocalPart),
            _ if c.is_control() => return Err(PathError::LocalPart),
            _ => {}
        }
    }
    Err(PathError::LocalPart)
}

/// `atext` (RFC 5322 section 3.2.3), with what RFC 6531 section 3.3 adds.
pub(crate) fn is_atext(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || (!c.is_ascii() && !c.is_control())
}

fn domain(text: &str) -> Result<(Domain, &str), PathError> {
    if let Some(inside) = text.strip_prefix('[') {
        let (inside, rest) = inside.split_once(']').ok_or(PathError::Domain)?;
        if inside.len() + 2 > MAX_DOMAIN {
            return Err(PathError::TooLong);
        }
        return Ok((Domain::Literal(literal(inside)?), rest));
    }
    let (name, rest) = text.split_at(text.find(['>', ' ']).unwrap_or(text.len()));
    domain_name(name)?;
    Ok((Domain::Name(name.to_owned()), rest))
}

fn domain_name(name: &str) -> Result<(), PathError> {
    if name.len() > MAX_DOMAIN {
        return Err(PathError::TooLong);
    }
    let well_formed = if name.is_ascii() { name.split('.').all(is_ldh_label) } else { is_idn(name) };
    if well_formed { Ok(()) } else { Err(PathError::Domain) }
}

fn is_ldh_label(label: &str) -> bool {
    (1..=MAX_LABEL).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// Whether IDNA takes the name, and each of its labels as it is but for case. What IDNA would map to something else (a full stop of
/// another script, a ligature) is refused: the next hop must not read another name than we compared.
fn is_idn(name: &str) -> bool {
    idna::domain_to_ascii_strict(name).is_ok()
        && name.split('.').all(|label| if label.is_ascii() { is_ldh_label(label) } else { is_u_label(label) })
}

fn is_u_label(label: &str) -> bool {
    let Ok(ascii) = idna::domain_to_ascii_strict(label) else { return false };
    let (unicode, ok) = idna::domain_to_unicode(&ascii);
    ok.is_ok() && label.chars().flat_map(char::to_lowercase).eq(unicode.chars())
}

/// What stands between the brackets (RFC 5321 section 4.1.3).
fn literal(text: &str) -> Result<Literal, PathError> {
    let Some((tag, content)) = text.split_once(':') else {
        return text.parse().map(|address| Literal::Address(IpAddr::V4(address))).map_err(|_| PathError::Domain);
    };
    if tag.eq_ignore_ascii_case("IPv6") {
        return content.parse().map(|address| Literal::Address(IpAddr::V6(address))).map_err(|_| PathError::Domain);
    }
    let is_content = !content.is_empty() && content.bytes().all(|byte| matches!(byte, 33..=90 | 94..=126));
    if is_ldh_label(tag) && is_content { Ok(Literal::General(text.to_owned())) } else { Err(PathError::Domain) }
}
