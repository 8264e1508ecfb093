//! What all parts of the engine share.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use jiff::Timestamp;
use sqlx::{Row as _, query};
use tokio::{sync::watch, task::AbortHandle};
use uuid::Uuid;

use super::{
    add::{Addition, Additions},
    change::{Change, Changes, What},
    database::{Database, connect, disconnect, pool},
    due::{Wake, Watcher},
    failure::failed,
    lane::{Counters, Lane},
    schema::{MESSAGE_VERSION, migrate},
    settings::Settings,
    skew::Skew,
    upkeep::{Sweep, keep_counting},
    usage::Usage,
};
use crate::{MessageId, OpenError, SpoolError, Statistics};

const COUNT: &str = "
    SELECT count(*), coalesce(sum(body_bytes), 0)::bigint, count(*) FILTER (WHERE held),
        count(*) FILTER (WHERE lease_until > postern_spool.clock()), count(*) FILTER (WHERE reader > $2),
        (SELECT id FROM postern_spool.waiting WHERE queue = $1 ORDER BY id LIMIT 1)
    FROM postern_spool.waiting WHERE queue = $1";

/// What all parts of the engine share.
#[derive(Debug)]
pub(super) struct Engine {
    pub(super) database: Database,
    pub(super) queue: i32,
    pub(super) additions: Lane<Addition>,
    pub(super) changes: Lane<Change>,
    pub(super) usage: Usage,
    pub(super) skew: Skew,
    pub(super) wake: Wake,
    pub(super) sweep: Sweep,
    pub(super) counters: Arc<Counters>,
    due: watch::Receiver<Option<Timestamp>>,
    /// The claims that are out, with their fences.
    leases: Mutex<HashMap<MessageId, i64>>,
    /// Whether a claim was dropped whose release may be under way.
    releasing: AtomicBool,
    tasks: Tasks,
}

/// Tasks that end with this.
#[derive(Debug)]
struct Tasks(Vec<AbortHandle>);

impl Engine {
    pub(super) async fn open(settings: &Settings) -> Result<Self, OpenError> {
        let mut connection = connect(settings).await?;
        let queue = migrate(&mut connection, &settings.queue).await?;
        disconnect(connection).await;

        let database = pool(settings);
        let (usage, skew, wake, sweep) = (Usage::new(settings.quota_bytes), Skew::default(), Wake::default(), Sweep::new(database.clone()));
        let counted = count(&database, queue, &usage).await;
        counted.map_err(|error| OpenError::Storage(std::io::Error::other(error)))?;
        let counters = Arc::<Counters>::default();
        let additions = Additions { database: database.clone(), queue, usage: usage.clone(), wake: wake.clone() };
        let changes = Changes { database: database.clone(), queue, usage: usage.clone(), wake: wake.clone() };
        let watcher = Watcher { database: database.clone(), queue, skew: skew.clone(), wake: wake.clone() };
        let (due_sender, due) = watch::channel(None);
        let tasks = Tasks(vec![
            tokio::spawn(watcher.clone().watch(due_sender)).abort_handle(),
            tokio::spawn(watcher.clone().listen()).abort_handle(),
            tokio::spawn(watcher.tell()).abort_handle(),
            tokio::spawn(sweep.clone().run()).abort_handle(),
            tokio::spawn(keep_counting(database.clone(), queue, usage.clone())).abort_handle(),
        ]);
        Ok(Self {
            additions: Lane::start(additions, counters.clone()),
            changes: Lane::start(changes, counters.clone()),
            database,
            queue,
            usage,
            skew,
            wake,
            sweep,
            counters,
            due,
            leases: Mutex::default(),
            releasing: AtomicBool::new(false),
            tasks,
        })
    }

    /// [`SpoolError::Closed`] once the spool is closed.
    pub(super) fn check_open(&self) -> Result<(), SpoolError> {
        if self.changes.is_closed() { Err(SpoolError::Closed) } else { Ok(()) }
    }

    pub(super) fn due(&self) -> watch::Receiver<Option<Timestamp>> {
        self.due.clone()
    }

    pub(super) fn leases(&self) -> MutexGuard<'_, HashMap<MessageId, i64>> {
        // Nobody panics while he holds the lock.
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends a lease some time: if that fails, its own end does.
    pub(super) fn release_later(&self, id: MessageId, fence: i64) {
        self.changes.make_later(Change { id, fence: Some(fence), what: What::lease(0) });
        self.releasing.store(true, Relaxed);
    }

    /// Waits for the leases that were dropped before, so that whoever drops a claim may claim the message at once.
    pub(super) async fn settle_releases(&self) {
        if self.releasing.swap(false, Relaxed) {
            self.changes.settle().await;
        }
    }

    pub(super) async fn change(&self, id: MessageId, what: What) -> Result<(), SpoolError> {
        self.changes.make(Change { id, fence: None, what }).await
    }

    pub(super) async fn statistics(&self) -> Result<Statistics, SpoolError> {
        let counted = count(&self.database, self.queue, &self.usage).await?;
        Ok(Statistics {
            set_aside: self.counters.set_aside.load(Relaxed),
            changes: self.counters.changes.load(Relaxed),
            syncs: self.counters.syncs.load(Relaxed),
            ..counted
        })
    }

    /// Takes nothing more, and gives back what it has claimed.
    pub(super) async fn close(&self) {
        self.additions.close().await;
        let leases: Vec<_> = self.leases().drain().collect();
        for (id, fence) in leases {
            self.release_later(id, fence);
        }
        self.changes.close().await;
        self.tasks.end();
        self.database.close().await;
    }
}

/// Counts what is in the queue.
pub(super) async fn count(database: &Database, queue: i32, usage: &Usage) -> Result<Statistics, SpoolError> {
    let rows = database.ask(query(COUNT).bind(queue).bind(MESSAGE_VERSION)).await?;
    let Some(row) = rows.first() else { return Ok(Statistics::default()) };
    let number = |column: usize| row.try_get::<i64, _>(column).map(|count| u64::try_from(count).unwrap_or(0)).map_err(failed);
    let (messages, body_bytes) = (number(0)?, number(1)?);
    let oldest: Option<Uuid> = row.try_get(5).map_err(failed)?;
    Ok(Statistics {
        messages,
        held: number(2)?,
        claimed: number(3)?,
        unreadable: number(4)?,
        oldest: oldest.and_then(|id| MessageId::from(id).made_at()),
        body_bytes,
        used_bytes: usage.count(messages, body_bytes),
        quota_bytes: usage.quota(),
        ..Statistics::default()
    })
}

impl Tasks {
    fn end(&self) {
        self.0.iter().for_each(AbortHandle::abort);
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.end();
    }
}
