//! Looks at messages of the queue.

use sqlx::query;
use uuid::Uuid;

use super::{
    engine::Engine,
    quarantine::set_aside,
    stored::{self, Stored},
};
use crate::{Filter, Listed, MessageId, Page, SpoolError};

macro_rules! look {
    ($which:literal) => {
        concat!(
            "
    SELECT w.id, due, held, body_bytes, reader, lease_until > postern_spool.clock() AS claimed,
        envelope, envelope_crc, statuses, statuses_crc, checksums
    FROM postern_spool.waiting w LEFT JOIN postern_spool.message m ON m.queue = w.queue AND m.id = w.id
    WHERE w.queue = $1 AND ",
            $which
        )
    };
}
const GET: &str = look!("w.id = $2");
const LIST: &str = look!("w.id > $2 ORDER BY w.id LIMIT $3");
const IS_THERE: &str = "SELECT 1 FROM postern_spool.waiting WHERE queue = $1 AND id = $2";

/// Whether the message is in the queue.
pub(super) async fn is_there(engine: &Engine, id: MessageId) -> Result<bool, SpoolError> {
    Ok(!engine.database.ask(query(IS_THERE).bind(engine.queue).bind(Uuid::from(id))).await?.is_empty())
}

/// One message.
pub(super) async fn get(engine: &Engine, id: MessageId) -> Result<Listed, SpoolError> {
    let rows = engine.database.ask(query(GET).bind(engine.queue).bind(Uuid::from(id))).await?;
    match stored::read(rows.first().ok_or(SpoolError::NotFound(id))?)? {
        Stored::Whole(listed) => Ok(*listed),
        Stored::Corrupt(id, what) => Err(set_aside(engine, id, what).await),
        Stored::Unreadable(id) => Err(SpoolError::Unreadable(id)),
    }
}

/// A page of the queue.
pub(super) async fn page(engine: &Engine, filter: &Filter, after: Option<MessageId>, limit: usize) -> Result<Page, SpoolError> {
    let most = i64::try_from(limit).unwrap_or(i64::MAX);
    let query = query(LIST).bind(engine.queue).bind(after.map_or(Uuid::nil(), Uuid::from)).bind(most);
    let rows = engine.database.ask(query).await?;
    let (mut messages, mut last) = (Vec::new(), None);
    for row in &rows {
        match stored::read(row)? {
            Stored::Whole(listed) => {
                last = Some(listed.entry.id());
                messages.extend(Some(*listed).filter(|listed| filter.matches(listed)));
            }
            Stored::Corrupt(id, what) => {
                last = Some(id);
                drop(set_aside(engine, id, what).await);
            }
            Stored::Unreadable(id) => last = Some(id),
        }
    }
    Ok(Page { messages, examined: rows.len(), next: last.filter(|_| rows.len() == limit) })
}
