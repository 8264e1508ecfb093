//! How far the delivery to one recipient has come.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Longest text of a [`Failure`], in bytes. What a stranger's server says is no reason to fill our disk.
pub const MAX_FAILURE_TEXT: usize = 512;

/// How far the delivery to one recipient has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Status {
    /// To be tried, for the first time or again.
    Pending(Retry),
    /// The next hop has taken it, and nobody is owed a word.
    Delivered,
    /// The next hop has taken it and can't report further: the sender, who asked for it, is yet to be told.
    Relayed(Relayed),
    /// It will never be delivered, and the sender is yet to be told.
    Failed(Failure),
    /// It will never be delivered; the sender was told, as far as it may be.
    Returned(Failure),
}

/// By which server a message was taken, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Relayed {
    /// The server's host name or address, as it was configured or found.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// When a delivery is tried again, and what has been tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Retry {
    /// Attempts so far.
    pub attempts: u32,
    /// The next attempt is not made before.
    pub next: Timestamp,
    /// Why the last attempt failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Failure>,
    /// Whether the sender was told that it takes long.
    #[serde(default)]
    pub delay_told: bool,
}

/// Why an attempt failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// Reply code of SMTP, such as 450 (RFC 5321 section 4.2).
    pub code: u16,
    /// Enhanced status code, such as 4.7.1 (RFC 3463).
    pub enhanced: (u8, u16, u16),
    /// What was said, at most [`MAX_FAILURE_TEXT`] bytes.
    text: String,
    /// The server that said it, by host name or address; `None` when the relay found it itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

impl Status {
    /// To be tried for the first time at `next`.
    #[must_use]
    pub fn first(next: Timestamp) -> Self {
        Self::Pending(Retry { attempts: 0, next, last: None, delay_told: false })
    }

    /// When it wants to be tried; `None` when nothing is left to try.
    #[must_use]
    pub fn due(&self) -> Option<Timestamp> {
        match self {
            Self::Pending(retry) => Some(retry.next),
            Self::Delivered | Self::Relayed(_) | Self::Failed(_) | Self::Returned(_) => None,
        }
    }

    /// Whether its sender is yet to be told what became of it.
    #[must_use]
    pub fn is_owed_report(&self) -> bool {
        matches!(self, Self::Relayed(_) | Self::Failed(_))
    }

    /// Why the last attempt failed, if it did.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Pending(retry) => retry.last.as_ref(),
            Self::Delivered | Self::Relayed(_) => None,
            Self::Failed(failure) | Self::Returned(failure) => Some(failure),
        }
    }
}

impl Failure {
    /// A failure with its code, its enhanced code, and a text of which as much is kept as there is room for.
    #[must_use]
    pub fn new(code: u16, enhanced: (u8, u16, u16), text: &str) -> Self {
        let text = text[..text.floor_char_boundary(MAX_FAILURE_TEXT)].to_owned();
        Self { code, enhanced, text, by: None, at: None }
    }

    /// What was said.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}
