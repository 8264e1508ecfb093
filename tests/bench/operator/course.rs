//! One life of the operator, followed until it comes to rest.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use jiff::Timestamp;
use postern_tests::{
    cluster::{Cluster, operator::Operator, release::Release},
    footprint::Footprint,
    http,
};
use tokio::time::sleep;

/// Between two looks at its metrics: often enough for what takes seconds, and too seldom to be a load.
const LOOK: Duration = Duration::from_millis(250);
/// It is at rest when nothing was to be done, and nothing was done, for so long.
const REST: Duration = Duration::from_secs(3);
/// For all that there is to do.
const PATIENCE: Duration = Duration::from_hours(1);

/// An operator that runs. Dropping it kills it.
pub(crate) struct Course {
    operator: Operator,
    /// When it was started.
    pub(crate) began: Timestamp,
    started: Instant,
}

/// How it came to rest.
#[derive(Clone, Copy)]
pub(crate) struct Rest {
    /// From the start of the process until it held the lease.
    pub(crate) led: Duration,
    /// From the start of the process until nothing was left to do.
    pub(crate) took: Duration,
    /// What it took until then.
    pub(crate) footprint: Footprint,
}

/// What its metrics say at one moment.
#[derive(PartialEq)]
struct Look {
    leads: bool,
    /// Keys that are due, in work, or have failed.
    to_do: f64,
    relays: f64,
    domains: f64,
    writes: f64,
}

impl Course {
    /// Starts the operator with the arguments and the rights of the chart.
    pub(crate) async fn begin(cluster: &Cluster, release: &Release) -> Result<Self> {
        let (began, started) = (Timestamp::now(), Instant::now());
        let operator = Operator::start_at(cluster, release, cluster.url(), &["--log-level=warn"]).await?;
        Ok(Self { operator, began, started })
    }

    /// Waits until everything was listed, each of `relays` was reconciled once at least, and nothing is left to do.
    ///
    /// All relays are queued by the first lists, and an empty queue is one whose keys were all reconciled; so the count of reconciles only guards
    /// against an operator that has not begun.
    pub(crate) async fn rests(&mut self, relays: u32) -> Result<Rest> {
        self.operator.is_ready().await?;
        let deadline = Instant::now() + PATIENCE;
        let (mut led, mut calm) = (None, None::<(Instant, Look)>);
        loop {
            ensure!(self.operator.process.is_running(), "the operator has ended:\n{}", self.operator.process.log().join("\n"));
            let (now, look) = (Instant::now(), self.look().await?);
            led = led.or_else(|| look.leads.then(|| now - self.started));
            let is_calm = look.leads && look.to_do == 0.0 && look.relays >= f64::from(relays);
            calm = match calm {
                Some((since, before)) if is_calm && before == look => Some((since, before)),
                _ => is_calm.then_some((now, look)),
            };
            match (&calm, led) {
                (Some((since, _)), Some(led)) if now - *since >= REST => {
                    return Ok(Rest { led, took: *since - self.started, footprint: self.footprint()? });
                }
                _ if now > deadline => bail!("the operator did not come to rest within {PATIENCE:?}"),
                _ => sleep(LOOK).await,
            }
        }
    }

    /// What it takes of the machine.
    pub(crate) fn footprint(&self) -> Result<Footprint> {
        Footprint::of(self.operator.process.id())
    }

    async fn look(&self) -> Result<Look> {
        let text = http::get(self.operator.admin, "/metrics").await?.body;
        let metrics = |name: &str| -> Result<f64> {
            let lines = text.lines().filter(|line| line.strip_prefix("postern_operator_").is_some_and(|line| line.starts_with(name)));
            let values = lines.filter_map(|line| line.rsplit_once(' ')).map(|(_, value)| value.parse::<f64>());
            values.sum::<Result<f64, _>>().with_context(|| format!("the metric {name}"))
        };
        let to_do = metrics("queue_due{")? + metrics("queue_running{")? + metrics("queue_failing{")?;
        Ok(Look {
            leads: metrics("leader")? > 0.0,
            to_do,
            relays: metrics("reconciles_total{controller=\"relay\"")?,
            domains: metrics("reconciles_total{controller=\"domain\"")?,
            writes: metrics("writes_total{")?,
        })
    }
}
