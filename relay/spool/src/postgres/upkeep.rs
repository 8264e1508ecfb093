//! What has to be done now and then: content that belongs to no message is swept away, and what others have put in is counted.

use std::{sync::Arc, time::Duration};

use sqlx::query;
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};
use uuid::Uuid;

use super::{database::Database, engine::count, usage::Usage};
use crate::SpoolError;

const INTERVAL: Duration = Duration::from_secs(30);

/// Content that nobody has added to for so long was left by a writer that is gone, in milliseconds.
const ABANDONED: i64 = 3_600_000;

/// Bodies that one statement sweeps away.
const SWEEP: i64 = 8;

const SWEEP_AWAY: &str = "
    WITH old AS MATERIALIZED (
        SELECT body FROM postern_spool.loose WHERE touched < postern_spool.clock() - $1
        ORDER BY touched LIMIT $2 FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM postern_spool.piece p USING old WHERE p.body = old.body
    )
    DELETE FROM postern_spool.loose l USING old WHERE l.body = old.body RETURNING l.body";

/// Has content swept away. Clones are the same.
#[derive(Clone, Debug)]
pub(super) struct Sweep {
    database: Database,
    wake: Arc<Notify>,
}

impl Sweep {
    pub(super) fn new(database: Database) -> Self {
        Self { database, wake: Arc::default() }
    }

    /// There may be something to sweep.
    pub(super) fn look(&self) {
        self.wake.notify_one();
    }

    /// Nobody wants this content any more. If that can't be said now, it is found out after [`ABANDONED`].
    pub(super) fn discard(&self, body: Uuid) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let sweep = self.clone();
        runtime.spawn(async move {
            let query = query("UPDATE postern_spool.loose SET touched = 0 WHERE body = $1").bind(body);
            if sweep.database.ask(query).await.is_ok() {
                sweep.look();
            }
        });
    }

    /// Sweeps for ever, now and then and when there is something.
    pub(super) async fn run(self) {
        loop {
            match self.away().await {
                Ok(swept) if swept > 0 => continue,
                Ok(_) => {}
                Err(error) => tracing::debug!(%error, "content that belongs to no message can't be swept away"),
            }
            // When the time is over, it is done all the same.
            let _ = timeout(INTERVAL, self.wake.notified()).await;
        }
    }

    async fn away(&self) -> Result<usize, SpoolError> {
        Ok(self.database.ask(query(SWEEP_AWAY).bind(ABANDONED).bind(SWEEP)).await?.len())
    }
}

/// Counts now and then what other relays have put in, for ever.
pub(super) async fn keep_counting(database: Database, queue: i32, usage: Usage) {
    loop {
        sleep(INTERVAL).await;
        if let Err(error) = count(&database, queue, &usage).await {
            tracing::debug!(%error, "the queue can't be counted");
        }
    }
}
