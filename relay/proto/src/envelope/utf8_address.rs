//! How an address of the type `utf-8` is written in ORCPT (RFC 6533 section 3).

use std::fmt;

/// An address that shows itself as `utf-8-addr-xtext`: ASCII that needs no SMTPUTF8.
pub(super) struct Utf8Address<'a>(pub(super) &'a str);

/// Most digits of a code point.
const MAX_DIGITS: usize = 6;

/// Reads `utf-8-addr-xtext`, and `utf-8-addr-unitext`, where characters that are not ASCII may stand for themselves. `None` for what is
/// neither, or holds a control character.
pub(super) fn decode(text: &str) -> Option<String> {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(char) = rest.chars().next() {
        rest = &rest[char.len_utf8()..];
        decoded.push(match char {
            '\\' => {
                let (digits, behind) = rest.strip_prefix("x{")?.split_once('}')?;
                rest = behind;
                code_point(digits)?
            }
            _ if stands_for_itself(char) || !char.is_ascii() && !char.is_control() => char,
            _ => return None,
        });
    }
    Some(decoded)
}

/// `HEXPOINT`: a character that can't stand for itself, in as few digits as it takes, but two at least.
fn code_point(digits: &str) -> Option<char> {
    let is_shortest = (2..=MAX_DIGITS).contains(&digits.len()) && !digits.starts_with('0');
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let char = (is_shortest && is_hex).then(|| u32::from_str_radix(digits, 16).ok())?.and_then(char::from_u32)?;
    (!stands_for_itself(char) && !char.is_control()).then_some(char)
}

/// `QCHAR`.
fn stands_for_itself(char: char) -> bool {
    matches!(char, '!'..='~') && !matches!(char, '\\' | '+' | '=')
}

impl fmt::Display for Utf8Address<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(
            |char| {
                if stands_for_itself(char) { write!(f, "{char}") } else { write!(f, "\\x{{{:02X}}}", u32::from(char)) }
            },
        )
    }
}
