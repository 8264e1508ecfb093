//! The tables are made by whoever comes first, and what a version does not know it leaves alone.

#![allow(clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

mod common;

use common::{
    database::Database,
    mail::{claim_at, claim_one, names, noon, put_len},
};
use postern_spool::{OpenError, Postgres, Spool, SpoolError, postgres::Settings};
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread")]
async fn by_one_of_many_that_start_at_once() {
    let database = Database::new().await;
    let mut relays = JoinSet::new();
    for _ in 0..8 {
        relays.spawn(Postgres::open(database.settings()));
    }
    let spools: Vec<_> = relays.join_all().await.into_iter().map(Result::unwrap).collect();
    assert_eq!(database.sql("SELECT version, reader FROM postern_spool.version"), "1|1");
    assert_eq!(database.sql("SELECT name FROM postern_spool.queue"), "mail/relay");
    let id = put_len(&spools[0], 5).await;
    assert_eq!(names(&spools[7]).await, [id]);
}

#[tokio::test]
async fn and_never_again() {
    let database = Database::new().await;
    let id = put_len(&database.open().await, 5).await;
    assert_eq!(names(&database.open().await).await, [id]);
}

#[tokio::test]
async fn a_newer_version_that_allows_for_this_one_is_used() {
    let database = Database::new().await;
    let id = put_len(&database.open().await, 5).await;
    database.sql("UPDATE postern_spool.version SET version = 2; ALTER TABLE postern_spool.waiting ADD COLUMN news text DEFAULT 'x'");
    let spool = database.open().await;
    assert_eq!(names(&spool).await, [id]);
    put_len(&spool, 5).await;
    assert_eq!(claim_at(&spool, noon()).await.len(), 2);
    assert_eq!(database.sql("SELECT version FROM postern_spool.version"), "2");
}

#[tokio::test]
async fn a_newer_version_that_does_not_is_refused() {
    let database = Database::new().await;
    put_len(&database.open().await, 5).await;
    database.sql("UPDATE postern_spool.version SET version = 3, reader = 2");
    assert!(matches!(Postgres::open(database.settings()).await, Err(OpenError::Version { version: 3, oldest: 1, newest: 1, .. })));
}

#[tokio::test]
async fn a_message_of_a_newer_version_is_left_alone() {
    let database = Database::new().await;
    let spool = database.open().await;
    let (newer, known) = (put_len(&spool, 5).await, put_len(&spool, 5).await);
    database.sql(&format!("UPDATE postern_spool.waiting SET reader = 2 WHERE id = '{newer}'"));
    assert_eq!(postern_spool::Claim::entry(&claim_one(&spool).await).id(), known);
    assert!(matches!(spool.get(newer).await, Err(SpoolError::Unreadable(_))));
    assert!(matches!(spool.body(newer).await, Err(SpoolError::Unreadable(_))));
    assert_eq!(names(&spool).await, [known]);
    let statistics = spool.statistics().await.unwrap();
    assert_eq!((statistics.messages, statistics.unreadable), (2, 1));
}

#[tokio::test]
async fn a_role_that_may_make_no_schema_uses_one_that_was_made_for_it() {
    let database = Database::new().await;
    let role = format!("role-{}", database.settings().database);
    database.sql(&format!("CREATE ROLE \"{role}\" LOGIN"));
    let settings = || Settings { username: role.clone(), ..database.settings() };
    assert!(matches!(Postgres::open(settings()).await, Err(OpenError::Storage(_))));
    database.sql(&format!("CREATE SCHEMA postern_spool AUTHORIZATION \"{role}\""));
    let id = put_len(&Postgres::open(settings()).await.unwrap(), 5).await;
    assert_eq!(names(&Postgres::open(settings()).await.unwrap()).await, [id]);
}
