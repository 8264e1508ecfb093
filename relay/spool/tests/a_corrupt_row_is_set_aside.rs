//! A message that is not what was stored is set aside, and the rest is served.

#![allow(clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

mod common;

use common::{
    database::Database,
    mail::{claim_at, claim_one, content, names, noon, put_len, read},
};
use postern_spool::{Claim, MessageId, Postgres, Spool, SpoolError};

/// Turns a bit of the byte in the middle of a column over.
fn flip(column: &str) -> String {
    format!("SET {column} = set_bit({column}, length({column}) / 2 * 8, 1 - get_bit({column}, length({column}) / 2 * 8))")
}

/// What was set aside, and why.
fn set_aside(database: &Database) -> Vec<String> {
    database.sql("SELECT id, what FROM postern_spool.quarantine ORDER BY id").lines().map(str::to_owned).collect()
}

async fn with_two_messages(len: usize) -> (Database, Postgres, MessageId, MessageId) {
    let database = Database::new().await;
    let spool = database.open().await;
    let (bad, good) = (put_len(&spool, len).await, put_len(&spool, len).await);
    (database, spool, bad, good)
}

#[tokio::test]
async fn when_its_envelope_or_its_statuses_are_damaged() {
    for (column, what) in [("envelope", "envelope"), ("statuses", "statuses"), ("checksums", "envelope")] {
        let (database, spool, bad, good) = with_two_messages(100).await;
        database.sql(&format!("UPDATE postern_spool.message {} WHERE id = '{bad}'", flip(column)));
        let claims = claim_at(&spool, noon()).await;
        assert_eq!(claims.iter().map(|claim| claim.entry().id()).collect::<Vec<_>>(), [good], "{column}");
        assert_eq!(set_aside(&database), [format!("{bad}|its {what} {} damaged", if what == "statuses" { "are" } else { "is" })]);
        assert!(matches!(spool.get(bad).await, Err(SpoolError::NotFound(_))));
        let statistics = spool.statistics().await.unwrap();
        assert_eq!((statistics.messages, statistics.set_aside), (1, 1));
    }
}

#[tokio::test]
async fn when_it_is_looked_at() {
    let (database, spool, bad, good) = with_two_messages(100).await;
    database.sql(&format!("UPDATE postern_spool.message {} WHERE id = '{bad}'", flip("envelope")));
    assert!(matches!(spool.get(bad).await, Err(SpoolError::Corrupt { id, .. }) if id == bad));
    assert_eq!(names(&spool).await, [good]);
}

#[tokio::test]
async fn when_its_rows_are_not_all_there() {
    let (database, spool, bad, good) = with_two_messages(100).await;
    database.sql(&format!("DELETE FROM postern_spool.message WHERE id = '{bad}'"));
    assert_eq!(claim_one(&spool).await.entry().id(), good);
    assert_eq!(set_aside(&database), [format!("{bad}|its envelope is missing")]);
}

#[tokio::test]
async fn when_its_content_is_damaged() {
    for len in [100, 200_000] {
        let (database, spool, bad, good) = with_two_messages(len).await;
        database.sql(&format!("UPDATE postern_spool.message {} WHERE id = '{bad}'", flip("content")));
        assert!(matches!(read(spool.body(bad).await.unwrap()).await, Err(SpoolError::Corrupt { id, .. }) if id == bad));
        assert!(set_aside(&database)[0].starts_with(&format!("{bad}|its content is damaged within")));
        assert!(read(spool.body(good).await.unwrap()).await.unwrap() == content(good, len));
    }
}

#[tokio::test]
async fn when_a_piece_of_its_content_is_damaged_short_or_missing() {
    let second = "WHERE number = 1 AND body = (SELECT body FROM postern_spool.message WHERE id = ";
    for (damage, what) in [
        (format!("UPDATE postern_spool.piece {} {second}", flip("content")), "its content is damaged within"),
        (format!("UPDATE postern_spool.piece SET content = substr(content, 1, 10) {second}"), "its content is cut short"),
        (format!("DELETE FROM postern_spool.piece {second}"), "a piece of its content is missing"),
    ] {
        let (database, spool, bad, good) = with_two_messages(700_000).await;
        database.sql(&format!("{damage} '{bad}')"));
        assert!(matches!(read(spool.body(bad).await.unwrap()).await, Err(SpoolError::Corrupt { id, .. }) if id == bad));
        assert!(set_aside(&database)[0].starts_with(&format!("{bad}|{what}")), "{:?}", set_aside(&database));
        assert!(read(spool.body(good).await.unwrap()).await.unwrap() == content(good, 700_000));
        // What is left of it is kept, for somebody to look at.
        let kept = "SELECT count(*) > 0 FROM postern_spool.piece JOIN postern_spool.quarantine USING (body)";
        assert_eq!(database.sql(kept), "t");
    }
}
