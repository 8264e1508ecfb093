//! A relay that is killed at any moment, again and again, loses no message of which it said that it is queued, wherever the queue lies; nor does
//! one whose database goes away.
//!
//! Clients keep a ledger of every reply to their end of data, and what arrives at the smart host is compared with it. A message may come twice:
//! one that was under way when the relay was killed. `POSTERN_LEDGER_KILLS` says how often it is killed.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    ops::Range,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use postern_config::{ListenerTls, NextHopTlsMode, OutboundRoute, Role, RouteMatch, RouteTarget, SenderPattern, TrustRequirement, Trusted};
use postern_tests::{
    config::{RelayFolder, next_hops},
    ledger::{Ledger, SENDER, number},
    next_hop::{Message, NextHop, Script},
    poll,
    postgres::Postgres,
    relay::Relay,
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

const CLIENTS: usize = 8;
/// Deliveries that the relay makes at once.
const DELIVERIES: u32 = 20;
/// How long a relay lives after it is ready, in milliseconds.
const LIFE: Range<u64> = 20..400;
/// How long one lives that is killed while it starts, in milliseconds.
const START: Range<u64> = 0..150;

/// A relay with a queue, which delivers to a smart host.
struct Scene {
    relay: Relay,
    smart_host: NextHop,
    /// Where the queue lies; in a folder when absent.
    database: Option<Postgres>,
    /// How many connections the smart host had seen at each kill.
    kills: Vec<usize>,
    _folder: TempDir,
}

impl Scene {
    async fn set(database: Option<Postgres>) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let smart_host = Script::good().start().await?;
        let queue = folder.path().join("queue");
        let port = smart_host.address().port();
        let options = ["--spool", queue.to_str().context("a path")?];
        let relay =
            Relay::start_with(&options, port, ListenerTls::StartTlsOptional, |config| configure(config, port, database.as_ref())).await?;
        Ok(Self { relay, smart_host, database, kills: Vec::new(), _folder: folder })
    }

    /// Kills the relay. What it had claimed is free then, as it is after some minutes.
    async fn kill(&mut self) -> Result<()> {
        self.relay.kill()?;
        self.relay.ended().await?;
        self.kills.push(self.smart_host.record().connections());
        let Some(database) = &self.database else { return Ok(()) };
        // What the relay had asked for may still be done.
        let others = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
        let alone = async || database.sql("postgres", others).is_ok_and(|count| count == "0").then_some(());
        poll::until("the database to hear of it", alone).await?;
        database.sql("postgres", "UPDATE postern_spool.waiting SET lease_until = 0").map(drop)
    }

    /// Starts the relay, which was killed, and lets it live for a while: one in four not even until it is ready.
    async fn live(&mut self, chance: &mut StdRng) -> Result<()> {
        if chance.random_ratio(1, 4) {
            let life = Duration::from_millis(chance.random_range(START));
            return timeout(life, self.relay.start_again()).await.unwrap_or(Ok(()));
        }
        self.relay.start_again().await?;
        sleep(Duration::from_millis(chance.random_range(LIFE))).await;
        Ok(())
    }

    /// Waits until the queue is empty, ends the relay, and gives all that arrived, with the number of the life in which it did.
    async fn end(self) -> Result<Vec<(usize, Message)>> {
        let empty = async || matches!(self.relay.queued().await, Ok(0)).then_some(());
        poll::until("the queue to be empty", empty).await?;
        self.relay.stop().await?;
        let life = |message: &Message| self.kills.partition_point(|seen| *seen <= message.connection);
        Ok(self.smart_host.record().messages().into_iter().map(|message| (life(&message), message)).collect())
    }
}

