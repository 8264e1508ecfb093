//! Reads the content of a message.

use std::sync::Arc;

use sqlx::{Row as _, query};
use uuid::Uuid;

use super::{engine::Engine, failure::failed, quarantine::set_aside, schema::MESSAGE_VERSION};
use crate::{BLOCK_BYTES, Body, MessageId, SpoolError, encoding::verify_block};

const OPEN: &str = "
    SELECT reader, body_bytes, checksums, content, body FROM postern_spool.waiting JOIN postern_spool.message USING (queue, id)
    WHERE queue = $1 AND id = $2";
const PIECE: &str = "SELECT content FROM postern_spool.piece WHERE body = $1 AND number = $2";

/// The content of a message, block by block.
#[derive(Debug)]
pub struct PostgresBody {
    engine: Arc<Engine>,
    id: MessageId,
    len: u64,
    position: u64,
    checksums: Vec<u8>,
    /// What was fetched, and how much of it was given.
    fetched: Vec<u8>,
    given: usize,
    pieces: Option<Pieces>,
}

/// Pieces to be fetched.
#[derive(Debug)]
struct Pieces {
    body: Uuid,
    next: i32,
}

/// Opens the content of a message.
pub(super) async fn open(engine: &Arc<Engine>, id: MessageId) -> Result<PostgresBody, SpoolError> {
    let rows = engine.database.ask(query(OPEN).bind(engine.queue).bind(Uuid::from(id))).await?;
    let Some(row) = rows.into_iter().next() else { return Err(SpoolError::NotFound(id)) };
    if row.try_get::<i16, _>(0).map_err(failed)? > MESSAGE_VERSION {
        return Err(SpoolError::Unreadable(id));
    }
    let body: Option<Uuid> = row.try_get(4).map_err(failed)?;
    Ok(PostgresBody {
        engine: engine.clone(),
        id,
        len: u64::try_from(row.try_get::<i64, _>(1).map_err(failed)?).unwrap_or(0),
        position: 0,
        checksums: row.try_get(2).map_err(failed)?,
        fetched: row.try_get::<Option<Vec<u8>>, _>(3).map_err(failed)?.unwrap_or_default(),
        given: 0,
        pieces: body.map(|body| Pieces { body, next: 0 }),
    })
}

impl PostgresBody {
    /// Fetches the next piece. When there is none, the message is gone, or else damaged.
    async fn fetch(&mut self) -> Result<(), SpoolError> {
        let Some(pieces) = &mut self.pieces else { return Ok(()) };
        let rows = self.engine.database.ask(query(PIECE).bind(pieces.body).bind(pieces.next)).await?;
        pieces.next += 1;
        self.given = 0;
        let Some(row) = rows.into_iter().next() else {
            open(&self.engine, self.id).await?;
            return Err(set_aside(&self.engine, self.id, "a piece of its content is missing".to_owned()).await);
        };
        self.fetched = row.try_get(0).map_err(failed)?;
        Ok(())
    }
}

impl Body for PostgresBody {
    async fn next_chunk(&mut self) -> Result<Option<&[u8]>, SpoolError> {
        if self.position == self.len {
            return Ok(None);
        }
        if self.given == self.fetched.len() {
            self.fetch().await?;
        }
        let wanted = usize::try_from(self.len - self.position).unwrap_or(BLOCK_BYTES).min(BLOCK_BYTES);
        let number = usize::try_from(self.position).unwrap_or(usize::MAX) / BLOCK_BYTES;
        let end = self.fetched.len().min(self.given + wanted);
        let whole = if end - self.given == wanted { Ok(()) } else { Err("its content is cut short".to_owned()) };
        if let Err(what) = whole.and_then(|()| verify_block(&self.fetched[self.given..end], number, &self.checksums)) {
            return Err(set_aside(&self.engine, self.id, what).await);
        }
        let begin = std::mem::replace(&mut self.given, end);
        self.position += (end - begin) as u64;
        Ok(Some(&self.fetched[begin..end]))
    }
}
