//! Pages of the queue.

use axum::{Json, extract::State};
use postern_spool::{Listed, Spool, Status};

use super::{Problem, Queue, selection::Wanted};
use crate::queue_tools::{
    Bounce,
    wire::{ListPage, ListRequest, Summary},
};

pub(super) async fn list<S: Spool, B: Bounce>(
    State(queue): State<Queue<S, B>>,
    Json(ListRequest { filter, after }): Json<ListRequest>,
) -> Result<Json<ListPage>, Problem> {
    let page = Wanted::try_from(filter)?.page(&*queue.spool()?, after).await?;
    Ok(Json(ListPage { messages: page.messages.iter().map(Summary::of).collect(), next: page.next }))
}

impl Summary {
    fn of(listed: &Listed) -> Self {
        let Listed { entry, body_bytes, due, held, claimed } = listed;
        let pending = || entry.recipients().filter(|(_, status)| status.due().is_some());
        Self {
            id: entry.id(),
            arrived: entry.envelope().arrival,
            bytes: *body_bytes,
            from: entry.envelope().reverse_path.to_string(),
            pending: pending().map(|(recipient, _)| recipient.path.to_string()).collect(),
            recipients: entry.statuses().len(),
            attempts: pending().map(|(_, status)| attempts(status)).max().unwrap_or_default(),
            next_try: *due,
            last_error: pending().find_map(|(_, status)| status.failure()).map(|failure| failure.text().to_owned()),
            held: *held,
            claimed: *claimed,
        }
    }
}

fn attempts(status: &Status) -> u32 {
    match status {
        Status::Pending(retry) => retry.attempts,
        Status::Delivered | Status::Relayed(_) | Status::Failed(_) | Status::Returned(_) => 0,
    }
}
