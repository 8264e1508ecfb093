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
    let is_eight_bit = match content.is_eight_bit().await {
        Ok(is_eight_bit) => is_eight_bit,
        Err(error) => return Some(Fault::Unreadable(error)),
    };
    let needed = [(is_eight_bit && mail.smtputf8, Extension::SmtpUtf8), (is_eight_bit, Extension::EightBitMime)];
    needed.into_iter().find(|&(is_needed, extension)| is_needed && !offered.offers(extension)).map(|(_, extension)| Fault::Lacks(extension))
}
