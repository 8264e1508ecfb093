//! The part for programs (RFC 3464 section 2; RFC 6533 section 4).

use postern_proto::address::{Domain, ForwardPath, Literal};
use postern_spool::{Failure, Recipient};

use super::{
    Event, Report,
    clean::{clean, clean_address, fold},
    date, reply,
};

/// Fields about the message, then fields about each recipient.
pub(super) fn write(report: &Report<'_>) -> String {
    let mut fields = Fields { out: String::new(), is_utf8: report.is_utf8() };
    if let Some(id) = &report.envelope.dsn.envelope_id {
        fields.add("Original-Envelope-Id", id);
    }
    fields.add("Reporting-MTA", &mta(report.host));
    fields.add("Arrival-Date", &date(report.envelope.arrival));
    for (recipient, event) in report.events {
        fields.out.push_str("\r\n");
        fields.recipient(recipient);
        fields.add("Action", report.kind.name());
        fields.event(event, report);
    }
    fields.out
}

/// A server, by its name or address (section 2.1.2).
fn mta(host: &str) -> String {
    match host.parse() {
        Ok(address) => format!("dns; {}", Domain::Literal(Literal::Address(address))),
        Err(_) => format!("dns; {host}"),
    }
}

struct Fields {
    out: String,
    is_utf8: bool,
}

impl Fields {
    fn recipient(&mut self, recipient: &Recipient) {
        if let Some(original) = &recipient.original {
            let address = clean_address(&original.address, self.is_utf8);
            self.add("Original-Recipient", &format!("{};{address}", original.address_type));
        }
        let kind = match &recipient.path {
            ForwardPath::Mailbox(mailbox) if !mailbox.is_ascii() => "utf-8",
            _ => "rfc822",
        };
        self.add("Final-Recipient", &format!("{kind};{}", recipient.path));
    }

    fn event(&mut self, event: &Event<'_>, report: &Report<'_>) {
        match event {
            Event::Failed(failure) => self.failure(failure),
            Event::Delayed(Some(failure)) => {
                self.failure(failure);
                self.add("Will-Retry-Until", &date(report.envelope.expires));
            }
            Event::Delayed(None) => {
                self.add("Status", "4.4.7");
                self.add("Will-Retry-Until", &date(report.envelope.expires));
            }
            Event::Relayed(relayed) => {
                self.add("Status", "2.0.0");
                self.add("Remote-MTA", &mta(&relayed.by));
                self.add("Last-Attempt-Date", &date(relayed.at));
            }
        }
    }

    fn failure(&mut self, failure: &Failure) {
        let (class, subject, detail) = failure.enhanced;
        self.add("Status", &format!("{class}.{subject}.{detail}"));
        if let Some(by) = &failure.by {
            self.add("Remote-MTA", &mta(by));
            self.add("Diagnostic-Code", &format!("smtp; {}", reply(failure)));
        }
        if let Some(at) = failure.at {
            self.add("Last-Attempt-Date", &date(at));
        }
    }

    /// Adds a field. Whatever `value` holds, it is one field.
    fn add(&mut self, name: &str, value: &str) {
        self.out.push_str(&fold(&format!("{name}: "), "    ", &clean(value, self.is_utf8)));
    }
}
