//! Whoever commits while a transaction is under way shares the next one with all others who wait.

#![allow(clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

mod common;

use common::{
    database::Database,
    mail::{LEASE, names, noon, put, put_len},
};
use postern_spool::{Claim, Reach, Spool, SpoolError};
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread")]
async fn fifty_sessions_need_far_fewer_transactions_than_commits() {
    const SESSIONS: u64 = 50;
    const EACH: u64 = 20;
    let database = Database::new().await;
    let spool = database.open().await;
    // A transaction takes its time on every real server.
    database.sql(
        "CREATE FUNCTION take_time() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.02); RETURN NULL; END $$; \
         CREATE TRIGGER take_time AFTER INSERT OR DELETE ON postern_spool.message EXECUTE FUNCTION take_time()",
    );
    let mut sessions = JoinSet::new();
    for _ in 0..SESSIONS {
        let spool = spool.clone();
        sessions.spawn(async move {
            for _ in 0..EACH {
                put_len(&spool, 1_000).await;
            }
        });
    }
    sessions.join_all().await;
    assert_eq!(names(&spool).await.len() as u64, SESSIONS * EACH);
    let committed = spool.statistics().await.unwrap();
    assert_eq!(committed.changes, SESSIONS * EACH);
    assert!(committed.syncs * 5 < SESSIONS * EACH, "{} transactions", committed.syncs);

    let mut finishing = JoinSet::new();
    for claim in spool.claim(Reach::Due, noon(), LEASE, usize::MAX).await.unwrap() {
        finishing.spawn(claim.finish());
    }
    assert!(finishing.join_all().await.into_iter().all(|finished| finished.is_ok()));
    let finished = spool.statistics().await.unwrap();
    assert_eq!((finished.messages, finished.changes), (0, 2 * SESSIONS * EACH));
    assert!((finished.syncs - committed.syncs) * 5 < SESSIONS * EACH, "{} transactions", finished.syncs - committed.syncs);
}

/// One in a transaction that can't be done is told so, and the others are done.
#[tokio::test(flavor = "multi_thread")]
async fn each_hears_what_became_of_its_own() {
    let database = Database::new().await;
    let spool = database.open().await;
    let entry = common::mail::entry();
    let mut tasks = JoinSet::new();
    for task in 0..60 {
        let (spool, entry) = (spool.clone(), if task % 3 == 0 { entry.clone() } else { common::mail::entry() });
        tasks.spawn(async move { put(&spool, entry, b"x").await });
    }
    let results = tasks.join_all().await;
    let refused = results.iter().filter(|result| matches!(result, Err(SpoolError::Exists(id)) if *id == entry.id())).count();
    assert_eq!((refused, results.iter().filter(|result| result.is_ok()).count()), (19, 41));
    assert_eq!(names(&spool).await.len(), 41);
}
