//! The tables, and how they come to be.
//!
//! Relays are never upgraded in the same instant, and an upgrade may be taken back. So a migration only adds (it expands), and what no program
//! in use needs any more is removed by a later one (it contracts). Each says which version a program must know to use what it leaves.

use std::time::Duration;

use sqlx::{Executor as _, PgConnection, Row as _, query};
use tokio::time::timeout;

use crate::OpenError;

/// How long a start waits for another that migrates, and for its own migrations.
const PATIENCE: Duration = Duration::from_mins(2);

/// Taken while the tables are changed, by one relay at a time: "postern" as a number.
const LOCK: i64 = 0x70_6f73_7465_726e;

/// Asked of the catalogue's tables: what `to_regclass` and its like remember is not renewed within a transaction that waited for the lock.
const SCHEMA_EXISTS: &str = "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'postern_spool')";
const TABLE_EXISTS: &str = "SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
     WHERE nspname = 'postern_spool' AND relname = 'version')";

/// A change of the tables.
struct Migration {
    /// The version that it makes.
    version: u16,
    /// The oldest that a program must know to use the tables afterwards.
    reader: u16,
    sql: &'static str,
}

const MIGRATIONS: [Migration; 1] = [Migration { version: 1, reader: 1, sql: include_str!("schema/0001.sql") }];

/// The newest version that is known.
const CURRENT: u16 = MIGRATIONS[MIGRATIONS.len() - 1].version;

/// Of the format of envelopes and statuses: the version that a reader of what is written must know, and the newest that is known.
pub(super) const MESSAGE_VERSION: i16 = 1;

/// Brings the tables to the newest version, and gives the number of `queue`.
pub(super) async fn migrate(connection: &mut PgConnection, queue: &str) -> Result<i32, OpenError> {
    let late = || std::io::Error::new(std::io::ErrorKind::TimedOut, "another relay is migrating the database's tables for too long");
    timeout(PATIENCE, async {
        if version(connection).await? < CURRENT {
            upgrade(connection).await?;
        }
        number(connection, queue).await
    })
    .await
    .unwrap_or_else(|_| Err(late().into()))
}

/// The version of the tables, 0 if there are none.
async fn version(connection: &mut PgConnection) -> Result<u16, OpenError> {
    if !exists(connection, TABLE_EXISTS).await? {
        return Ok(0);
    }
    let row = query("SELECT version, reader FROM postern_spool.version").fetch_one(&mut *connection).await?;
    let number = |column| Ok::<_, sqlx::Error>(u16::try_from(row.try_get::<i32, _>(column)?).unwrap_or(u16::MAX));
    let (version, reader) = (number(0)?, number(1)?);
    if reader > CURRENT {
        let file = "the database's schema postern_spool".to_owned();
        return Err(OpenError::Version { file, version, oldest: 1, newest: CURRENT });
    }
    Ok(version)
}

async fn exists(connection: &mut PgConnection, question: &'static str) -> Result<bool, OpenError> {
    Ok(query(question).fetch_one(&mut *connection).await?.try_get(0)?)
}

/// Makes the changes that are missing, all or none, while no other relay does.
async fn upgrade(connection: &mut PgConnection) -> Result<(), OpenError> {
    connection.execute("BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0").await?;
    query("SELECT pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *connection).await?;
    // Another may have done it meanwhile.
    let present = version(connection).await?;
    if present == 0 {
        prepare(connection).await?;
    }
    for migration in MIGRATIONS.iter().filter(|migration| migration.version > present) {
        connection.execute(migration.sql).await?;
        let update = query("UPDATE postern_spool.version SET version = $1, reader = $2");
        update.bind(i32::from(migration.version)).bind(i32::from(migration.reader)).execute(&mut *connection).await?;
        tracing::info!(version = migration.version, "the database's tables are migrated");
    }
    connection.execute("COMMIT").await?;
    Ok(())
}

/// The schema may have been made by an administrator, for a role that may make none.
async fn prepare(connection: &mut PgConnection) -> Result<(), OpenError> {
    if !exists(connection, SCHEMA_EXISTS).await? {
        connection.execute("CREATE SCHEMA postern_spool").await?;
    }
    let table = "CREATE TABLE postern_spool.version (version integer NOT NULL, reader integer NOT NULL); \
                 INSERT INTO postern_spool.version VALUES (0, 0)";
    connection.execute(table).await?;
    Ok(())
}

/// The number of the queue, which gets one if it has none.
async fn number(connection: &mut PgConnection, queue: &str) -> Result<i32, OpenError> {
    query("INSERT INTO postern_spool.queue (name) VALUES ($1) ON CONFLICT DO NOTHING").bind(queue).execute(&mut *connection).await?;
    let row = query("SELECT number FROM postern_spool.queue WHERE name = $1").bind(queue).fetch_one(&mut *connection).await?;
    Ok(row.try_get(0)?)
}
