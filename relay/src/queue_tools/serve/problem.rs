//! Why a request can't be answered.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use postern_spool::SpoolError;

use crate::queue_tools::wire;

/// Why a request can't be answered, with the mend where there is one.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    #[error("the relay has no configuration yet: its /readyz says what it waits for")]
    NotConfigured,
    #[error("the relay has no queue: to give it one, set spec.spool of the SmtpRelay, and `delivery: Spool` on a listener")]
    NoQueue,
    #[error("the queue is not open yet: the relay goes on trying, and its log says what is wrong")]
    NotOpen,
    #[error("`{0}` is no sender: write ADDRESS, or <> for nobody")]
    Sender(String),
    #[error("{0} messages in one request are too many")]
    TooMany(usize),
    #[error(transparent)]
    Spool(#[from] SpoolError),
}

impl Problem {
    fn status(&self) -> StatusCode {
        match self {
            Self::Sender(_) | Self::TooMany(_) => StatusCode::BAD_REQUEST,
            Self::Spool(SpoolError::NotFound(_)) => StatusCode::NOT_FOUND,
            Self::Spool(SpoolError::Corrupt { .. } | SpoolError::Unreadable(_)) => StatusCode::GONE,
            Self::NotConfigured | Self::NoQueue | Self::NotOpen | Self::Spool(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.status(), Json(wire::Problem { error: self.to_string() })).into_response()
    }
}
