//! A message that is claimed.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use sqlx::{Row as _, query};
use uuid::Uuid;

use super::{
    body::{self, PostgresBody},
    change::{Change, What},
    engine::Engine,
    failure::failed,
    quarantine::set_aside,
    schema::MESSAGE_VERSION,
    stored::{self, Stored},
    writer::PIECE_BYTES,
};
use crate::{
    Claim, Entry, Listed, MessageId, Reach, SpoolError, Status,
    encoding::encode_statuses,
    time::{millis, millis_after},
};

/// There is always a row, which tells the database's time.
macro_rules! claim {
    ($which:literal) => {
        concat!(
            "
    WITH chosen AS MATERIALIZED (
        SELECT id FROM postern_spool.waiting
        WHERE queue = $1 AND reader <= $2 AND lease_until <= postern_spool.clock() AND ",
            $which,
            " LIMIT $4 FOR UPDATE SKIP LOCKED
    ), claimed AS (
        UPDATE postern_spool.waiting w SET lease_until = postern_spool.clock() + $5, fence = $6
        FROM chosen WHERE w.queue = $1 AND w.id = chosen.id RETURNING w.id, w.due, w.held, w.body_bytes, w.reader
    )
    SELECT now, c.*, true AS claimed, envelope, envelope_crc, statuses, statuses_crc, checksums
    FROM (SELECT postern_spool.clock() AS now) clock LEFT JOIN claimed c ON true
    LEFT JOIN postern_spool.message m ON m.queue = $1 AND m.id = c.id ORDER BY c.due, c.id"
        )
    };
}
const CLAIM_DUE: &str = claim!("NOT held AND due <= $3 ORDER BY due, id");
const CLAIM_ALL: &str = claim!("$3::bigint IS NOT NULL ORDER BY id");

/// A message that is claimed.
#[derive(Debug)]
pub struct PostgresClaim {
    held: Held,
    listed: Listed,
}

/// A lease, which ends when this is dropped.
#[derive(Debug)]
struct Held {
    engine: Arc<Engine>,
    id: MessageId,
    /// Random, and compared for being the same alone: a server that has lost its last seconds can't give it again.
    fence: i64,
}

impl Held {
    fn new(engine: Arc<Engine>, id: MessageId, fence: i64) -> Self {
        engine.leases().insert(id, fence);
        Self { engine, id, fence }
    }

    async fn change(&self, what: What) -> Result<(), SpoolError> {
        self.engine.changes.make(Change { id: self.id, fence: Some(self.fence), what }).await
    }

    /// The lease is over already.
    fn forget(&self) -> bool {
        let mut leases = self.engine.leases();
        let ours = leases.get(&self.id) == Some(&self.fence);
        if ours {
            leases.remove(&self.id);
        }
        ours
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.forget() {
            self.engine.release_later(self.id, self.fence);
        }
    }
}

/// Claims messages. It is done to its end even if this future is dropped, and then their leases end.
pub(super) async fn claim(
    engine: &Arc<Engine>,
    reach: Reach,
    now: Timestamp,
    lease: Duration,
    limit: usize,
) -> Result<Vec<PostgresClaim>, SpoolError> {
    let engine = engine.clone();
    let claiming = tokio::spawn(async move { claim_now(&engine, reach, now, lease, limit).await });
    claiming.await.unwrap_or_else(|error| Err(SpoolError::Unavailable(std::io::Error::other(error))))
}

async fn claim_now(
    engine: &Arc<Engine>,
    reach: Reach,
    now: Timestamp,
    lease: Duration,
    limit: usize,
) -> Result<Vec<PostgresClaim>, SpoolError> {
    engine.settle_releases().await;
    let fence = rand::random();
    let statement = match reach {
        Reach::Due => CLAIM_DUE,
        Reach::All => CLAIM_ALL,
    };
    let query = query(statement)
        .bind(engine.queue)
        .bind(MESSAGE_VERSION)
        .bind(millis(now))
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .bind(millis_after(Timestamp::UNIX_EPOCH, lease))
        .bind(fence);
    let rows = engine.database.ask(query).await?;
    if let Some(row) = rows.first() {
        engine.skew.measure(now, row.try_get("now").map_err(failed)?);
    }
    let mut claims = Vec::with_capacity(rows.len());
    for row in &rows {
        let Some(id) = row.try_get::<Option<Uuid>, _>("id").map_err(failed)? else { continue };
        let held = Held::new(engine.clone(), id.into(), fence);
        match stored::read(row)? {
            Stored::Whole(listed) => claims.push(PostgresClaim { held, listed: *listed }),
            Stored::Corrupt(id, what) => {
                held.forget();
                drop(set_aside(engine, id, what).await);
            }
            Stored::Unreadable(_) => {}
        }
    }
    engine.wake.this();
    Ok(claims)
}

impl Claim for PostgresClaim {
    type Body = PostgresBody;

    fn entry(&self) -> &Entry {
        &self.listed.entry
    }

    fn is_held(&self) -> bool {
        self.listed.held
    }

    fn statuses_mut(&mut self) -> &mut [Status] {
        self.listed.entry.statuses_mut()
    }

    fn body_bytes(&self) -> u64 {
        self.listed.body_bytes
    }

    async fn body(&self) -> Result<PostgresBody, SpoolError> {
        body::open(&self.held.engine, self.held.id).await
    }

    async fn update(&mut self) -> Result<(), SpoolError> {
        let entry = &self.listed.entry;
        self.held.change(What::update(encode_statuses(entry.statuses()), millis(entry.due()))).await
    }

    async fn renew(&mut self, until: Timestamp) -> Result<(), SpoolError> {
        self.held.change(What::lease(self.held.engine.skew.in_database(until))).await.map_err(|error| match error {
            SpoolError::NotFound(id) => SpoolError::Fenced(id),
            error => error,
        })
    }

    async fn finish(self) -> Result<(), SpoolError> {
        let finished = self.held.change(What::Remove).await;
        if finished.is_ok() {
            self.held.forget();
            if self.listed.body_bytes > PIECE_BYTES as u64 {
                self.held.engine.sweep.look();
            }
        }
        finished
    }

    async fn release(self) -> Result<(), SpoolError> {
        let released = self.held.change(What::lease(0)).await;
        self.held.forget();
        match released {
            // It has ended otherwise.
            Err(SpoolError::Fenced(_) | SpoolError::NotFound(_)) => Ok(()),
            released => released,
        }
    }
}
