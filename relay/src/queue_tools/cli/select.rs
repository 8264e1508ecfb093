//! Which messages a command is about.

use clap::Args;
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};
use postern_proto::address::ReversePath;
use postern_spool::MessageId;

use crate::queue_tools::wire::{Filter, PAGE, Selection};

/// Which messages are meant: those that meet all of it.
#[derive(Debug, Args)]
pub(super) struct Meant {
    /// With a recipient of this domain that is still pending
    #[arg(long, value_name = "DOMAIN", value_parser = a_label)]
    recipient_domain: Option<String>,
    /// With a sender of this domain
    #[arg(long, value_name = "DOMAIN", value_parser = a_label)]
    sender_domain: Option<String>,
    /// With this sender; <> for reports, which have none
    #[arg(long, value_name = "ADDRESS", value_parser = bracketed)]
    sender: Option<String>,
    /// In the queue for longer than this, such as 90m, 2h or 3d
    #[arg(long, value_name = "TIME", value_parser = duration)]
    older_than: Option<SignedDuration>,
    /// With a pending recipient whose last error has this in its text
    #[arg(long, value_name = "TEXT")]
    error: Option<String>,
    /// That were told to wait
    #[arg(long, conflicts_with = "not_held")]
    held: bool,
    /// That were not told to wait
    #[arg(long)]
    not_held: bool,
}

/// Which messages something is done to.
#[derive(Debug, Args)]
pub(super) struct Chosen {
    /// Names of messages, as `list` shows them
    #[arg(value_name = "ID", required_unless_present_any = ["Meant", "all"], conflicts_with_all = ["Meant", "all"])]
    ids: Vec<MessageId>,
    #[command(flatten)]
    meant: Meant,
    /// All messages of the queue
    #[arg(long, conflicts_with = "Meant")]
    all: bool,
}

impl Meant {
    /// The filter at the time `now`.
    pub(super) fn filter(&self, now: Timestamp) -> Filter {
        Filter {
            recipient_domain: self.recipient_domain.clone(),
            sender_domain: self.sender_domain.clone(),
            sender: self.sender.clone(),
            arrived_before: self.older_than.map(|age| now.checked_sub(age).unwrap_or(Timestamp::MIN)),
            error: self.error.clone(),
            held: if self.held || self.not_held { Some(self.held) } else { None },
        }
    }
}

impl Chosen {
    /// The messages, if they were named one by one.
    pub(super) fn named(&self) -> Option<&[MessageId]> {
        (!self.ids.is_empty()).then_some(&self.ids[..])
    }

    /// The pages of work. What comes into the queue after `now` is not meant.
    pub(super) fn pages(&self, now: Timestamp) -> Pages<'_> {
        if !self.ids.is_empty() {
            return Pages::Named(&self.ids);
        }
        let mut filter = self.meant.filter(now);
        filter.arrived_before.get_or_insert(now);
        Pages::Matching { filter, after: None, done: false }
    }
}

/// Walks through the messages that are chosen.
pub(super) enum Pages<'a> {
    Named(&'a [MessageId]),
    Matching { filter: Filter, after: Option<MessageId>, done: bool },
}

impl Pages<'_> {
    /// The next page; `None` at the end.
    pub(super) fn next(&mut self) -> Option<Selection> {
        match self {
            Self::Named(ids) => {
                let (page, rest) = ids.split_at(ids.len().min(PAGE));
                *ids = rest;
                (!page.is_empty()).then(|| Selection::These(page.to_vec()))
            }
            Self::Matching { done: true, .. } => None,
            Self::Matching { filter, after, .. } => Some(Selection::Matching { filter: filter.clone(), after: *after }),
        }
    }

    /// Tells where the next page begins, as the relay said; `None` when there is no more.
    pub(super) fn go_on(&mut self, next: Option<MessageId>) {
        if let Self::Matching { after, done, .. } = self {
            (*after, *done) = (next, next.is_none());
        }
    }
}

/// A domain as SMTP knows them: what could not have come in is not looked for.
fn a_label(text: &str) -> Result<String, String> {
    match ReversePath::parse(&format!("<postmaster@{text}>")) {
        Ok((ReversePath::Mailbox(mailbox), "")) => mailbox.domain.to_a_label().map(Into::into),
        _ => None,
    }
    .ok_or_else(|| "no domain name".to_owned())
}

fn bracketed(text: &str) -> Result<String, String> {
    let path = if text.starts_with('<') { text.to_owned() } else { format!("<{text}>") };
    match ReversePath::parse(&path) {
        Ok((_, "")) => Ok(path),
        Ok(_) => Err("more than an address".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn duration(text: &str) -> Result<SignedDuration, jiff::Error> {
    text.parse::<Span>()?.to_duration(SpanRelativeTo::days_are_24_hours())
}
