//! Takes in a message.

use std::{mem, sync::Arc};

use sqlx::query;
use uuid::Uuid;

use super::{
    add::{Addition, Content},
    engine::Engine,
    failure::unexpected,
};
use crate::{
    Entry, MessageId, SpoolError, Writer,
    encoding::{checksums, encode_envelope, encode_statuses},
    time::millis,
};

/// Content up to this goes with the message, and more in pieces of this size. Each session has one in memory.
pub(super) const PIECE_BYTES: usize = 256 * 1024;

/// The first piece makes the content known as one that is on its way. No piece waits for the disk: what is committed later, and does, comes
/// behind it in the server's log.
const FIRST: &str = "
    WITH ours AS (
        INSERT INTO postern_spool.loose VALUES ($1, postern_spool.clock()) RETURNING body
    )
    INSERT INTO postern_spool.piece SELECT body, $2, $3 FROM ours WHERE set_config('synchronous_commit', 'off', true) = 'off'
    RETURNING number";

/// A further piece, unless the content was swept away meanwhile.
const FURTHER: &str = "
    WITH ours AS (
        UPDATE postern_spool.loose SET touched = postern_spool.clock() WHERE body = $1 RETURNING body
    )
    INSERT INTO postern_spool.piece SELECT body, $2, $3 FROM ours WHERE set_config('synchronous_commit', 'off', true) = 'off'
    RETURNING number";

/// Takes in a message: in memory up to the size of a piece, and piece by piece into the database beyond it.
#[derive(Debug)]
pub struct PostgresWriter {
    engine: Arc<Engine>,
    entry: Entry,
    /// What was not stored yet.
    block: Vec<u8>,
    /// Of what was stored.
    checksums: Vec<u8>,
    pieces: Option<Pieces>,
    /// Whether a piece is missing.
    spoilt: bool,
    held: bool,
}

/// Pieces that were stored. They are thrown away when this is dropped, unless they are kept.
#[derive(Debug)]
struct Pieces {
    engine: Arc<Engine>,
    body: Uuid,
    count: i32,
    bytes: u64,
    kept: bool,
}

impl PostgresWriter {
    pub(super) fn new(engine: Arc<Engine>, entry: Entry) -> Self {
        Self { engine, entry, block: Vec::new(), checksums: Vec::new(), pieces: None, spoilt: false, held: false }
    }

    /// Stores the block as the next piece.
    async fn spill(&mut self) -> Result<(), SpoolError> {
        // Until it is stored, and for good if this future is dropped or fails.
        self.spoilt = true;
        let block = mem::take(&mut self.block);
        let statement = if self.pieces.is_some() { FURTHER } else { FIRST };
        let engine = self.engine.clone();
        let pieces = self.pieces.get_or_insert_with(|| Pieces { engine, body: Uuid::now_v7(), count: 0, bytes: 0, kept: false });
        self.engine.usage.check(pieces.bytes + block.len() as u64)?;
        let stored = self.engine.database.ask(query(statement).bind(pieces.body).bind(pieces.count).bind(block.as_slice())).await?;
        if stored.is_empty() {
            return Err(unexpected("the message took so long that its content was swept away"));
        }
        pieces.count += 1;
        pieces.bytes += block.len() as u64;
        self.checksums.extend(checksums(&block));
        self.block = block;
        self.block.clear();
        self.spoilt = false;
        Ok(())
    }
}

impl Writer for PostgresWriter {
    async fn append(&mut self, mut piece: &[u8]) -> Result<(), SpoolError> {
        if self.spoilt {
            return Err(incomplete());
        }
        loop {
            let taken = piece.len().min(PIECE_BYTES - self.block.len());
            self.block.extend_from_slice(&piece[..taken]);
            piece = &piece[taken..];
            if piece.is_empty() {
                return Ok(());
            }
            self.spill().await?;
        }
    }

    fn hold(&mut self) {
        self.held = true;
    }

    async fn commit(mut self) -> Result<MessageId, SpoolError> {
        if self.spoilt {
            return Err(incomplete());
        }
        if self.pieces.is_some() {
            self.spill().await?;
        }
        let Self { engine, entry, block, checksums: mut sums, mut pieces, held, .. } = self;
        let body_bytes = pieces.as_ref().map_or(block.len() as u64, |pieces| pieces.bytes);
        engine.usage.check(body_bytes)?;
        let content = if let Some(pieces) = &pieces {
            Content::Pieces(pieces.body)
        } else {
            sums = checksums(&block);
            Content::Here(block)
        };
        let addition = Addition {
            id: entry.id(),
            due: millis(entry.due()),
            held,
            body_bytes,
            envelope: encode_envelope(entry.envelope()),
            statuses: encode_statuses(entry.statuses()),
            checksums: sums,
            content,
        };
        let id = addition.id;
        engine.additions.make(addition).await?;
        if let Some(pieces) = &mut pieces {
            pieces.kept = true;
        }
        Ok(id)
    }
}

/// What an answer that was lost has made part of a message is not `loose` any more, and stays.
impl Drop for Pieces {
    fn drop(&mut self) {
        if !self.kept {
            self.engine.sweep.discard(self.body);
        }
    }
}

fn incomplete() -> SpoolError {
    unexpected("a piece of the message is missing")
}
