//! The arguments of MAIL and RCPT (RFC 5321 sections 4.1.1.2 and 4.1.1.3).

use super::{
    ArgumentError,
    parameters::{Parameter, parameters},
};
use crate::{
    address::{ForwardPath, ReversePath},
    envelope::{BodyType, MailFrom, RcptTo},
};

/// Most digits of SIZE (RFC 1870 section 4).
const MAX_SIZE_DIGITS: usize = 20;

impl MailFrom {
    /// Reads the argument of MAIL. Without `extensions` (after HELO) no parameter is known.
    pub fn parse(argument: &str, extensions: bool) -> Result<Self, ArgumentError> {
        let (path, rest) = ReversePath::parse(after_keyword(argument, "FROM:")?)?;
        let (mut size, mut body, mut smtputf8) = (None, None, None);
        for parameter in parameters(rest) {
            match parameter? {
                _ if !extensions => return Err(ArgumentError::UnknownParameter),
                parameter if parameter.is("SIZE") => set(&mut size, size_value(&parameter)?)?,
                parameter if parameter.is("BODY") => set(&mut body, body_value(&parameter)?)?,
                parameter if parameter.is("SMTPUTF8") => set(&mut smtputf8, no_value(&parameter)?)?,
                _ => return Err(ArgumentError::UnknownParameter),
            }
        }
        let smtputf8 = smtputf8.is_some();
        if !smtputf8 && matches!(&path, ReversePath::Mailbox(mailbox) if !mailbox.is_ascii()) {
            return Err(ArgumentError::NeedsSmtpUtf8);
        }
        Ok(Self { path, size: size.filter(|size| *size > 0), body, smtputf8 })
    }
}

impl RcptTo {
    /// Reads the argument of RCPT in a transaction that has `smtputf8` or not.
    pub fn parse(argument: &str, smtputf8: bool) -> Result<Self, ArgumentError> {
        let (path, rest) = ForwardPath::parse(after_keyword(argument, "TO:")?)?;
        if let Some(parameter) = parameters(rest).next() {
            return parameter.and(Err(ArgumentError::UnknownParameter));
        }
        if !smtputf8 && matches!(&path, ForwardPath::Mailbox(mailbox) if !mailbox.is_ascii()) {
            return Err(ArgumentError::NeedsSmtpUtf8);
        }
        Ok(Self { path })
    }
}

/// What follows `FROM:` or `TO:`. No space may follow, but so many clients write one that every server takes it.
fn after_keyword<'a>(argument: &'a str, keyword: &str) -> Result<&'a str, ArgumentError> {
    match argument.split_at_checked(keyword.len()) {
        Some((start, path)) if start.eq_ignore_ascii_case(keyword) => Ok(path.trim_start_matches(' ')),
        _ => Err(ArgumentError::Form),
    }
}

fn set<T>(slot: &mut Option<T>, value: T) -> Result<(), ArgumentError> {
    if slot.replace(value).is_some() { Err(ArgumentError::Parameter) } else { Ok(()) }
}

/// A number that 64 bits don't hold is a number all the same, and too big for any server.
fn size_value(parameter: &Parameter<'_>) -> Result<u64, ArgumentError> {
    match parameter.value {
        Some(digits) if digits.len() <= MAX_SIZE_DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Ok(digits.parse().unwrap_or(u64::MAX))
        }
        _ => Err(ArgumentError::Parameter),
    }
}

fn body_value(parameter: &Parameter<'_>) -> Result<BodyType, ArgumentError> {
    match parameter.value {
        Some(value) if value.eq_ignore_ascii_case("7BIT") => Ok(BodyType::SevenBit),
        Some(value) if value.eq_ignore_ascii_case("8BITMIME") => Ok(BodyType::EightBitMime),
        _ => Err(ArgumentError::Parameter),
    }
}

fn no_value(parameter: &Parameter<'_>) -> Result<(), ArgumentError> {
    if parameter.value.is_some() { Err(ArgumentError::Parameter) } else { Ok(()) }
}
