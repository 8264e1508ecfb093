//! Where messages go that are not what was stored, so that somebody can look at them, and the rest is served.

use std::sync::atomic::Ordering::Relaxed;

use sqlx::query;
use uuid::Uuid;

use super::engine::Engine;
use crate::{MessageId, SpoolError};

const SET_ASIDE: &str = "
    WITH gone AS (
        DELETE FROM postern_spool.waiting WHERE queue = $1 AND id = $2 RETURNING id
    ), removed AS (
        DELETE FROM postern_spool.message m USING gone WHERE m.queue = $1 AND m.id = gone.id RETURNING m.*
    )
    INSERT INTO postern_spool.quarantine (queue, id, what, envelope, statuses, checksums, content, body)
    SELECT $1, gone.id, $3, envelope, statuses, checksums, content, body FROM gone LEFT JOIN removed ON true
    RETURNING id";

/// Sets a message aside, and gives the error that says so.
pub(super) async fn set_aside(engine: &Engine, id: MessageId, what: String) -> SpoolError {
    match engine.database.ask(query(SET_ASIDE).bind(engine.queue).bind(Uuid::from(id)).bind(&what)).await {
        Ok(rows) => {
            // Another may have been faster.
            if !rows.is_empty() {
                engine.counters.set_aside.fetch_add(1, Relaxed);
                engine.wake.this();
                tracing::error!(%id, what, "a corrupt message is set aside, in the database's table postern_spool.quarantine");
            }
            SpoolError::Corrupt { id, what }
        }
        Err(error) => error,
    }
}
