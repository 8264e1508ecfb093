//! Puts messages into the queue, many with one statement.

use std::collections::HashMap;

use crc32c::crc32c;
use sqlx::{Row as _, query};
use uuid::Uuid;

use super::{
    database::Database,
    due::Wake,
    failure::unexpected,
    lane::{Batch, Item},
    schema::MESSAGE_VERSION,
    stored,
    usage::Usage,
};
use crate::{MessageId, SpoolError};

/// Content that is still on its way counts only if nobody has swept it away: its row in `loose` is what makes it ours.
const ADD: &str = "
    WITH wanted AS (
        SELECT * FROM unnest($2::uuid[], $3::bigint[], $4::bigint[], $5::bytea[], $6::bigint[], $7::bytea[], $8::bigint[], $9::bytea[],
            $10::bytea[], $11::uuid[], $13::boolean[])
            AS w (id, due, body_bytes, envelope, envelope_crc, statuses, statuses_crc, checksums, content, body, held)
    ), whole AS MATERIALIZED (
        SELECT body FROM postern_spool.loose WHERE body = ANY ($11) ORDER BY body FOR UPDATE
    ), added AS (
        INSERT INTO postern_spool.waiting (queue, id, due, body_bytes, reader, held)
        SELECT $1, id, due, body_bytes, $12, held FROM wanted WHERE body IS NULL OR body IN (SELECT body FROM whole) ORDER BY id
        ON CONFLICT DO NOTHING RETURNING id
    ), described AS (
        INSERT INTO postern_spool.message
            (queue, id, envelope, envelope_crc, statuses, statuses_crc, checksums, content, body)
        SELECT $1, id, envelope, envelope_crc, statuses, statuses_crc, checksums, content, body FROM wanted JOIN added USING (id)
    ), owned AS (
        DELETE FROM postern_spool.loose l USING wanted w JOIN added USING (id) WHERE l.body = w.body
    )
    SELECT w.id, added.id IS NOT NULL, w.body IS NULL OR w.body IN (SELECT body FROM whole) FROM wanted w LEFT JOIN added USING (id)";

/// A new message.
#[derive(Debug)]
pub(super) struct Addition {
    pub(super) id: MessageId,
    pub(super) due: i64,
    pub(super) held: bool,
    pub(super) body_bytes: u64,
    pub(super) envelope: Vec<u8>,
    pub(super) statuses: Vec<u8>,
    pub(super) checksums: Vec<u8>,
    pub(super) content: Content,
}

/// Where its content is.
#[derive(Debug)]
pub(super) enum Content {
    /// Here, and then in the message's row.
    Here(Vec<u8>),
    /// In pieces, stored already.
    Pieces(Uuid),
}

/// Puts messages into the queue.
#[derive(Debug)]
pub(super) struct Additions {
    pub(super) database: Database,
    pub(super) queue: i32,
    pub(super) usage: Usage,
    pub(super) wake: Wake,
}

impl Item for Addition {
    fn id(&self) -> MessageId {
        self.id
    }

    fn weight(&self) -> usize {
        let content = match &self.content {
            Content::Here(content) => content.len(),
            Content::Pieces(_) => 0,
        };
        self.envelope.len() + self.statuses.len() + self.checksums.len() + content
    }
}

impl Addition {
    fn here(&self) -> Option<&[u8]> {
        match &self.content {
            Content::Here(content) => Some(content),
            Content::Pieces(_) => None,
        }
    }

    fn body(&self) -> Option<Uuid> {
        match self.content {
            Content::Here(_) => None,
            Content::Pieces(body) => Some(body),
        }
    }
}

/// What of each item goes into one array.
fn column<'a, T>(items: &'a [Addition], get: impl Fn(&'a Addition) -> T) -> Vec<T> {
    items.iter().map(get).collect()
}

impl Batch for Additions {
    type Item = Addition;

    async fn run(&self, items: &[Addition]) -> Result<Vec<Result<(), SpoolError>>, SpoolError> {
        let query = query(ADD)
            .bind(self.queue)
            .bind(column(items, |item| Uuid::from(item.id)))
            .bind(column(items, |item| item.due))
            .bind(column(items, |item| i64::try_from(item.body_bytes).unwrap_or(i64::MAX)))
            .bind(column(items, |item| item.envelope.as_slice()))
            .bind(column(items, |item| stored::envelope_crc(&item.envelope, &item.checksums)))
            .bind(column(items, |item| item.statuses.as_slice()))
            .bind(column(items, |item| i64::from(crc32c(&item.statuses))))
            .bind(column(items, |item| item.checksums.as_slice()))
            .bind(column(items, Addition::here))
            .bind(column(items, Addition::body))
            .bind(MESSAGE_VERSION)
            .bind(column(items, |item| item.held));
        let rows = self.database.ask(query).await?;
        let mut outcomes = HashMap::with_capacity(rows.len());
        for row in rows {
            let told = (|| Ok::<_, sqlx::Error>((row.try_get::<Uuid, _>(0)?, (row.try_get(1)?, row.try_get(2)?))))();
            let (id, outcome): (_, (bool, bool)) = told.map_err(super::failure::failed)?;
            outcomes.insert(MessageId::from(id), outcome);
        }
        self.wake.all();
        Ok(items.iter().map(|item| self.outcome(item, outcomes.get(&item.id).copied())).collect())
    }
}

impl Additions {
    fn outcome(&self, item: &Addition, outcome: Option<(bool, bool)>) -> Result<(), SpoolError> {
        match outcome {
            Some((true, _)) => {
                self.usage.add(item.body_bytes);
                Ok(())
            }
            Some((false, true)) => Err(SpoolError::Exists(item.id)),
            Some((false, false)) => Err(unexpected("the message took so long that its content was swept away")),
            None => Err(unexpected("the database did not say what became of a message")),
        }
    }
}
