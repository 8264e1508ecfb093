//! Relays that share a queue in a database never have the same message at once, whatever their clocks say.

#![allow(clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

mod common;

use std::time::Duration;

use common::{
    database::Database,
    mail::{claim_at, claim_one, content, minutes, names, noon, put_len, read, set_attempts},
    suite::assert_each_is_claimed_once,
};
use jiff::ToSpan;
use postern_spool::{Claim, Postgres, Spool, SpoolError, postgres::Settings};
use tokio::{task::JoinSet, time::timeout};

const PATIENCE: Duration = Duration::from_mins(3);

async fn two_relays() -> (Database, Postgres, Postgres) {
    let database = Database::new().await;
    let (one, other) = (database.open().await, database.open().await);
    (database, one, other)
}

/// All leases that are out end now, as the database sees it.
fn end_leases(database: &Database) {
    database.sql("UPDATE postern_spool.waiting SET lease_until = postern_spool.clock() WHERE lease_until > 0");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_message_is_claimed_by_one_of_them() {
    let (_database, one, other) = two_relays().await;
    let mut writers = JoinSet::new();
    for _ in 0..200 {
        let spool = one.clone();
        writers.spawn(async move { put_len(&spool, 100).await });
    }
    writers.join_all().await;
    assert_each_is_claimed_once(&[one, other], 200).await;
}

#[tokio::test]
async fn what_one_puts_in_wakes_the_other() {
    let (_database, one, other) = two_relays().await;
    let mut due = other.next_due();
    let id = put_len(&one, 400_000).await;
    timeout(PATIENCE, due.wait_for(|due| *due == Some(noon()))).await.unwrap().unwrap();
    let claim = claim_one(&other).await;
    assert!(read(claim.body().await.unwrap()).await.unwrap() == content(id, 400_000));
    let mut due = one.next_due();
    timeout(PATIENCE, due.wait_for(|due| *due != Some(noon()))).await.unwrap().unwrap();
    claim.release().await.unwrap();
    timeout(PATIENCE, due.wait_for(|due| *due == Some(noon()))).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_relay_whose_lease_has_ended_changes_nothing() {
    let (database, one, other) = two_relays().await;
    let id = put_len(&one, 5).await;
    let mut late = claim_one(&one).await;
    end_leases(&database);
    let mut claim = claim_one(&other).await;
    assert!(matches!(set_attempts(&mut late, 7).await, Err(SpoolError::Fenced(_))));
    assert!(matches!(late.renew(minutes(30)).await, Err(SpoolError::Fenced(_))));
    drop(late);
    assert!(claim_at(&one, noon()).await.is_empty(), "a lease that has ended releases nothing");
    set_attempts(&mut claim, 1).await.unwrap();
    assert_eq!(common::mail::attempts(&one.get(id).await.unwrap().entry), 1);
    claim.finish().await.unwrap();
}

#[tokio::test]
async fn a_relay_whose_clock_is_wrong_takes_nothing_from_another() {
    let (_database, one, other) = two_relays().await;
    put_len(&one, 5).await;
    let mut claim = claim_one(&one).await;
    assert!(claim_at(&other, noon() + 1000.hours()).await.is_empty());
    // Renewed by a clock that is years behind the database's, and for an hour all the same.
    claim.renew(noon() + 1.hour()).await.unwrap();
    assert!(claim_at(&other, noon() + 1000.hours()).await.is_empty());
}

#[tokio::test]
async fn a_relay_that_is_closed_gives_back_what_it_has_claimed() {
    let (_database, one, other) = two_relays().await;
    put_len(&one, 5).await;
    let mut claim = claim_one(&one).await;
    assert!(claim_at(&other, noon()).await.is_empty());
    one.close().await;
    assert_eq!(claim_at(&other, noon()).await.len(), 1);
    assert!(matches!(claim.update().await, Err(SpoolError::Closed)));
}

#[tokio::test]
async fn the_queue_of_another_relay_is_not_seen() {
    let database = Database::new().await;
    let spool = database.open().await;
    let other = Postgres::open(Settings { queue: "mail/other".to_owned(), ..database.settings() }).await.unwrap();
    let id = put_len(&spool, 5).await;
    assert!(names(&other).await.is_empty());
    assert!(claim_at(&other, noon()).await.is_empty());
    assert!(matches!(other.get(id).await, Err(SpoolError::NotFound(_))));
    assert!(matches!(other.remove(id).await, Err(SpoolError::NotFound(_))));
    assert_eq!(other.statistics().await.unwrap().messages, 0);
    assert_eq!(names(&spool).await, [id]);
}
