//! The connections to the server, and what each must have shown before it is used.

use std::time::Duration;

use sqlx::{
    ConnectOptions as _, Connection as _, Executor as _, PgConnection, PgPool, Postgres, Row as _,
    pool::{PoolConnection, PoolConnectionMetadata},
    postgres::{PgArguments, PgConnectOptions, PgPoolOptions, PgRow, PgSslMode},
    query::Query,
};
use tokio::time::timeout;

use super::{
    failure::{failed, silent},
    settings::{Settings, Tls},
};
use crate::{OpenError, SpoolError};

/// How long a connection is waited for: then whoever sends mail hears 451.
const CONNECT: Duration = Duration::from_secs(5);
/// How long an answer is waited for. The server gives up before it: its own limits are in [`PREPARE`].
const ANSWER: Duration = Duration::from_secs(20);
/// A connection that was idle for so long is tested before it is used: the server behind it may be another, or gone.
const IDLE: Duration = Duration::from_secs(10);
/// Connections are made anew after this, so that none is tested too seldom.
const LIFETIME: Duration = Duration::from_mins(30);
/// Oldest version of the server, as it gives it itself.
const OLDEST_SERVER: i32 = 140_000;

/// What a session wants of the server. A commit waits for the disk of this server, and of a synchronous standby if there is one.
const PREPARE: &str = "SET statement_timeout = '15s'; SET lock_timeout = '10s'; SET idle_in_transaction_session_timeout = '30s'";
const SYNCHRONOUS: &str = "SET synchronous_commit = on";

/// What a server says about itself.
const INSPECT: &str = "SELECT current_setting('server_version_num')::integer, current_setting('fsync')::boolean, \
     current_setting('full_page_writes')::boolean, current_setting('synchronous_commit'), pg_is_in_recovery()";

/// Connections to the server, made when they are needed.
#[derive(Clone, Debug)]
pub(super) struct Database {
    pool: PgPool,
}

/// A connection in use. One on which something failed, or that was left before it had answered, is closed: nobody knows what comes from it next.
#[derive(Debug)]
pub(super) struct Session {
    connection: Option<PoolConnection<Postgres>>,
    idle: bool,
}

/// A pool for `settings`. Connects to nothing yet.
pub(super) fn pool(settings: &Settings) -> Database {
    let pool = PgPoolOptions::new()
        .max_connections(settings.connections.max(2))
        .acquire_timeout(CONNECT)
        .max_lifetime(LIFETIME)
        .test_before_acquire(false)
        .before_acquire(|connection, meta| Box::pin(still_good(connection, meta)))
        .after_connect(|connection, _| Box::pin(async move { prepare(connection).await.map_err(refused) }))
        .connect_lazy_with(options(settings));
    Database { pool }
}

/// A connection outside of the pool, for what is done once.
pub(super) async fn connect(settings: &Settings) -> Result<PgConnection, OpenError> {
    let opened = timeout(CONNECT, async {
        let mut connection = options(settings).connect().await?;
        prepare(&mut connection).await?;
        Ok(connection)
    });
    opened.await.unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))
}

fn options(settings: &Settings) -> PgConnectOptions {
    let options = PgConnectOptions::new_without_pgpass()
        .host(&settings.host)
        .port(settings.port)
        .database(&settings.database)
        .username(&settings.username)
        .password(&settings.password)
        .application_name(&settings.worker)
        .disable_statement_logging();
    match &settings.tls {
        Tls::Verify { authorities: None } => options.ssl_mode(PgSslMode::VerifyFull),
        Tls::Verify { authorities: Some(pem) } => options.ssl_mode(PgSslMode::VerifyFull).ssl_root_cert_from_pem(pem.clone().into_bytes()),
        Tls::Encrypt => options.ssl_mode(PgSslMode::Require),
        Tls::Clear => options.ssl_mode(PgSslMode::Disable),
    }
}

/// Makes a session safe, or tells why the server can't hold a queue.
async fn prepare(connection: &mut PgConnection) -> Result<(), OpenError> {
    connection.execute(PREPARE).await?;
    let server = sqlx::query(INSPECT).fetch_one(&mut *connection).await?;
    let unfit = |what: &str| Err(OpenError::Unfit(what.to_owned()));
    if server.try_get::<i32, _>(0)? < OLDEST_SERVER {
        return unfit("it is older than PostgreSQL 14");
    }
    if !server.try_get::<bool, _>(1)? {
        return unfit("its fsync is off, so that it forgets what it has said to be committed");
    }
    if !server.try_get::<bool, _>(2)? {
        return unfit("its full_page_writes is off, so that a crash can destroy what it has said to be committed");
    }
    if server.try_get::<bool, _>(4)? {
        return unfit("it is a standby, which takes no changes");
    }
    // What waits for a standby to have applied it, too, is safer still, and stays.
    if server.try_get::<&str, _>(3)? != "remote_apply" {
        connection.execute(SYNCHRONOUS).await?;
    }
    Ok(())
}

/// Why the pool does not use a connection. It says so in the log, and tries again until who waits gives up.
fn refused(error: OpenError) -> sqlx::Error {
    match error {
        OpenError::Storage(error) => sqlx::Error::Io(error),
        error => sqlx::Error::Configuration(error.into()),
    }
}

/// Whether a connection that was not used for a while leads to a server that is safe.
async fn still_good(connection: &mut PgConnection, meta: PoolConnectionMetadata) -> Result<bool, sqlx::Error> {
    if meta.idle_for < IDLE {
        return Ok(true);
    }
    Ok(matches!(timeout(CONNECT / 2, prepare(connection)).await, Ok(Ok(()))))
}

impl Database {
    /// A connection, within [`CONNECT`].
    pub(super) async fn session(&self) -> Result<Session, SpoolError> {
        let connection = self.pool.acquire().await.map_err(failed)?;
        Ok(Session { connection: Some(connection), idle: true })
    }

    /// Asks one question on whichever connection is free.
    pub(super) async fn ask(&self, query: Query<'_, Postgres, PgArguments>) -> Result<Vec<PgRow>, SpoolError> {
        self.session().await?.ask(query).await
    }

    /// The pool, for what listens.
    pub(super) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Closes all connections, within [`CONNECT`].
    pub(super) async fn close(&self) {
        // What does not close in time ends with the process.
        let _ = timeout(CONNECT, self.pool.close()).await;
    }
}

impl Session {
    /// Asks one question, which is a transaction of its own.
    pub(super) async fn ask(&mut self, query: Query<'_, Postgres, PgArguments>) -> Result<Vec<PgRow>, SpoolError> {
        let Some(connection) = &mut self.connection else { return Err(silent()) };
        self.idle = false;
        let answer = timeout(ANSWER, query.fetch_all(&mut **connection)).await.map_err(|_| silent())?;
        let rows = answer.map_err(failed)?;
        self.idle = true;
        Ok(rows)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take()
            && !self.idle
        {
            // Dropped without the pool: its socket is closed at once.
            drop(connection.detach());
        }
    }
}

/// Ends a connection that was outside of the pool.
pub(super) async fn disconnect(connection: PgConnection) {
    let _ = timeout(CONNECT, connection.close()).await;
}
