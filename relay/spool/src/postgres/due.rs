//! When a claim may find something, and how relays hear of each other's changes.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use sqlx::{Row as _, postgres::PgListener, query};
use tokio::{
    sync::{Notify, watch},
    time::{sleep, timeout},
};

use super::{database::Database, failure::failed, schema::MESSAGE_VERSION, skew::Skew};
use crate::{SpoolError, time::timestamp};

/// Looks at the queue at least so often: a notification is lost with its connection.
const POLL: Duration = Duration::from_secs(30);
/// What changes within this is one change.
const PAUSE: Duration = Duration::from_millis(20);
/// Waits so long before it tries again what failed.
const RETRY: Duration = Duration::from_secs(1);

/// The first that nobody has claimed; and of those before it, which all are claimed, the one whose claim ends first.
const NEXT_DUE: &str = "
    WITH free AS (
        SELECT due FROM postern_spool.waiting
        WHERE queue = $1 AND NOT held AND reader <= $2 AND lease_until <= postern_spool.clock() ORDER BY due LIMIT 1
    )
    SELECT least((SELECT due FROM free), (
        SELECT min(greatest(due, lease_until - $3)) FROM postern_spool.waiting
        WHERE queue = $1 AND NOT held AND reader <= $2 AND lease_until > postern_spool.clock()
            AND due < coalesce((SELECT due FROM free), 9223372036854775807)
    ))";

/// Tells that something has changed. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Wake {
    this: Arc<Notify>,
    others: Arc<Notify>,
}

impl Wake {
    /// This relay's scheduler is to look.
    pub(super) fn this(&self) {
        self.this.notify_one();
    }

    /// All relays' schedulers are.
    pub(super) fn all(&self) {
        self.this.notify_one();
        self.others.notify_one();
    }
}

/// What the tasks need.
#[derive(Clone, Debug)]
pub(super) struct Watcher {
    pub(super) database: Database,
    pub(super) queue: i32,
    pub(super) skew: Skew,
    pub(super) wake: Wake,
}

impl Watcher {
    /// Keeps `due` up to date.
    pub(super) async fn watch(self, due: watch::Sender<Option<Timestamp>>) {
        loop {
            let pause = match self.next_due().await {
                Ok(next) => {
                    // What is due already is news each time: another message may have taken the place of one that was due at the same moment.
                    let is_due = next.is_some_and(|next| next <= Timestamp::now());
                    due.send_if_modified(|current| std::mem::replace(current, next) != next || is_due);
                    POLL
                }
                Err(error) => {
                    tracing::debug!(%error, "the queue can't be looked at");
                    RETRY
                }
            };
            if timeout(pause, self.wake.this.notified()).await.is_ok() {
                sleep(PAUSE).await;
            }
        }
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, SpoolError> {
        let query = query(NEXT_DUE).bind(self.queue).bind(MESSAGE_VERSION).bind(self.skew.millis());
        let rows = self.database.ask(query).await?;
        let due: Option<i64> = rows.first().map(|row| row.try_get(0)).transpose().map_err(failed)?.flatten();
        Ok(due.map(timestamp))
    }

    /// Hears of others' changes, on a connection of its own out of the pool.
    pub(super) async fn listen(self) {
        loop {
            let error = self.listen_until_it_fails().await;
            tracing::debug!(%error, "what other relays change is not heard of");
            sleep(RETRY).await;
        }
    }

    async fn listen_until_it_fails(&self) -> sqlx::Error {
        let listening = timeout(POLL, async {
            let mut listener = PgListener::connect_with(self.database.pool()).await?;
            listener.listen(&self.channel()).await?;
            Ok(listener)
        });
        let mut listener = match listening.await.unwrap_or(Err(sqlx::Error::PoolTimedOut)) {
            Ok(listener) => listener,
            Err(error) => return error,
        };
        loop {
            // What came before the first word, or while the connection was lost, was not heard.
            self.wake.this();
            if let Err(error) = listener.recv().await {
                return error;
            }
        }
    }

    /// Tells others of changes. Not within the transactions that make them: the server lets those that notify commit one at a time.
    pub(super) async fn tell(self) {
        loop {
            self.wake.others.notified().await;
            let told = self.database.ask(query("SELECT pg_notify($1, '')").bind(self.channel())).await;
            if let Err(error) = told {
                tracing::debug!(%error, "other relays are not told what has changed");
            }
            sleep(PAUSE).await;
        }
    }

    fn channel(&self) -> String {
        format!("postern_spool_{}", self.queue)
    }
}
