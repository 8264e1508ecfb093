//! While the database is gone everything fails soon, so that senders hear 451; when it is back everything goes on, with nobody's help.

#![allow(clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

mod common;

use common::{
    database::settings,
    mail::{LEASE, claim_one, entry, noon, put, put_len},
};
use postern_spool::{Claim, Filter, Postgres, Reach, Spool, SpoolError, Writer};
use postern_tests::{poll, postgres};
use tokio::time::timeout;

/// Whether it failed as it does while there is no database.
fn failed<T>(result: &Result<T, SpoolError>) -> bool {
    matches!(result, Err(SpoolError::Unavailable(_)))
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_server_is_started_again() {
    let mut server = postgres::Postgres::start().await.unwrap();
    let spool = Postgres::open(settings(&server, "postgres")).await.unwrap();
    let id = put_len(&spool, 500_000).await;
    let mut claim = claim_one(&spool).await;
    let mut small = spool.begin(entry()).await.unwrap();
    small.append(b"x").await.unwrap();
    let mut large = spool.begin(entry()).await.unwrap();
    large.append(&vec![b'x'; 300_000]).await.unwrap();
    let mut body = claim.body().await.unwrap();

    server.stop().await.unwrap();
    let all = async {
        tokio::join!(
            async { failed(&spool.begin(entry()).await) },
            async { failed(&small.commit().await) },
            async { failed(&large.append(&vec![b'x'; 300_000]).await) },
            async { failed(&postern_spool::Body::next_chunk(&mut body).await) },
            async { failed(&claim.update().await) },
            async { failed(&spool.claim(Reach::Due, noon(), LEASE, 1).await) },
            async { failed(&spool.get(id).await) },
            async { failed(&spool.list(&Filter::default(), None, 10).await) },
            async { failed(&spool.statistics().await) },
        )
    };
    let all = Box::pin(timeout(poll::PATIENCE, all)).await.unwrap();
    assert_eq!(all, (true, true, true, true, true, true, true, true, true));
    assert!(failed(&large.append(b"x").await), "a piece is missing");

    server.run().await.unwrap();
    claim.update().await.unwrap();
    let second = put(&spool, entry(), b"x").await.unwrap();
    let mut due = spool.next_due();
    timeout(poll::PATIENCE, due.wait_for(|due| *due == Some(noon()))).await.unwrap().unwrap();
    assert_eq!(claim_one(&spool).await.entry().id(), second);
    claim.finish().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn when_a_commit_waits_for_a_server_that_hangs() {
    let mut server = postgres::Postgres::start().await.unwrap();
    let spool = Postgres::open(settings(&server, "postgres")).await.unwrap();
    put_len(&spool, 5).await;
    // Somebody has locked the tables, and does not let go.
    let lock = "BEGIN; LOCK TABLE postern_spool.waiting; SELECT pg_sleep(600)";
    let blocked = std::thread::scope(|scope| {
        let blocker = scope.spawn(|| server.sql("postgres", lock));
        let outcome = tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                let locked = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted";
                poll::until("the lock", async || server.sql("postgres", locked).ok().filter(|count| count != "0")).await.unwrap();
                timeout(poll::PATIENCE, put(&spool, entry(), b"x")).await
            })
        });
        server
            .sql(
                "postgres",
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()",
            )
            .unwrap();
        blocker.join().unwrap().unwrap_err();
        outcome
    });
    assert!(failed(&blocked.unwrap()));
    put_len(&spool, 5).await;
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn when_what_it_left_is_not_safe_any_more() {
    let mut server = postgres::Postgres::start().await.unwrap();
    let spool = Postgres::open(settings(&server, "postgres")).await.unwrap();
    put_len(&spool, 5).await;
    server.stop().await.unwrap();
    // As after a failover to a server that was set up in a hurry.
    server.set("fsync", "off");
    server.run().await.unwrap();
    assert!(failed(&put(&spool, entry(), b"x").await), "no 250");
    server.stop().await.unwrap();
    server.set("fsync", "on");
    server.run().await.unwrap();
    put_len(&spool, 5).await;
}
