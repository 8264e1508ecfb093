//! A server that is killed at any moment has lost nothing of which the spool had said that it is safe.
//!
//! `POSTERN_SPOOL_KILLS` says how often it is killed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

mod common;

use std::{env, time::Duration};

use common::{database::settings, ledger::Ledger};
use postern_spool::Postgres;
use postern_tests::postgres;
use rand::{RngExt as _, SeedableRng, rngs::StdRng};
use tokio::time::sleep;

#[tokio::test(flavor = "multi_thread")]
async fn whenever_it_is_killed() {
    const CLIENTS: u64 = 20;
    let kills = env::var("POSTERN_SPOOL_KILLS").map_or(4, |kills| kills.parse().unwrap());
    let mut server = postgres::Postgres::start().await.unwrap();
    let spool = Postgres::open(settings(&server, "postgres")).await.unwrap();
    let (ledger, mut chance, mut kept) = (Ledger::default(), StdRng::seed_from_u64(1), 0);
    for kill in 0..kills {
        let work = tokio::spawn({
            let (ledger, spool) = (ledger.clone(), spool.clone());
            async move { ledger.work(&spool, CLIENTS, 40, kill).await }
        });
        sleep(Duration::from_millis(chance.random_range(50..400))).await;
        server.kill().await.unwrap();
        assert!(!work.is_finished(), "it is killed while it works");
        server.run().await.unwrap();
        // Some clients give up, and others go on.
        work.await.unwrap();
        // A claim that nobody could release is not in the way of the next round.
        server.sql("postgres", "UPDATE postern_spool.waiting SET lease_until = 0").unwrap();
        let audit = ledger.audit(&spool).await;
        println!("{audit:?}");
        kept += audit.kept;
    }
    assert!(kept > 0, "nothing was put in before the server was killed");
}
