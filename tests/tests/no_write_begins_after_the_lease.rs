//! Two operators, one lease: whoever loses it begins no write any more, and ends; the other goes on where it was.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use kube::api::{Patch, PatchParams};
use postern_crds::AcceptedDomain;
use postern_tests::{
    cluster::{
        mail::Shown,
        operator::Operator,
        stage::Stage,
        toll::{Toll, Write},
    },
    poll,
};
use rustix::process::Signal;
use serde_json::json;

/// Who has written nothing for so long has nothing to write.
const CALM: Duration = Duration::from_secs(2);

/// Two operators on one namespace, each behind a gate of its own.
struct Pair {
    stage: Stage,
    leader: Operator,
    of_leader: Toll,
    _standby: Operator,
    of_standby: Toll,
}

impl Pair {
    async fn start(prefix: &str) -> Result<Option<Self>> {
        let Some(stage) = Stage::set(prefix).await? else { return Ok(None) };
        stage.apply(&Shown::new()?.edge(2525)).await?;
        let (cluster, release) = (&stage.cluster, &stage.release);
        let of_leader = Toll::open(cluster.url(), &cluster.authority()).await?;
        let of_standby = Toll::open(cluster.url(), &cluster.authority()).await?;
        let leader = Operator::start_at(cluster, release, of_leader.url(), &[]).await?;
        poll::until("the first operator to write", async || (!of_leader.writes().is_empty()).then_some(())).await?;
        let mut standby = Operator::start_at(cluster, release, of_standby.url(), &[]).await?;
        standby.is_ready().await?;
        let pair = Self { stage, leader, of_leader, _standby: standby, of_standby };
        pair.leader_rests().await?;
        ensure!(pair.of_standby.writes().is_empty(), "two operators write");
        Ok(Some(pair))
    }

    /// Waits until the leader has nothing to write any more.
    async fn leader_rests(&self) -> Result<()> {
        poll::until("the first operator to come to rest", async || {
            let before = self.of_leader.writes().len();
            tokio::time::sleep(CALM).await;
            (self.of_leader.writes().len() == before).then_some(())
        })
        .await
    }

    /// Edits a domain, so that there is always something to write, until the standby writes; its first write.
    async fn edit_until_the_standby_writes(&self) -> Result<Write> {
        let domains = self.stage.api::<AcceptedDomain>();
        let mut port = 3000;
        poll::until("the other operator to write", async || {
            port += 1;
            let patch = json!({ "spec": { "nextHops": [{ "host": "127.0.0.1", "port": port }] } });
            domains.patch("example-com", &PatchParams::default(), &Patch::Merge(patch)).await.ok()?;
            tokio::time::sleep(Duration::from_millis(200)).await;
            self.of_standby.writes().into_iter().next()
        })
        .await
    }

    fn last_write_of_the_leader(&self) -> Result<Write> {
        self.of_leader.writes().pop().context("the first operator never wrote")
    }
}

#[tokio::test]
async fn an_operator_that_can_not_renew_stops_writing_before_the_other_begins() -> Result<()> {
    let Some(mut pair) = Pair::start("lease").await? else { return Ok(()) };
    // Everything else passes.
    pair.of_leader.hold(Some("/leases"));
    let first = pair.edit_until_the_standby_writes().await?;
    let last = pair.last_write_of_the_leader()?;
    let renewed = pair.of_leader.renewals().pop().context("the lease was never taken")?;
    println!("last write {:?} after the last renewal, the other's first {:?} after it", last.began - renewed, first.began - renewed);
    ensure!(last.began > renewed, "no write was tried while the lease could not be renewed: the test shows nothing");
    ensure!(last.began < first.began, "a write began after the other operator had begun to write");
    // As soon as it learns whose the lease is, it ends.
    pair.of_leader.hold(None);
    pair.leader.process.ended().await?;
    ensure!(pair.last_write_of_the_leader()?.began == last.began, "the first operator wrote once more");
    Ok(())
}

#[tokio::test]
async fn an_operator_that_was_stopped_writes_nothing_when_it_goes_on() -> Result<()> {
    let Some(mut pair) = Pair::start("paused").await? else { return Ok(()) };
    pair.leader.process.signal(Signal::STOP)?;
    pair.edit_until_the_standby_writes().await?;
    let resumed = Instant::now();
    pair.leader.process.signal(Signal::CONT)?;
    pair.leader.process.ended().await?;
    let last = pair.last_write_of_the_leader()?;
    ensure!(last.began < resumed, "the first operator wrote after it went on: {last:?}");
    Ok(())
}
