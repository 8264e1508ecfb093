//! What a submission server adds where a client left it out (RFC 6409 section 8).

use jiff::{Timestamp, fmt::rfc2822};
use postern_config::DomainName;

use super::field::Head;

/// The fields that a message must have, as they are added to one that lacks them.
#[derive(Debug)]
pub struct Completion {
    date: Option<String>,
    message_id: Option<String>,
}

impl Completion {
    /// What is added to the message called `id`, which came at `now` to `host`.
    #[must_use]
    pub fn new(now: Timestamp, id: &str, host: &DomainName) -> Self {
        let date = rfc2822::DateTimePrinter::new().timestamp_to_string(&now);
        Self { date: date.ok().map(|date| format!("Date: {date}\r\n")), message_id: Some(format!("Message-ID: <{id}@{host}>\r\n")) }
    }

    /// Notes a field that the message has.
    pub(super) fn note(&mut self, head: Head) {
        match head {
            Head::Date => self.date = None,
            Head::MessageId => self.message_id = None,
            _ => {}
        }
    }

    /// Takes what is to be added: nothing when all is there.
    pub(super) fn take(&mut self) -> Vec<u8> {
        let (date, message_id) = (self.date.take(), self.message_id.take());
        [date, message_id].into_iter().flatten().collect::<String>().into_bytes()
    }

    /// Whether something is to be added.
    pub(super) fn is_due(&self) -> bool {
        self.date.is_some() || self.message_id.is_some()
    }
}
