//! When there is no room, new mail is refused with an error that says so, and what is there is delivered.

#![allow(clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

mod common;

use common::{
    database::Database,
    mail::{claim_one, content, entry, put, put_len},
};
use postern_spool::{Claim, Postgres, Spool, SpoolError, Writer, postgres::Settings};

async fn with_quota(database: &Database, quota_bytes: u64) -> Postgres {
    Postgres::open(Settings { quota_bytes: Some(quota_bytes), ..database.settings() }).await.unwrap()
}

#[tokio::test]
async fn over_the_quota() {
    let database = Database::new().await;
    let spool = with_quota(&database, 100_000).await;
    assert_eq!(spool.statistics().await.unwrap().quota_bytes, 100_000);
    put_len(&spool, 60_000).await;
    let writer = spool.begin(entry()).await.unwrap();
    assert!(matches!(put(&spool, entry(), &content(entry().id(), 60_000)).await, Err(SpoolError::Full(_))));
    put_len(&spool, 34_000).await;
    assert!(matches!(spool.begin(entry()).await, Err(SpoolError::Full(_))), "before its content comes");
    assert!(matches!(writer.commit().await, Err(SpoolError::Full(_))));
    let used = spool.statistics().await.unwrap().used_bytes;
    assert!((93_000..=100_000).contains(&used), "{used} bytes");

    // Another relay knows it from its start.
    assert!(matches!(with_quota(&database, 90_000).await.begin(entry()).await, Err(SpoolError::Full(_))));

    for claim in spool.claim(postern_spool::Reach::Due, common::mail::noon(), common::mail::LEASE, 9).await.unwrap() {
        claim.finish().await.unwrap();
    }
    put_len(&spool, 60_000).await;
}

#[tokio::test]
async fn over_the_quota_while_the_content_comes() {
    let database = Database::new().await;
    let spool = with_quota(&database, 1_000_000).await;
    let mut writer = spool.begin(entry()).await.unwrap();
    assert!(matches!(writer.append(&vec![b'x'; 1_300_000]).await, Err(SpoolError::Full(_))));
    assert!(matches!(writer.append(b"x").await, Err(SpoolError::Unavailable(_))), "a piece is missing");
}

#[tokio::test]
async fn on_a_disk_that_is_full() {
    let database = Database::new().await;
    let spool = database.open().await;
    let kept = put_len(&spool, 5).await;
    // The server says what it says when it can't extend a file.
    database.sql(
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$; \
         CREATE TRIGGER full_disk BEFORE INSERT ON postern_spool.message FOR EACH ROW EXECUTE FUNCTION full_disk()",
    );
    assert!(matches!(put(&spool, entry(), b"x").await, Err(SpoolError::Full(_))));
    let claim = claim_one(&spool).await;
    assert_eq!(claim.entry().id(), kept);
    claim.finish().await.unwrap();
    database.sql("DROP TRIGGER full_disk ON postern_spool.message");
    put_len(&spool, 5).await;
}