fn configure(config: &mut RelayFolder, smart_host: u16, database: Option<&Postgres>) -> Result<()> {
    config.root.listeners[0].role = Role::Trusted;
    config.root.listeners[0].trusted = Some(Trusted {
        certificate_names: Vec::new(),
        cidrs: vec!["127.0.0.1/32".parse()?],
        require: TrustRequirement::Any,
        allowed_senders: vec![SenderPattern::parse(SENDER)?],
        tenant: None,
    });
    config.spool("mx");
    if let Some(database) = database {
        config.store_in(database)?;
    }
    let spool = config.root.spool.as_mut().context("a queue")?;
    (spool.deliveries, spool.deliveries_per_destination) = (DELIVERIES, DELIVERIES);
    config.root.routes.push(OutboundRoute {
        name: "world".to_owned(),
        matches: RouteMatch::default(),
        to: RouteTarget::from(next_hops(smart_host, NextHopTlsMode::Opportunistic)),
        ehlo_name: None,
    });
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_relay_is_killed_with_its_queue_on_a_disk() -> Result<()> {
    kill_and_audit("on a disk", None).await
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_relay_is_killed_with_its_queue_in_a_database() -> Result<()> {
    kill_and_audit("in a database", Some(Postgres::start().await?)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_database_goes_away_and_comes_back() -> Result<()> {
    let mut scene = Scene::set(Some(Postgres::start().await?)).await?;
    let ledger = Ledger::default();
    let clients = ledger.submit(scene.relay.address, CLIENTS);
    for crashes in [false, true, false] {
        ledger.accepts(50).await?;
        let database = scene.database.as_mut().context("a database")?;
        if crashes {
            database.kill().await?;
        } else {
            database.stop().await?;
        }
        ledger.refuses().await?;
        database.run().await?;
    }
    ledger.accepts(50).await?;
    clients.leave().await;
    let audit = ledger.audit(scene.end().await?.iter().map(|(_, message)| message))?;
    println!("the database went away 3 times: {audit}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_database_is_lost_and_its_standby_takes_over() -> Result<()> {
    let mut scene = Scene::set(Some(Postgres::start().await?)).await?;
    let ledger = Ledger::default();
    let clients = ledger.submit(scene.relay.address, CLIENTS);
    ledger.accepts(50).await?;
    let lost = scene.database.as_mut().context("a database")?;
    let mut standby = lost.standby().await?;
    ledger.accepts(50).await?;
    lost.kill().await?;
    let port = lost.port();
    ledger.refuses().await?;
    standby.take_over(port).await?;
    scene.database = Some(standby);
    ledger.accepts(50).await?;
    clients.leave().await;
    let audit = ledger.audit(scene.end().await?.iter().map(|(_, message)| message))?;
    println!("the standby took over: {audit}");
    Ok(())
}

async fn kill_and_audit(place: &str, database: Option<Postgres>) -> Result<()> {
    let kills = env::var("POSTERN_LEDGER_KILLS").map_or(Ok(12), |kills| kills.parse::<usize>()).context("POSTERN_LEDGER_KILLS")?;
    let mut scene = Scene::set(database).await?;
    let (ledger, mut chance) = (Ledger::default(), StdRng::seed_from_u64(1));
    let clients = ledger.submit(scene.relay.address, CLIENTS);
    ledger.accepts(1).await?;
    for _ in 1..kills {
        scene.kill().await?;
        scene.live(&mut chance).await?;
    }
    scene.kill().await?;
    scene.relay.start_again().await?;
    // The last one takes mail, too.
    ledger.accepts(1).await?;
    clients.leave().await;
    let arrived = scene.end().await?;
    let audit = ledger.audit(arrived.iter().map(|(_, message)| message))?;
    let doubled = doubled(&arrived)?;
    let most = doubled.values().max().copied().unwrap_or(0);
    println!("queue {place}, {kills} kills: {audit}, at most {most} for one kill");
    ensure!(audit.duplicates <= kills * DELIVERIES as usize, "more came twice than was under way: {doubled:?}");
    ensure!(doubled.values().sum::<usize>() == audit.duplicates, "a relay that lived delivered a message twice");
    Ok(())
}

/// How many messages of each life came again in a later one.
fn doubled(arrived: &[(usize, Message)]) -> Result<BTreeMap<usize, usize>> {
    let mut lives = BTreeMap::<u64, BTreeSet<usize>>::new();
    for (life, message) in arrived {
        lives.entry(number(message)?).or_default().insert(*life);
    }
    let mut doubled = BTreeMap::new();
    for life in lives.values().flat_map(|lives| lives.iter().rev().skip(1)) {
        *doubled.entry(*life).or_default() += 1;
    }
    Ok(doubled)
}
