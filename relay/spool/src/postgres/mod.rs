//! The engine that keeps the queue in a PostgreSQL database, which all relays that are one share.
//!
//! Whatever is done is one statement, and so one transaction. What is committed, updated and finished by many sessions goes into one statement
//! together ([`lane`]). Leases are by the database's clock ([`skew`]).

mod add;
mod body;
mod change;
mod claim;
mod database;
mod due;
mod engine;
mod failure;
mod lane;
mod look;
mod quarantine;
mod schema;
mod settings;
mod skew;
mod stored;
mod upkeep;
mod usage;
mod writer;

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::sync::watch;

pub use body::PostgresBody;
use change::What;
pub use claim::PostgresClaim;
use engine::Engine;
pub use settings::{Settings, Tls};
pub use writer::PostgresWriter;

use crate::{Entry, Filter, Listed, MessageId, OpenError, Page, Reach, Spool, SpoolError, Statistics, time::millis};

/// The spool in a PostgreSQL database.
#[derive(Clone, Debug)]
pub struct Postgres {
    engine: Arc<Engine>,
}

impl Postgres {
    /// Connects to the server, brings the tables to the version of this program, and opens the queue.
    ///
    /// [`OpenError::Unfit`] when the server would forget what it has said to be committed.
    pub async fn open(settings: Settings) -> Result<Self, OpenError> {
        Ok(Self { engine: Arc::new(Engine::open(&settings).await?) })
    }
}

impl Spool for Postgres {
    type Writer = PostgresWriter;
    type Claim = PostgresClaim;
    type Body = PostgresBody;

    async fn begin(&self, entry: Entry) -> Result<PostgresWriter, SpoolError> {
        self.engine.check_open()?;
        self.engine.usage.check(0)?;
        if look::is_there(&self.engine, entry.id()).await? {
            return Err(SpoolError::Exists(entry.id()));
        }
        Ok(PostgresWriter::new(self.engine.clone(), entry))
    }

    /// `now` says what is due. Whether a lease has ended is for the database's clock to say, and so is how long the new ones last.
    async fn claim(&self, reach: Reach, now: Timestamp, lease: Duration, limit: usize) -> Result<Vec<PostgresClaim>, SpoolError> {
        self.engine.check_open()?;
        claim::claim(&self.engine, reach, now, lease, limit).await
    }

    fn next_due(&self) -> watch::Receiver<Option<Timestamp>> {
        self.engine.due()
    }

    async fn get(&self, id: MessageId) -> Result<Listed, SpoolError> {
        look::get(&self.engine, id).await
    }

    async fn body(&self, id: MessageId) -> Result<PostgresBody, SpoolError> {
        body::open(&self.engine, id).await
    }

    async fn list(&self, filter: &Filter, after: Option<MessageId>, limit: usize) -> Result<Page, SpoolError> {
        look::page(&self.engine, filter, after, limit).await
    }

    async fn hold(&self, id: MessageId) -> Result<(), SpoolError> {
        self.engine.change(id, What::hold(true)).await
    }

    async fn resume(&self, id: MessageId) -> Result<(), SpoolError> {
        self.engine.change(id, What::hold(false)).await
    }

    async fn reschedule(&self, id: MessageId, due: Timestamp) -> Result<(), SpoolError> {
        self.engine.change(id, What::reschedule(millis(due))).await
    }

    async fn remove(&self, id: MessageId) -> Result<(), SpoolError> {
        self.engine.change(id, What::Remove).await?;
        self.engine.sweep.look();
        Ok(())
    }

    async fn statistics(&self) -> Result<Statistics, SpoolError> {
        self.engine.statistics().await
    }

    /// Gives back all that it has claimed, too: whatever its claims do from then on fails.
    async fn close(&self) {
        self.engine.close().await;
    }
}
