//! The arguments of MAIL and RCPT (RFC 5321 sections 4.1.1.2 and 4.1.1.3).

use super::{
    ArgumentError,
    parameters::{Parameter, parameters},
};
use crate::{
    address::{ForwardPath, ReversePath},
    envelope::{BodyType, DsnError, DsnRequest, MailFrom, RcptTo, xtext},
};

/// Most digits of SIZE (RFC 1870 section 4).
const MAX_SIZE_DIGITS: usize = 20;

/// The extensions whose parameters a client may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extensions {
    /// After HELO: none.
    None,
    /// After EHLO: SIZE, BODY and SMTPUTF8, and what is not offered everywhere.
    Offered {
        /// DSN (RFC 3461): RET, ENVID, NOTIFY and ORCPT.
        dsn: bool,
        /// AUTH (RFC 4954 section 5).
        auth: bool,
    },
}

impl MailFrom {
    /// Reads the argument of MAIL. AUTH= is read and forgotten: nobody is believed who another server says the sender is.
    pub fn parse(argument: &str, extensions: Extensions) -> Result<Self, ArgumentError> {
        let (path, rest) = ReversePath::parse(after_keyword(argument, "FROM:")?)?;
        let (mut size, mut body, mut smtputf8, mut auth, mut dsn) = (None, None, None, None, DsnRequest::default());
        for parameter in parameters(rest) {
            match (parameter?, extensions) {
                (_, Extensions::None) => return Err(ArgumentError::UnknownParameter),
                (parameter, _) if parameter.is("SIZE") => set(&mut size, size_value(&parameter)?)?,
                (parameter, _) if parameter.is("BODY") => set(&mut body, body_value(&parameter)?)?,
                (parameter, _) if parameter.is("SMTPUTF8") => set(&mut smtputf8, no_value(&parameter)?)?,
                (parameter, Extensions::Offered { auth: true, .. }) if parameter.is("AUTH") => set(&mut auth, auth_value(&parameter)?)?,
                (parameter, Extensions::Offered { dsn: true, .. }) if parameter.is("RET") => {
                    set(&mut dsn.ret, value(&parameter)?.parse()?)?;
                }
                (parameter, Extensions::Offered { dsn: true, .. }) if parameter.is("ENVID") => {
                    set(&mut dsn.envelope_id, DsnRequest::parse_envelope_id(value(&parameter)?)?)?;
                }
                _ => return Err(ArgumentError::UnknownParameter),
            }
        }
        let smtputf8 = smtputf8.is_some();
        if !smtputf8 && matches!(&path, ReversePath::Mailbox(mailbox) if !mailbox.is_ascii()) {
            return Err(ArgumentError::NeedsSmtpUtf8);
        }
        Ok(Self { path, size: size.filter(|size| *size > 0), body, smtputf8, dsn })
    }
}

impl RcptTo {
    /// Reads the argument of RCPT in a transaction that has `smtputf8` or not.
    pub fn parse(argument: &str, extensions: Extensions, smtputf8: bool) -> Result<Self, ArgumentError> {
        let (path, rest) = ForwardPath::parse(after_keyword(argument, "TO:")?)?;
        let (mut notify, mut original) = (None, None);
        for parameter in parameters(rest) {
            match (parameter?, extensions) {
                (parameter, Extensions::Offered { dsn: true, .. }) if parameter.is("NOTIFY") => {
                    set(&mut notify, value(&parameter)?.parse()?)?;
                }
                (parameter, Extensions::Offered { dsn: true, .. }) if parameter.is("ORCPT") => {
                    set(&mut original, value(&parameter)?.parse()?)?;
                }
                _ => return Err(ArgumentError::UnknownParameter),
            }
        }
        let is_ascii = rest.is_ascii() && !matches!(&path, ForwardPath::Mailbox(mailbox) if !mailbox.is_ascii());
        if !smtputf8 && !is_ascii {
            return Err(ArgumentError::NeedsSmtpUtf8);
        }
        Ok(Self { path, notify, original })
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

impl From<DsnError> for ArgumentError {
    fn from(DsnError: DsnError) -> Self {
        Self::Parameter
    }
}

/// `<>` or a mailbox, as xtext.
fn auth_value(parameter: &Parameter<'_>) -> Result<(), ArgumentError> {
    xtext::decode(value(parameter)?).map(drop).ok_or(ArgumentError::Parameter)
}

fn value<'a>(parameter: &Parameter<'a>) -> Result<&'a str, ArgumentError> {
    parameter.value.ok_or(ArgumentError::Parameter)
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
