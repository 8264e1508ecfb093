//! Reports to senders: what became of a message (RFC 3461 section 6, RFC 3464; RFC 6533 where addresses need more than ASCII). Pure.
//!
//! A report is bounded in size, whatever it is about, and no text of a stranger can end a field or begin another.

mod advice;
mod clean;
mod excerpt;
mod quoted_printable;
mod status_part;
mod text_part;

use std::fmt::Write as _;

use jiff::{Timestamp, fmt::rfc2822, tz::TimeZone};
use postern_proto::address::{ForwardPath, Mailbox, ReversePath};
use postern_spool::{DsnRequest, Entry, Envelope, Failure, MessageId, Origin, Recipient, Relayed};

pub(super) use excerpt::{Excerpt, MAX_EXCERPT};

/// Most recipients that one report is about.
pub(super) const MAX_RECIPIENTS: usize = 100;

/// What a report tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// It will never be delivered.
    Failed,
    /// It takes long.
    Delayed,
    /// It was handed to a server that can't report further.
    Relayed,
}

/// What became of one recipient.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event<'a> {
    /// It will never get the message.
    Failed(&'a Failure),
    /// It may still get it. Why the last attempt failed, if one was made.
    Delayed(Option<&'a Failure>),
    /// A server has it that can't report further.
    Relayed(&'a Relayed),
}

/// A report about one message. All events are of one kind; there are 1 to [`MAX_RECIPIENTS`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Report<'a> {
    pub(super) id: MessageId,
    pub(super) kind: Kind,
    /// The relay's name.
    pub(super) host: &'a str,
    pub(super) made_at: Timestamp,
    /// The message that it is about.
    pub(super) envelope: &'a Envelope,
    /// Where it goes.
    pub(super) to: &'a Mailbox,
    pub(super) events: &'a [(&'a Recipient, Event<'a>)],
    pub(super) excerpt: &'a Excerpt,
}

impl Kind {
    /// As metrics and logs call it, and as the field Action does (RFC 3464 section 2.3.3).
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Delayed => "delayed",
            Self::Relayed => "relayed",
        }
    }
}

impl Report<'_> {
    /// The report as a message of the queue, which is tried until `expires`.
    pub(super) fn entry(&self, expires: Timestamp) -> Entry {
        let envelope = Envelope {
            reverse_path: ReversePath::Null,
            recipients: vec![Recipient::new(ForwardPath::Mailbox(self.to.clone()))],
            body: self.is_utf8().then_some(postern_proto::envelope::BodyType::EightBitMime),
            smtputf8: self.is_utf8(),
            dsn: DsnRequest::default(),
            arrival: self.made_at,
            expires,
            listener: self.envelope.listener.clone(),
            origin: Origin::Relay,
        };
        Entry::new(self.id, envelope)
    }

    /// Whether it may hold more than ASCII: its sender's message needed SMTPUTF8, so its sender can take the same.
    fn is_utf8(&self) -> bool {
        self.envelope.smtputf8
    }

    /// The report's content.
    pub(super) fn content(&self) -> Vec<u8> {
        let boundary = format!("=_{}", self.id);
        let mut out = self.header(&boundary);
        let (charset, encoding) = if self.is_utf8() { ("utf-8", "8bit") } else { ("us-ascii", "7bit") };
        part(&mut out, &boundary, &format!("text/plain; charset={charset}"), encoding);
        out.push_str(&text_part::write(self));
        let status_type = if self.is_utf8() { "message/global-delivery-status" } else { "message/delivery-status" };
        part(&mut out, &boundary, status_type, encoding);
        out.push_str(&status_part::write(self));
        let mut out = out.into_bytes();
        if let Some(attached) = self.excerpt.attach(self.is_utf8()) {
            let mut head = String::new();
            part(&mut head, &boundary, attached.content_type, attached.encoding);
            out.extend_from_slice(head.as_bytes());
            out.extend_from_slice(&attached.bytes);
        }
        out.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        out
    }

    fn header(&self, boundary: &str) -> String {
        let Self { id, host, to, .. } = self;
        let subject = match self.kind {
            Kind::Failed => "Your message could not be delivered",
            Kind::Delayed => "Your message is not delivered yet",
            Kind::Relayed => "Your message was passed on",
        };
        format!(
            "From: Mail Delivery System <MAILER-DAEMON@{host}>\r\n\
             To: <{to}>\r\n\
             Subject: {subject}\r\n\
             Date: {}\r\n\
             Message-ID: <{id}@{host}>\r\n\
             Auto-Submitted: auto-replied\r\n\
             MIME-Version: 1.0\r\n\
             Content-Type: multipart/report; report-type=delivery-status;\r\n \
             boundary=\"{boundary}\"\r\n\
             \r\n\
             This is a report in several parts, which older programs show one after the other.\r\n",
            date(self.made_at)
        )
    }
}

/// Begins a part.
fn part(out: &mut String, boundary: &str, content_type: &str, encoding: &str) {
    // Writing to a String can't fail.
    let _ = write!(out, "\r\n--{boundary}\r\nContent-Type: {content_type}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n");
}

/// A date as messages write it (RFC 5322 section 3.3).
fn date(time: Timestamp) -> String {
    rfc2822::to_string(&time.to_zoned(TimeZone::UTC)).unwrap_or_default()
}

/// The reply that a failure was, on one line.
fn reply(failure: &Failure) -> String {
    let (class, subject, detail) = failure.enhanced;
    // The relay's own verdict on a temporary reply is not what the server said.
    if failure.code / 100 == u16::from(class) {
        format!("{} {class}.{subject}.{detail} {}", failure.code, failure.text())
    } else {
        format!("{} {}", failure.code, failure.text())
    }
}

#[cfg(test)]
mod tests;
