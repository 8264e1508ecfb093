//! The part for people.

use postern_spool::{Failure, Recipient};

use super::{
    Event, Kind, Report,
    advice::{Advice, advice},
    clean::{clean, fold},
    date,
    excerpt::Excerpt,
    reply,
};

/// What happened, recipient by recipient, and what to do.
pub(super) fn write(report: &Report<'_>) -> String {
    let mut text = Text { out: String::new(), is_utf8: report.is_utf8() };
    text.paragraph(&format!("This is the mail relay {}.", report.host));
    text.paragraph(&match report.kind {
        Kind::Failed => format!("Your message could not be delivered to {}. It will not be tried again.", recipients(report)),
        Kind::Delayed => format!(
            "Your message is still waiting to be delivered to {}. You need do nothing: it is tried again until {}. Should it fail then, you \
             will be told.",
            recipients(report),
            date(report.envelope.expires)
        ),
        Kind::Relayed => format!(
            "Your message was passed on to a server that can't tell whether it reached {}. That is all that can be reported.",
            recipients(report)
        ),
    });
    for (recipient, event) in report.events {
        text.recipient(recipient, event);
    }
    text.paragraph(&format!("Your message came here on {}.{}", date(report.envelope.arrival), attached(report.excerpt)));
    text.out
}

fn recipients(report: &Report<'_>) -> &'static str {
    if report.events.len() == 1 { "the recipient below" } else { "the recipients below" }
}

fn attached(excerpt: &Excerpt) -> &'static str {
    match excerpt {
        Excerpt::Message(_) | Excerpt::Header(_) => " What is attached shows which one it was.",
        Excerpt::Nothing => "",
    }
}

struct Text {
    out: String,
    is_utf8: bool,
}

impl Text {
    fn recipient(&mut self, recipient: &Recipient, event: &Event<'_>) {
        self.line("", &format!("<{}>", recipient.path));
        match event {
            Event::Failed(failure) => {
                let Advice { why, what_to_do } = advice(failure);
                self.line("  ", why);
                self.words(failure);
                self.line("  ", &format!("What you can do: {what_to_do}"));
            }
            Event::Delayed(failure) => {
                if let Some(failure) = failure {
                    self.words(failure);
                }
            }
            Event::Relayed(relayed) => self.line("  ", &format!("Passed on to {} on {}.", relayed.by, date(relayed.at))),
        }
        self.out.push_str("\r\n");
    }

    /// What was said, and by whom.
    fn words(&mut self, failure: &Failure) {
        match &failure.by {
            Some(by) => self.line("  ", &format!("The server {by} said:")),
            None => self.line("  ", "The relay found:"),
        }
        self.line("    ", &reply(failure));
    }

    fn line(&mut self, indent: &str, text: &str) {
        self.out.push_str(&fold(indent, indent, &clean(text, self.is_utf8)));
    }

    fn paragraph(&mut self, text: &str) {
        self.line("", text);
        self.out.push_str("\r\n");
    }
}
