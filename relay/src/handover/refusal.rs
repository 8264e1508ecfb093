//! Why a message is not taken from a peer.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use postern_spool::SpoolError;

/// Why a message is not taken from a peer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// This relay is ending too.
    #[error("this relay is ending")]
    Ending,
    /// No queue is open here that is this relay's own.
    #[error("no queue is open here")]
    NoQueue,
    /// There is no room.
    #[error("the queue is full")]
    Full,
    /// The storage failed, or the time was up while it worked: whether the message is in the queue is not known.
    #[error("{0}")]
    Unknown(String),
    /// A newer or older program wrote it.
    #[error("version {0} of the head is not known here")]
    Version(u32),
    /// It is not what a message looks like.
    #[error("malformed: {0}")]
    Malformed(String),
    /// It is larger than any message may be.
    #[error("too large")]
    TooLarge,
    /// The digest tells that it is not what was sent.
    #[error("the content is not what was sent")]
    Damaged,
    /// It did not come in time; nothing was kept.
    #[error("it took too long")]
    TooSlow,
}

impl Refusal {
    /// Its label in metrics.
    pub(super) fn cause(&self) -> &'static str {
        match self {
            Self::Ending => "ending",
            Self::NoQueue => "no_queue",
            Self::Full => "full",
            Self::Unknown(_) => "failed",
            Self::Version(_) => "version",
            Self::Malformed(_) | Self::TooLarge => "malformed",
            Self::Damaged => "damaged",
            Self::TooSlow => "slow",
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Ending | Self::NoQueue | Self::Damaged | Self::TooSlow => StatusCode::SERVICE_UNAVAILABLE,
            Self::Full => StatusCode::INSUFFICIENT_STORAGE,
            Self::Unknown(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Version(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        }
    }
}

impl From<SpoolError> for Refusal {
    fn from(error: SpoolError) -> Self {
        match error {
            SpoolError::Full(_) => Self::Full,
            SpoolError::Closed => Self::Ending,
            other => Self::Unknown(other.to_string()),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status(), format!("{self}\n")).into_response()
    }
}
