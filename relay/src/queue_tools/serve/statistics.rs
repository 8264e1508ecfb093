//! How much there is.

use axum::{Json, extract::State};
use postern_spool::Spool;

use super::{Problem, Queue};
use crate::queue_tools::{Bounce, wire::Statistics};

pub(super) async fn statistics<S: Spool, B: Bounce>(State(queue): State<Queue<S, B>>) -> Result<Json<Statistics>, Problem> {
    let statistics = queue.spool()?.statistics().await?;
    Ok(Json(Statistics {
        messages: statistics.messages,
        held: statistics.held,
        claimed: statistics.claimed,
        unreadable: statistics.unreadable,
        set_aside: statistics.set_aside,
        oldest: statistics.oldest,
        body_bytes: statistics.body_bytes,
        used_bytes: statistics.used_bytes,
        quota_bytes: statistics.quota_bytes,
    }))
}
