//! Messages in the making.

use anyhow::{Context, Result};
use jiff::{SignedDuration, Timestamp};
use postern_proto::address::{ForwardPath, ReversePath};
use postern_spool::{Claim as _, DsnRequest, Entry, Envelope, Local, MessageId, Origin, Reach, Recipient, Spool as _, Status, Writer as _};
use uuid::Uuid;

/// A lease that no test outlives.
pub(crate) const LEASE: std::time::Duration = std::time::Duration::from_hours(1);

/// A message to be put into a queue.
pub(crate) struct Letter {
    pub(crate) id: MessageId,
    pub(crate) from: String,
    /// Each with how far it has come.
    pub(crate) to: Vec<(String, Status)>,
    pub(crate) arrival: Timestamp,
    pub(crate) content: Vec<u8>,
    pub(crate) held: bool,
}

/// So long before now, in whole seconds.
pub(crate) fn ago(minutes: i64) -> Timestamp {
    let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
    now - SignedDuration::from_mins(minutes)
}

impl Letter {
    /// One that came so many minutes ago, to recipients that are not tried before tomorrow.
    pub(crate) fn new(minutes: i64, from: &str, to: &[&str]) -> Self {
        let later = ago(-24 * 60);
        let to = to.iter().map(|recipient| ((*recipient).to_owned(), Status::first(later))).collect();
        Self {
            id: name(ago(minutes)),
            from: from.to_owned(),
            to,
            arrival: ago(minutes),
            content: b"Subject: hello\r\n\r\nhello\r\n".to_vec(),
            held: false,
        }
    }

    /// Puts it into the queue.
    pub(crate) async fn put(&self, spool: &Local) -> Result<MessageId> {
        let recipients = self.to.iter().map(|(recipient, _)| Ok(Recipient::new(forward_path(recipient)?)));
        let envelope = Envelope {
            reverse_path: ReversePath::parse(&self.from).ok().context("sender")?.0,
            recipients: recipients.collect::<Result<_>>()?,
            body: None,
            smtputf8: false,
            dsn: DsnRequest::default(),
            arrival: self.arrival,
            expires: self.arrival + SignedDuration::from_hours(120),
            listener: "submission".to_owned(),
            origin: Origin::Identity("billing".to_owned()),
        };
        let mut entry = Entry::new(self.id, envelope);
        for (status, (_, wanted)) in entry.statuses_mut().iter_mut().zip(&self.to) {
            *status = wanted.clone();
        }
        let mut writer = spool.begin(entry).await?;
        for piece in self.content.chunks(50_000) {
            writer.append(piece).await?;
        }
        writer.commit().await?;
        if self.held {
            spool.hold(self.id).await?;
        }
        Ok(self.id)
    }
}

/// A name that was made at `time`.
fn name(time: Timestamp) -> MessageId {
    let mut bytes = *Uuid::now_v7().as_bytes();
    bytes[..6].copy_from_slice(&time.as_millisecond().to_be_bytes()[2..]);
    Uuid::from_bytes(bytes).into()
}

fn forward_path(text: &str) -> Result<ForwardPath> {
    Ok(ForwardPath::parse(text).ok().context("recipient")?.0)
}

/// Claims this message as a delivery would, and no other.
pub(crate) async fn claim(spool: &Local, id: MessageId) -> Result<<Local as postern_spool::Spool>::Claim> {
    let claims = spool.claim(Reach::All, Timestamp::now(), LEASE, usize::MAX).await?;
    claims.into_iter().find(|claim| claim.entry().id() == id).context("the message can't be claimed")
}
