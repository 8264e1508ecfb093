//! A server whose disk fails to sync ends all that it does and replays its log. Nothing is lost of which the spool had said that it is safe.

#![allow(clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

mod common;

use std::time::Duration;

use common::{database::settings, ledger::Ledger};
use postern_spool::Postgres;
use postern_tests::{poll, postgres};

/// How often it is to happen.
const FAILURES: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn however_often_that_happens() {
    let server = postgres::Postgres::start().await.unwrap();
    let (ledger, mut rounds) = (Ledger::default(), 0);
    let failures = || server.log().iter().filter(|line| line.contains("PANIC") && line.contains("fdatasync")).count();
    let mut failing = server.fail_syncs(15).await.unwrap();
    let spool = poll::until("the queue to open", async || Postgres::open(settings(&server, "postgres")).await.ok()).await.unwrap();
    while failures() < FAILURES {
        assert!(rounds < 200, "no sync fails");
        // Some clients give up when the server is not there, and come back.
        ledger.work(&spool, 20, 40, rounds).await;
        rounds += 1;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    failing.terminate().unwrap();
    failing.ended().await.unwrap();
    let released = async || server.sql("postgres", "UPDATE postern_spool.waiting SET lease_until = 0").ok();
    poll::until("the server to be back", released).await.unwrap();
    let audit = ledger.audit(&spool).await;
    println!("{} failures: {audit:?}", failures());
    assert!(audit.kept > 0, "nothing was put in");
}
