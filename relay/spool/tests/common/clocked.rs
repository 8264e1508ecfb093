//! A spool in a database whose clock shows the time at which a test claims.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use postern_spool::{
    Entry, Filter, Listed, MessageId, Page, Postgres, Reach, Spool, SpoolError, Statistics,
    postgres::{PostgresBody, PostgresClaim, PostgresWriter},
};
use tokio::sync::watch;

use super::database::Database;

/// A spool in a database whose clock shows the time at which a test claims, while an engine otherwise takes the database's word for when a
/// lease ends.
#[derive(Clone)]
pub struct Clocked {
    spool: Postgres,
    database: Arc<Database>,
    clock: Arc<AtomicI64>,
}

impl Clocked {
    pub async fn new(database: Arc<Database>) -> Self {
        let spool = database.open().await;
        database.sql(
            "CREATE TABLE clock (now bigint); INSERT INTO clock VALUES (0); \
             CREATE OR REPLACE FUNCTION postern_spool.clock() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT now FROM public.clock'",
        );
        Self { spool, database, clock: Arc::default() }
    }

    fn set_clock(&self, now: Timestamp) {
        let millis = now.as_millisecond();
        if self.clock.swap(millis, Ordering::SeqCst) != millis {
            self.database.sql(&format!("UPDATE clock SET now = {millis}"));
        }
    }
}

impl Spool for Clocked {
    type Writer = PostgresWriter;
    type Claim = PostgresClaim;
    type Body = PostgresBody;

    async fn begin(&self, entry: Entry) -> Result<PostgresWriter, SpoolError> {
        self.spool.begin(entry).await
    }

    async fn claim(&self, reach: Reach, now: Timestamp, lease: Duration, limit: usize) -> Result<Vec<PostgresClaim>, SpoolError> {
        self.set_clock(now);
        self.spool.claim(reach, now, lease, limit).await
    }

    fn next_due(&self) -> watch::Receiver<Option<Timestamp>> {
        self.spool.next_due()
    }

    async fn get(&self, id: MessageId) -> Result<Listed, SpoolError> {
        self.spool.get(id).await
    }

    async fn body(&self, id: MessageId) -> Result<PostgresBody, SpoolError> {
        self.spool.body(id).await
    }

    async fn list(&self, filter: &Filter, after: Option<MessageId>, limit: usize) -> Result<Page, SpoolError> {
        self.spool.list(filter, after, limit).await
    }

    async fn hold(&self, id: MessageId) -> Result<(), SpoolError> {
        self.spool.hold(id).await
    }

    async fn resume(&self, id: MessageId) -> Result<(), SpoolError> {
        self.spool.resume(id).await
    }

    async fn reschedule(&self, id: MessageId, due: Timestamp) -> Result<(), SpoolError> {
        self.spool.reschedule(id, due).await
    }

    async fn remove(&self, id: MessageId) -> Result<(), SpoolError> {
        self.spool.remove(id).await
    }

    async fn statistics(&self) -> Result<Statistics, SpoolError> {
        self.spool.statistics().await
    }

    async fn close(&self) {
        self.spool.close().await;
    }
}
