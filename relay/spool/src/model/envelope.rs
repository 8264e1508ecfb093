//! The envelope: what is known of a message besides its content, and never changes.

use jiff::Timestamp;
use postern_proto::{
    address::{ForwardPath, ReversePath},
    envelope::{BodyType, DsnRequest, Notify, OriginalRecipient},
};
use serde::{Deserialize, Serialize};

use super::{
    address::{body_type, forward_path, reverse_path},
    dsn::{dsn_request, parameter},
};

/// Who sends a message, to whom, and how it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope {
    /// Where reports go.
    #[serde(with = "reverse_path")]
    pub reverse_path: ReversePath,
    /// Whom it is for, in the order of RCPT TO.
    pub recipients: Vec<Recipient>,
    /// BODY (RFC 6152); `None` when absent.
    #[serde(with = "body_type", default, skip_serializing_if = "Option::is_none")]
    pub body: Option<BodyType>,
    /// SMTPUTF8 (RFC 6531).
    #[serde(default)]
    pub smtputf8: bool,
    /// RET and ENVID (RFC 3461).
    #[serde(with = "dsn_request", default)]
    pub dsn: DsnRequest,
    /// When it was taken.
    pub arrival: Timestamp,
    /// When its lifetime is over: what has not been delivered by then, fails.
    pub expires: Timestamp,
    /// The name of the listener that took it.
    pub listener: String,
    /// On whose behalf it is here.
    pub origin: Origin,
}

/// On whose behalf a message is in the queue: where it may go, and whether its sender hears what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Origin {
    /// Anyone: whether the sender is who it says, nobody knows.
    Anyone,
    /// An identity of this name, whose sender was allowed when the message was taken.
    Identity(String),
    /// The relay itself, which reports to a sender.
    Relay,
}

/// One recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Recipient {
    /// The address.
    #[serde(with = "forward_path")]
    pub path: ForwardPath,
    /// ORCPT (RFC 3461); `None` when absent.
    #[serde(with = "parameter", default, skip_serializing_if = "Option::is_none")]
    pub original: Option<OriginalRecipient>,
    /// NOTIFY (RFC 3461); `None` when absent, which asks for reports on failure, and on delay if we like.
    #[serde(with = "parameter", default, skip_serializing_if = "Option::is_none")]
    pub notify: Option<Notify>,
}

impl Recipient {
    /// A recipient of whom only the address is known.
    #[must_use]
    pub fn new(path: ForwardPath) -> Self {
        Self { path, original: None, notify: None }
    }
}
