//! One message.

use axum::{
    Json,
    extract::{Path, State},
};
use postern_spool::{Listed, MessageId, Spool};

use super::{Problem, Queue};
use crate::queue_tools::{Bounce, wire::Message};

pub(super) async fn message<S: Spool, B: Bounce>(
    State(queue): State<Queue<S, B>>,
    Path(id): Path<MessageId>,
) -> Result<Json<Message>, Problem> {
    let Listed { entry, body_bytes, due, held, claimed } = queue.spool()?.get(id).await?;
    let (envelope, statuses) = (entry.envelope().clone(), entry.statuses().to_vec());
    Ok(Json(Message { id, bytes: body_bytes, next_try: due, held, claimed, envelope, statuses }))
}
