//! Puts reports into the queue.

use std::time::Duration;

use jiff::Timestamp;
use postern_config::Spool as Rules;
use postern_proto::address::Mailbox;
use postern_spool::{Body as _, Entry, MessageId, Recipient, Return, Spool, SpoolError, Status, Writer as _};
use tracing::{info, warn};

use super::{
    metrics::Metrics,
    notify::{Suppressed, addressee, owed, report_id, wants},
    report::{Event, Excerpt, Kind, MAX_EXCERPT, MAX_RECIPIENTS, Report},
    retry::later,
};
use crate::log::Shown;

/// What reports are made of, besides the message.
pub(super) struct Reporter<'a, S> {
    pub(super) spool: &'a S,
    /// The relay's name.
    pub(super) host: &'a str,
    pub(super) rules: &'a Rules,
    pub(super) metrics: &'a Metrics,
}

/// A message that is reported on.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) entry: &'a Entry,
    /// Size of its content; `None` when that can't be read.
    pub(super) bytes: Option<u64>,
}

impl<S: Spool> Reporter<'_, S> {
    /// Queues the reports of these kinds that are due on a message at `now`. Gives the places of the recipients that are settled by it.
    pub(super) async fn report(&self, subject: Subject<'_>, kinds: &[Kind], now: Timestamp) -> Result<Vec<usize>, SpoolError> {
        let arrival = subject.entry.envelope().arrival;
        let is_late = self.rules.delay_warning_seconds.is_some_and(|seconds| now >= later(arrival, Duration::from_secs(seconds.into())));
        let mut told = Vec::new();
        for &kind in kinds {
            let places = owed(subject.entry, kind, is_late);
            self.report_kind(subject, kind, &places, now).await?;
            told.extend(places);
        }
        Ok(told)
    }

    async fn report_kind(&self, subject: Subject<'_>, kind: Kind, places: &[usize], now: Timestamp) -> Result<(), SpoolError> {
        let envelope = subject.entry.envelope();
        let is_wanted = |place: &usize| envelope.recipients.get(*place).is_some_and(|recipient| wants(recipient.notify, kind));
        let wanted: Vec<_> = places.iter().copied().filter(is_wanted).collect();
        if wanted.is_empty() {
            return Ok(());
        }
        match addressee(envelope) {
            Err(why) if kind == Kind::Failed => self.suppress(subject.entry, &wanted, why),
            Err(_) => {}
            Ok(to) => {
                let excerpt = self.excerpt(subject).await?;
                for places in wanted.chunks(MAX_RECIPIENTS) {
                    self.queue(subject.entry, kind, places, to, &excerpt, now).await?;
                }
            }
        }
        Ok(())
    }

    /// Nobody hears that a message failed, so somebody should be able to find out.
    fn suppress(&self, entry: &Entry, places: &[usize], why: Suppressed) {
        self.metrics.report_suppressed(why);
        let (id, from) = (entry.id(), Shown(&entry.envelope().reverse_path));
        warn!(%id, %from, recipients = places.len(), reason = why.name(), "a message could not be delivered, and its sender is not told");
    }

    async fn queue(
        &self,
        entry: &Entry,
        kind: Kind,
        places: &[usize],
        to: &Mailbox,
        excerpt: &Excerpt,
        now: Timestamp,
    ) -> Result<(), SpoolError> {
        let events: Vec<_> = places.iter().filter_map(|&place| event(entry, place)).collect();
        let report = Report {
            id: report_id(entry, kind, places),
            kind,
            host: self.host,
            made_at: now,
            envelope: entry.envelope(),
            to,
            events: &events,
            excerpt,
        };
        let expires = later(now, Duration::from_secs(self.rules.lifetime_seconds.into()));
        match put(self.spool, report.entry(expires), &report.content()).await {
            Ok(_) => {
                self.metrics.reported(kind);
                info!(id = %entry.id(), report = %report.id, to = %Shown(to), kind = kind.name(), "report queued");
                Ok(())
            }
            // It was queued before a crash.
            Err(SpoolError::Exists(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// What the report brings back. All of the message only when it is asked for, and small.
    async fn excerpt(&self, Subject { entry, bytes }: Subject<'_>) -> Result<Excerpt, SpoolError> {
        let Some(bytes) = bytes else { return Ok(Excerpt::Nothing) };
        let is_whole = entry.envelope().dsn.ret == Some(Return::Full) && bytes <= MAX_EXCERPT as u64;
        match beginning(self.spool, entry.id()).await {
            Ok(begin) => Ok(Excerpt::of(begin, is_whole)),
            Err(SpoolError::Corrupt { .. } | SpoolError::NotFound(_)) => Ok(Excerpt::Nothing),
            Err(error) => Err(error),
        }
    }
}

fn event(entry: &Entry, place: usize) -> Option<(&Recipient, Event<'_>)> {
    let event = match entry.statuses().get(place)? {
        Status::Failed(failure) => Event::Failed(failure),
        Status::Relayed(relayed) => Event::Relayed(relayed),
        Status::Pending(retry) => Event::Delayed(retry.last.as_ref()),
        Status::Delivered | Status::Returned(_) => return None,
    };
    Some((entry.envelope().recipients.get(place)?, event))
}

async fn put<S: Spool>(spool: &S, entry: Entry, content: &[u8]) -> Result<MessageId, SpoolError> {
    let mut writer = spool.begin(entry).await?;
    writer.append(content).await?;
    writer.commit().await
}

/// The first bytes of a message, at most [`MAX_EXCERPT`].
async fn beginning<S: Spool>(spool: &S, id: MessageId) -> Result<Vec<u8>, SpoolError> {
    let mut body = spool.body(id).await?;
    let mut begin = Vec::new();
    while begin.len() < MAX_EXCERPT {
        let Some(piece) = body.next_chunk().await? else { break };
        begin.extend_from_slice(&piece[..piece.len().min(MAX_EXCERPT - begin.len())]);
    }
    Ok(begin)
}
