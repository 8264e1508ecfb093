//! What a failure of the database means for who asked.

use std::io;

use crate::{OpenError, SpoolError};

/// SQLSTATE of a server without room on its disk.
const DISK_FULL: &str = "53100";

/// The database's own word, as an error of the spool.
pub(super) fn failed(error: sqlx::Error) -> SpoolError {
    let full = matches!(&error, sqlx::Error::Database(error) if error.code().as_deref() == Some(DISK_FULL));
    match error {
        sqlx::Error::PoolClosed => SpoolError::Closed,
        error if full => SpoolError::Full(io::Error::new(io::ErrorKind::StorageFull, error)),
        error => SpoolError::Unavailable(io::Error::other(error)),
    }
}

/// The same for all who share a statement: an error can't be cloned, so each hears its text.
pub(super) fn share(error: &SpoolError) -> SpoolError {
    match error {
        SpoolError::Closed => SpoolError::Closed,
        SpoolError::Full(error) => SpoolError::Full(io::Error::new(io::ErrorKind::StorageFull, error.to_string())),
        error => SpoolError::Unavailable(io::Error::other(error.to_string())),
    }
}

/// The server did not answer in time.
pub(super) fn silent() -> SpoolError {
    SpoolError::Unavailable(io::Error::new(io::ErrorKind::TimedOut, "the database did not answer in time"))
}

/// Something that only a broken program or database does.
pub(super) fn unexpected(what: &str) -> SpoolError {
    SpoolError::Unavailable(io::Error::other(what.to_owned()))
}

/// The quota is reached.
pub(super) fn over_quota() -> SpoolError {
    SpoolError::Full(io::Error::new(io::ErrorKind::QuotaExceeded, "its quota is reached"))
}

impl From<sqlx::Error> for OpenError {
    fn from(error: sqlx::Error) -> Self {
        Self::Storage(io::Error::other(error))
    }
}
