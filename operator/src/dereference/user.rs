//! Users, in Secrets.

use k8s_openapi::api::core::v1::Secret;
use postern_config::{DomainName, SenderPattern, User};

use super::{Fault, password_hash, values};

const USERNAME: &str = "username";
const PASSWORD_HASH: &str = "passwordHash";
const CERTIFICATE_NAMES: &str = "certificateNames";
const ALLOWED_SENDERS: &str = "allowedSenders";
const MESSAGES_PER_MINUTE: &str = "messagesPerMinute";

/// The longest name, in bytes.
const NAME_BYTES: usize = 255;
/// The most names in certificates.
const NAMES: usize = 64;
/// The most senders.
const SENDERS: usize = 1000;
/// Messages in a minute, when the Secret does not say.
const MESSAGES: u32 = 60;
/// And the most that it may say.
const MOST_MESSAGES: u32 = 1_000_000;

/// The user that a Secret is.
pub(super) fn read(secret: &Secret) -> Result<User, Fault> {
    let name = name(values::required(secret, USERNAME, "the name that the user authenticates with")?)?;
    let password_hash = values::optional(secret, PASSWORD_HASH)?.map(str::to_owned);
    if let Some(hash) = &password_hash {
        password_hash::check(hash).map_err(|problem| values::wrong(PASSWORD_HASH, problem))?;
    }
    let certificate_names = certificate_names(secret)?;
    if password_hash.is_none() && certificate_names.is_empty() {
        return Err(values::wrong(PASSWORD_HASH, format!("is missing, and so is `{CERTIFICATE_NAMES}`; add one of them, or both")));
    }
    let allowed_senders = allowed_senders(secret)?;
    if allowed_senders.contains(&SenderPattern::Any) && password_hash.is_some() {
        let problem = "holds `*`, which is only for who must show a certificate; name the senders, or remove `passwordHash`";
        return Err(values::wrong(ALLOWED_SENDERS, problem));
    }
    Ok(User { name, password_hash, certificate_names, allowed_senders, messages_per_minute: messages_per_minute(secret)? })
}

/// The name as clients' names are prepared (RFC 4013).
fn name(text: &str) -> Result<String, Fault> {
    let prepared = stringprep::saslprep(text).ok().filter(|name| (1..=NAME_BYTES).contains(&name.len()));
    prepared.map(std::borrow::Cow::into_owned).ok_or_else(|| {
        values::wrong(USERNAME, format!("is no name that a client can send: write 1 to {NAME_BYTES} bytes without control characters"))
    })
}

fn certificate_names(secret: &Secret) -> Result<Vec<String>, Fault> {
    let mut names = Vec::new();
    for (number, line) in values::lines(secret, CERTIFICATE_NAMES)? {
        let name = line.to_lowercase();
        let is_mailbox = || matches!(SenderPattern::parse(&name), Ok(SenderPattern::Mailbox { .. }));
        if DomainName::parse(&name).is_err() && !is_mailbox() {
            let problem = format!("is wrong in line {number}; write a DNS name or an e-mail address, as it stands in the certificate");
            return Err(values::wrong(CERTIFICATE_NAMES, problem));
        }
        names.push(name);
    }
    names.sort_unstable();
    names.dedup();
    if names.len() > NAMES {
        Err(values::wrong(CERTIFICATE_NAMES, format!("holds more than {NAMES} names; remove some")))
    } else {
        Ok(names)
    }
}

fn allowed_senders(secret: &Secret) -> Result<Vec<SenderPattern>, Fault> {
    let mut senders = Vec::new();
    for (number, line) in values::lines(secret, ALLOWED_SENDERS)? {
        let sender = SenderPattern::parse(line);
        senders.push(sender.map_err(|error| values::wrong(ALLOWED_SENDERS, format!("is wrong in line {number}; {error}")))?);
    }
    senders.sort_unstable();
    senders.dedup();
    match senders.len() {
        0 => {
            let problem = "is missing; add whom the user may send as, one a line, such as `user@example.com` or `@example.com`";
            Err(values::wrong(ALLOWED_SENDERS, problem))
        }
        1..=SENDERS => Ok(senders),
        _ => Err(values::wrong(ALLOWED_SENDERS, format!("holds more than {SENDERS} senders; remove some, or write domains"))),
    }
}

fn messages_per_minute(secret: &Secret) -> Result<u32, Fault> {
    let Some(text) = values::optional(secret, MESSAGES_PER_MINUTE)? else { return Ok(MESSAGES) };
    let number = text.trim().parse().ok().filter(|number| (1..=MOST_MESSAGES).contains(number));
    number.ok_or_else(|| values::wrong(MESSAGES_PER_MINUTE, format!("is no whole number from 1 to {MOST_MESSAGES}; write one")))
}
