//! The power goes at any moment, and what was not synced goes with it: nothing that was said to be safe is missing, nothing that was taken out
//! comes back, and all content is as it was.
//!
//! `POSTERN_SPOOL_CASES` says how often the power goes in the tests that draw lots.

#![allow(clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

mod common;

use std::env;

use common::{
    ledger::{Audit, Ledger},
    machine::Machine,
    mail::{open, small_segments},
};
use postern_spool::{Local, Recovery, Spool};
use rand::{RngExt as _, SeedableRng, rngs::StdRng};

fn cases(short: u64) -> u64 {
    env::var("POSTERN_SPOOL_CASES").map_or(short, |cases| cases.parse().unwrap())
}

/// Opens the spool, even if the power goes meanwhile.
async fn try_open(machine: &Machine) -> Option<(Local, Recovery)> {
    match Local::open(machine.directory(), small_segments()).await {
        Ok(opened) => Some(opened),
        Err(error) => {
            assert!(machine.is_off(), "{error}");
            None
        }
    }
}

/// Adds up what audits found, and says it.
#[derive(Debug, Default)]
struct Total {
    losses: u64,
    audit: Audit,
}

impl Total {
    fn add(&mut self, audit: Audit) {
        self.losses += 1;
        self.audit.kept += audit.kept;
        self.audit.unannounced += audit.unannounced;
        self.audit.undead += audit.undead;
    }
}

/// What a power loss leaves must not be corrupt, only torn.
fn assert_only_torn(recovery: &Recovery) {
    let corrupt: Vec<_> = recovery.set_aside.iter().filter(|part| !part.torn).collect();
    assert!(corrupt.is_empty(), "{corrupt:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn at_each_call_of_one_client() {
    let mut total = Total::default();
    for seed in 0..2 {
        for calls in 0.. {
            let machine = Machine::new(seed * 10_000 + calls);
            let ledger = Ledger::default();
            machine.cut_power_in(calls);
            if let Some((spool, _)) = try_open(&machine).await {
                ledger.work(&spool, 1, 60, seed).await;
                let finished = !machine.is_off();
                machine.cut_power();
                spool.close().await;
                total.add(ledger.audit(&open(&machine.after_power_loss().directory()).await.0).await);
                if finished {
                    break;
                }
            }
        }
    }
    println!("{total:?}");
    assert!(total.losses > 200 && total.audit.kept > 1_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn again_and_again_while_many_work() {
    let mut total = Total::default();
    let mut chance = StdRng::seed_from_u64(1);
    for seed in 0..cases(300) / 30 {
        let mut machine = Machine::new(seed);
        let ledger = Ledger::default();
        for round in 0..30 {
            machine.cut_power_in(chance.random_range(0..200));
            if let Some((spool, recovery)) = try_open(&machine).await {
                assert_only_torn(&recovery);
                ledger.work(&spool, 8, 40, seed * 100 + round).await;
                machine.cut_power();
                spool.close().await;
            }
            machine = machine.after_power_loss();
            let (spool, recovery) = open(&machine.directory()).await;
            assert_only_torn(&recovery);
            total.add(ledger.audit(&spool).await);
            spool.close().await;
        }
    }
    println!("{total:?}");
    assert!(total.audit.kept > 1_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn though_syncs_fail_before() {
    let mut total = Total::default();
    let mut chance = StdRng::seed_from_u64(2);
    for seed in 0..cases(100) / 10 {
        let mut machine = Machine::new(seed);
        let ledger = Ledger::default();
        for round in 0..10 {
            let (spool, _) = open(&machine.directory()).await;
            ledger.work(&spool, 4, 10, seed * 100 + round).await;
            machine.fail_syncs(chance.random_range(1..4));
            ledger.work(&spool, 4, 10, seed * 100 + round + 20).await;
            machine.cut_power_in(chance.random_range(0..100));
            ledger.work(&spool, 4, 20, seed * 100 + round + 40).await;
            machine.cut_power();
            spool.close().await;
            machine = machine.after_power_loss();
            let (spool, _) = open(&machine.directory()).await;
            total.add(ledger.audit(&spool).await);
            spool.close().await;
        }
    }
    println!("{total:?}");
    assert!(total.audit.kept > 1_000);
}
