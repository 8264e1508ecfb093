//! What a mail needs and a next hop does not offer. Nothing is converted: what can't be handed on as it is, is refused.

use postern_proto::{
    address::{ForwardPath, ReversePath},
    client::{Capabilities, Extension},
    envelope::{MailFrom, RcptTo},
};

use super::{fault::Fault, source::Source};

/// Before MAIL: an address that only SMTPUTF8 can carry (RFC 6531), or more bytes than SIZE allows (RFC 1870).
pub(super) fn for_mail(mail: &MailFrom, offered: &Capabilities) -> Option<Fault> {
    let is_ascii = !matches!(&mail.path, ReversePath::Mailbox(mailbox) if !mailbox.is_ascii());
    if !is_ascii && !offered.offers(Extension::SmtpUtf8) {
        return Some(Fault::Lacks(Extension::SmtpUtf8));
    }
    mail.size.is_some_and(|size| offered.size.is_exceeded_by(size)).then_some(Fault::TooLarge)
}

/// Before RCPT: an address that only SMTPUTF8 can carry.
pub(super) fn for_recipient(rcpt: &RcptTo, offered: &Capabilities) -> Option<Fault> {
    let is_ascii = !matches!(&rcpt.path, ForwardPath::Mailbox(mailbox) if !mailbox.is_ascii());
    (!is_ascii && !offered.offers(Extension::SmtpUtf8)).then_some(Fault::Lacks(Extension::SmtpUtf8))
}

/// Before DATA, when the content is there: its real size, and 8-bit content. A client that said SMTPUTF8 may have 8-bit header fields, which
/// 8BITMIME alone does not carry (RFC 6531 section 3.6).
pub(super) async fn for_content(mail: &MailFrom, content: &mut impl Source, offered: &Capabilities) -> Option<Fault> {
    if offered.size.is_exceeded_by(content.len()) {
        return Some(Fault::TooLarge);
    }
    let needed = [(mail.smtputf8, Extension::SmtpUtf8), (true, Extension::EightBitMime)];
    let (_, lacking) = needed.into_iter().find(|&(is_needed, extension)| is_needed && !offered.offers(extension))?;
    // Only now: whoever holds the content may have to read all of it to know.
    match content.is_eight_bit().await {
        Ok(is_eight_bit) => is_eight_bit.then_some(Fault::Lacks(lacking)),
        Err(error) => Some(Fault::Unreadable(error)),
    }
}
