//! The argument of EHLO and HELO.

/// Longest name that is taken, in octets: that of a domain.
const MAX_NAME: usize = 255;

/// The name that a client gives itself. Many clients know no better one than `my_laptop`, so it need not be a domain or an address literal
/// (RFC 5321 section 4.1.4 forbids to refuse mail for that); but it goes into Received and into logs, so only characters that are safe there
/// are taken.
#[must_use]
pub fn client_name(argument: &str) -> Option<&str> {
    let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    ((1..=MAX_NAME).contains(&argument.len()) && argument.bytes().all(is_safe)).then_some(argument)
}
