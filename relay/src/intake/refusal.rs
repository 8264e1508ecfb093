//! What a client hears when the queue can't take its message.

use postern_proto::reply::Reply;
use postern_spool::SpoolError;

/// What a client hears when the queue can't take its message: 452 4.3.1 when there is no room, 451 4.3.0 when something failed. It keeps the
/// message in either case.
#[must_use]
pub fn unqueued(error: &SpoolError) -> Reply {
    match error {
        SpoolError::Full(_) => Reply::new(452, (3, 1), "Insufficient system storage, try again later"),
        _ => Reply::new(451, (3, 0), "The queue can't take messages now, try again later"),
    }
}
