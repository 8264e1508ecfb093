//! What is said on the socket, in JSON. Both sides are one program, so nothing here outlives a version.

use jiff::Timestamp;
use postern_spool::{Envelope, MessageId, Status};
use serde::{Deserialize, Serialize};

/// The most messages that a page is about.
pub(super) const PAGE: usize = 256;

/// `POST`: a [`ListRequest`] is answered by a [`ListPage`].
pub(super) const LIST: &str = "/list";
/// `POST`: a [`Change`] is answered by a [`Changed`].
pub(super) const CHANGE: &str = "/change";
/// `GET`: answered by [`Statistics`].
pub(super) const STATISTICS: &str = "/statistics";
/// `GET /messages/ID`: answered by a [`Message`]; with `/content` behind it, by its content, and with `/header`, by its header.
pub(super) const MESSAGES: &str = "/messages";

/// Which messages are meant. What is absent does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Filter {
    /// Domain of a recipient that is still pending, as an A-label in lower case.
    pub(super) recipient_domain: Option<String>,
    /// Domain of the sender, as an A-label in lower case.
    pub(super) sender_domain: Option<String>,
    /// The sender, in angle brackets.
    pub(super) sender: Option<String>,
    /// Arrived before.
    pub(super) arrived_before: Option<Timestamp>,
    /// A part of the text of a pending recipient's last error.
    pub(super) error: Option<String>,
    /// Whether it is held.
    pub(super) held: Option<bool>,
}

/// Asks for a page of the queue.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ListRequest {
    pub(super) filter: Filter,
    /// Where the page begins: behind this message.
    pub(super) after: Option<MessageId>,
}

/// A page of the queue.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ListPage {
    /// Oldest name first.
    pub(super) messages: Vec<Summary>,
    /// Where the next page begins; `None` when there is no more.
    pub(super) next: Option<MessageId>,
}

/// A message in few words.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Summary {
    pub(super) id: MessageId,
    pub(super) arrived: Timestamp,
    /// Size of its content, in bytes.
    pub(super) bytes: u64,
    /// The sender, without angle brackets; empty for nobody.
    pub(super) from: String,
    /// The recipients that are still pending.
    pub(super) pending: Vec<String>,
    /// Number of all recipients.
    pub(super) recipients: usize,
    /// The most that any pending recipient was tried.
    pub(super) attempts: u32,
    /// When it may be tried next, unless it is held.
    pub(super) next_try: Timestamp,
    /// The last error of the first pending recipient that has one.
    pub(super) last_error: Option<String>,
    pub(super) held: bool,
    /// Whether it is being delivered at this moment.
    pub(super) claimed: bool,
}

/// All that is known of a message, but its content.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Message {
    pub(super) id: MessageId,
    /// Size of its content, in bytes.
    pub(super) bytes: u64,
    pub(super) next_try: Timestamp,
    pub(super) held: bool,
    pub(super) claimed: bool,
    pub(super) envelope: Envelope,
    /// One for each recipient of the envelope, in the same order.
    pub(super) statuses: Vec<Status>,
}

/// What is done to messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Action {
    /// Nothing: they are counted.
    Count,
    Hold,
    Release,
    Retry,
    Bounce,
    Delete,
}

/// To which messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Selection {
    /// These, at most [`PAGE`].
    These(Vec<MessageId>),
    /// Those that the filter means, of the next [`PAGE`] behind `after`.
    Matching { filter: Filter, after: Option<MessageId> },
}

/// Asks for something to be done to a page of messages.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Change {
    pub(super) action: Action,
    pub(super) selection: Selection,
}

/// What was done.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Changed {
    /// Messages that were looked at.
    pub(super) examined: usize,
    /// Messages to which it was done.
    pub(super) done: usize,
    /// Of these, how many were being delivered at that moment.
    pub(super) claimed: usize,
    /// Messages to which it could not be done.
    pub(super) failed: Vec<Failed>,
    /// Why nothing more can be done, if so.
    pub(super) stopped: Option<String>,
    /// Where the next page begins; `None` when there is no more.
    pub(super) next: Option<MessageId>,
}

/// A message to which something could not be done.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Failed {
    pub(super) id: MessageId,
    pub(super) error: String,
}

/// How much is in the queue.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Statistics {
    pub(super) messages: u64,
    pub(super) held: u64,
    /// Being delivered at this moment.
    pub(super) claimed: u64,
    /// Left alone because a newer version wrote them.
    pub(super) unreadable: u64,
    /// Corrupt records that were set aside since the relay began.
    pub(super) set_aside: u64,
    pub(super) oldest: Option<Timestamp>,
    /// Of content.
    pub(super) body_bytes: u64,
    /// That the queue takes on its storage.
    pub(super) used_bytes: u64,
    /// That it may take.
    pub(super) quota_bytes: u64,
}

/// Why a request can't be answered, in words for people.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Problem {
    pub(super) error: String,
}
