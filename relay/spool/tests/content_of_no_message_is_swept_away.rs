//! Large content goes into the database as it comes, and goes again when it becomes no message, or its message is finished.

#![allow(clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

mod common;

use common::{
    database::Database,
    mail::{claim_one, content, entry, names, put, put_len, read},
};
use postern_spool::{Claim, Spool, SpoolError, Writer};
use postern_tests::poll;

const LEN: usize = 900_000;

fn pieces(database: &Database) -> usize {
    database.sql("SELECT count(*) FROM postern_spool.piece").parse().unwrap()
}

async fn until_swept(database: &Database) {
    let swept = "SELECT count(*) FROM postern_spool.loose";
    poll::until("the sweep", async || (pieces(database) == 0 && database.sql(swept) == "0").then_some(())).await.unwrap();
}

#[tokio::test]
async fn when_the_writer_is_dropped() {
    let database = Database::new().await;
    let spool = database.open().await;
    let mut writer = spool.begin(entry()).await.unwrap();
    writer.append(&vec![b'x'; LEN]).await.unwrap();
    assert_eq!(pieces(&database), 3);
    assert!(names(&spool).await.is_empty());
    drop(writer);
    until_swept(&database).await;
}

#[tokio::test]
async fn when_the_message_is_there_already() {
    let database = Database::new().await;
    let spool = database.open().await;
    let entry = entry();
    let mut second = spool.begin(entry.clone()).await.unwrap();
    second.append(&vec![b'x'; LEN]).await.unwrap();
    put(&spool, entry.clone(), b"first").await.unwrap();
    assert!(matches!(second.commit().await, Err(SpoolError::Exists(_))));
    until_swept(&database).await;
    assert_eq!(read(spool.body(entry.id()).await.unwrap()).await.unwrap(), b"first");
}

#[tokio::test]
async fn when_the_message_is_finished_or_removed() {
    let database = Database::new().await;
    let spool = database.open().await;
    put_len(&spool, LEN).await;
    assert_eq!(pieces(&database), 4);
    claim_one(&spool).await.finish().await.unwrap();
    until_swept(&database).await;
    let id = put_len(&spool, LEN).await;
    spool.remove(id).await.unwrap();
    until_swept(&database).await;
}

#[tokio::test]
async fn when_the_writer_is_gone_for_an_hour() {
    let database = Database::new().await;
    let spool = database.open().await;
    let kept = put_len(&spool, LEN).await;
    let mut abandoned = spool.begin(entry()).await.unwrap();
    abandoned.append(&vec![b'x'; LEN]).await.unwrap();
    let mut late = spool.begin(entry()).await.unwrap();
    late.append(&vec![b'x'; LEN]).await.unwrap();
    let mut slow = spool.begin(entry()).await.unwrap();
    slow.append(&vec![b'x'; LEN]).await.unwrap();
    database.sql("UPDATE postern_spool.loose SET touched = touched - 3600001");
    slow.append(&vec![b'x'; LEN]).await.unwrap();
    // A start looks for what others have left.
    let _other = database.open().await;
    let (kept_pieces, slow_pieces) = (4, 6);
    poll::until("the sweep", async || (pieces(&database) == kept_pieces + slow_pieces).then_some(())).await.unwrap();
    assert!(matches!(late.append(&vec![b'x'; LEN]).await, Err(SpoolError::Unavailable(_))));
    assert!(matches!(abandoned.commit().await, Err(SpoolError::Unavailable(_))));
    let id = slow.commit().await.unwrap();
    assert_eq!(names(&spool).await, {
        let mut ids = [kept, id];
        ids.sort();
        ids
    });
    assert!(read(spool.body(kept).await.unwrap()).await.unwrap() == content(kept, LEN));
    assert_eq!(read(spool.body(id).await.unwrap()).await.unwrap().len(), 2 * LEN);
}
