//! Keeps connections for the next transaction.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use tokio::{
    runtime::Handle,
    time::{Instant, sleep},
};

use super::{connection::Connection, metrics::Metrics, tls::Fingerprint};

/// Most connections that are kept for one key.
const MAX_PER_KEY: usize = 128;
/// Most connections that are kept in all.
const MAX_IN_ALL: usize = 1024;
/// How long a connection is kept without use. Common servers close theirs after five minutes.
const IDLE_TIME: Duration = Duration::from_mins(1);
/// How long a connection is used at all, so that a change of DNS or a new server behind an address is noticed.
const LIFETIME: Duration = Duration::from_mins(5);
/// How often the pool is swept.
const SWEEP_EVERY: Duration = Duration::from_secs(15);

/// What makes a connection good for a transaction: where it leads, and all that went into making it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) address: SocketAddr,
    /// TLS policy, CAs, client certificate, server name, EHLO name and credentials.
    pub(super) link: Fingerprint,
}

/// Connections between transactions.
#[derive(Debug)]
pub(super) struct Pool {
    shelves: Mutex<Shelves>,
    metrics: Arc<Metrics>,
}

#[derive(Debug, Default)]
struct Shelves {
    idle: HashMap<Key, Vec<Idle>>,
    count: usize,
}

#[derive(Debug)]
struct Idle {
    connection: Box<Connection>,
    since: Instant,
}

impl Key {
    fn of(connection: &Connection) -> Self {
        Self { address: connection.peer.address, link: connection.link }
    }
}

impl Pool {
    /// An empty pool. A task in the background sweeps it for as long as it is there.
    pub(super) fn new(metrics: Arc<Metrics>) -> Arc<Self> {
        let pool = Arc::new(Self { shelves: Mutex::default(), metrics });
        tokio::spawn(keep_swept(Arc::downgrade(&pool)));
        pool
    }

    /// A connection that a transaction may begin on: the one that was used last, so that those which are not needed grow old.
    pub(super) fn take(&self, key: &Key) -> Option<Box<Connection>> {
        let now = Instant::now();
        while let Some(mut idle) = self.pop(key) {
            if !idle.connection.is_reusable() {
                self.metrics.stale.inc();
            } else if idle.is_over(now) {
                retire(idle.connection);
            } else {
                self.metrics.reused.inc();
                return Some(idle.connection);
            }
        }
        None
    }

    fn pop(&self, key: &Key) -> Option<Idle> {
        let mut shelves = self.lock();
        let idle = shelves.idle.get_mut(key)?.pop()?;
        shelves.count -= 1;
        self.metrics.idle.dec();
        Some(idle)
    }

    /// Keeps a connection for the next transaction. One whose state is in doubt is closed, one that there is no room for is ended.
    pub(super) fn put(&self, connection: Box<Connection>) {
        if !connection.session.is_reusable() {
            return;
        }
        if let Some(connection) = self.push(connection) {
            retire(connection);
        }
    }

    /// Gives back what there is no room for.
    fn push(&self, connection: Box<Connection>) -> Option<Box<Connection>> {
        let mut all = self.lock();
        if all.count >= MAX_IN_ALL {
            return Some(connection);
        }
        let kept = all.idle.entry(Key::of(&connection)).or_default();
        if kept.len() >= MAX_PER_KEY {
            return Some(connection);
        }
        kept.push(Idle { connection, since: Instant::now() });
        all.count += 1;
        self.metrics.idle.inc();
        None
    }

    /// Takes out what is too old.
    fn sweep(&self, now: Instant) -> Vec<Idle> {
        let mut shelves = self.lock();
        let mut old = Vec::new();
        for shelf in shelves.idle.values_mut() {
            old.extend(shelf.extract_if(.., |idle| idle.is_over(now)));
        }
        shelves.idle.retain(|_, shelf| !shelf.is_empty());
        shelves.count -= old.len();
        self.metrics.idle.set(i64::try_from(shelves.count).unwrap_or(i64::MAX));
        old
    }

    fn lock(&self) -> MutexGuard<'_, Shelves> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Idle {
    fn is_over(&self, now: Instant) -> bool {
        now >= self.since + IDLE_TIME || now >= self.connection.opened + LIFETIME
    }
}

async fn keep_swept(pool: Weak<Pool>) {
    loop {
        sleep(SWEEP_EVERY).await;
        let Some(pool) = pool.upgrade() else { return };
        for idle in pool.sweep(Instant::now()) {
            retire(idle.connection);
        }
    }
}

/// Ends a session in good order, in the background.
fn retire(connection: Box<Connection>) {
    if let Ok(runtime) = Handle::try_current() {
        runtime.spawn(connection.quit());
    }
}
