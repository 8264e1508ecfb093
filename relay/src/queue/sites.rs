//! Which sites may be delivered to now: no more at once than is allowed, and none that is known not to answer.
//!
//! A site that can't be reached is blocked for a while, each time twice as long, and nothing is tried there. When the block is over, one
//! delivery finds out how things are, while the others stand in line.

mod slots;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use postern_config::RetryTimes;
use postern_spool::Failure;
use prometheus_client::metrics::gauge::Gauge;
use rand::RngExt as _;
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, timeout},
};

use self::slots::Slots;
use super::plan::SiteKey;
use crate::doubling::doubled;

/// How long a delivery stands in line before its message gives its place in memory to another.
const LINE_PATIENCE: Duration = Duration::from_secs(30);
/// A site's first block, unless messages are tried again sooner than that.
const FIRST_BLOCK: Duration = Duration::from_secs(30);
/// How long a line may be, as far as can be foreseen.
const LINE_TIME: Duration = Duration::from_secs(10);
/// And how many may stand in it: others must find room in memory too.
const MAX_LINE: usize = 500;
/// Who does not get into the line comes again after this time at the earliest.
const EARLIEST_TURN: Duration = Duration::from_millis(250);
/// And after this time at the latest.
const LATEST_TURN: Duration = Duration::from_mins(2);
/// How long a delivery takes, as long as nothing is known. Who stands in line in vain tells that it is longer.
const FIRST_PACE: Duration = Duration::from_millis(50);
/// Most blocks that are remembered.
const MAX_BLOCKS: usize = 4096;

/// What the configuration allows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Deliveries at once.
    pub(super) deliveries: usize,
    /// Deliveries at once to one site.
    pub(super) per_site: usize,
    /// How the length of a block grows.
    pub(super) times: RetryTimes,
}

/// All sites that something is known of. Clones know the same.
#[derive(Clone, Debug)]
pub(super) struct Sites(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    known: Mutex<HashMap<SiteKey, Site>>,
    deliveries: Mutex<Slots>,
    blocked: Gauge,
}

#[derive(Debug)]
struct Site {
    slots: Slots,
    /// Deliveries that run or stand in line.
    present: usize,
    block: Option<Block>,
    /// When the last that did not get into the line comes again.
    turn: Instant,
    /// How long a delivery takes, on average.
    pace: Duration,
}

#[derive(Debug)]
struct Block {
    until: Instant,
    failures: u32,
    reason: Failure,
}

/// Whether a delivery may be made.
#[derive(Debug)]
pub(super) enum Admission {
    /// It may, and counts until the pass is gone.
    Enter(Pass),
    /// Not before so long: the site can't be reached, for this reason.
    Blocked(Duration, Failure),
    /// Too many wait already: its turn comes after so long.
    Later(Duration),
}

/// A delivery that runs.
#[derive(Debug)]
pub(super) struct Pass {
    presence: Presence,
    since: Instant,
    _slots: [OwnedSemaphorePermit; 2],
}

/// Somebody in a site's line, or past it.
#[derive(Debug)]
struct Presence {
    sites: Arc<Shared>,
    site: SiteKey,
}

impl Sites {
    /// Nothing is known. `blocked` counts the sites that are blocked.
    pub(super) fn new(blocked: Gauge) -> Self {
        Self(Arc::new(Shared { known: Mutex::default(), deliveries: Mutex::default(), blocked }))
    }

    /// Waits for its turn to deliver to `site`, if that comes soon.
    pub(super) async fn enter(&self, site: &SiteKey, bounds: &Bounds) -> Admission {
        let (presence, at_site) = match self.0.line_up(site, bounds) {
            Ok(in_line) => in_line,
            Err(refused) => return refused,
        };
        let in_all = self.0.deliveries(bounds.deliveries);
        let slots = async { Some([at_site.acquire().await?, in_all.acquire().await?]) };
        match timeout(LINE_PATIENCE, slots).await {
            Ok(Some(slots)) => match self.0.block(site) {
                // It was blocked while this one stood in line.
                Some(blocked) => blocked,
                None => Admission::Enter(Pass { presence, since: Instant::now(), _slots: slots }),
            },
            Ok(None) | Err(_) => Admission::Later(self.0.turn_in_vain(site, bounds)),
        }
    }
}

impl Shared {
    fn line_up(self: &Arc<Self>, key: &SiteKey, bounds: &Bounds) -> Result<(Presence, Slots), Admission> {
        let now = Instant::now();
        let mut known = self.lock();
        let site = known.entry(key.clone()).or_insert_with(|| Site::new(now));
        if let Some(blocked) = site.block.as_ref().and_then(|block| block.holds(now)) {
            return Err(blocked);
        }
        // In doubt, one at a time.
        site.slots.resize(if site.block.is_some() { 1 } else { bounds.per_site });
        if site.present >= bounds.per_site.saturating_add(site.longest_line(bounds)) {
            return Err(Admission::Later(site.next_turn(now, bounds)));
        }
        site.present += 1;
        Ok((Presence { sites: Arc::clone(self), site: key.clone() }, site.slots.clone()))
    }

    fn deliveries(&self, count: usize) -> Slots {
        let mut deliveries = self.deliveries.lock().unwrap_or_else(PoisonError::into_inner);
        deliveries.resize(count);
        deliveries.clone()
    }

    fn block(&self, key: &SiteKey) -> Option<Admission> {
        self.lock().get(key)?.block.as_ref()?.holds(Instant::now())
    }

    /// The turn of one that stood in line in vain.
    fn turn_in_vain(&self, key: &SiteKey, bounds: &Bounds) -> Duration {
        let now = Instant::now();
        let mut known = self.lock();
        let Some(site) = known.get_mut(key) else { return EARLIEST_TURN };
        site.learn(LINE_PATIENCE);
        site.next_turn(now, bounds)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SiteKey, Site>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass {
    /// The site answered, whatever it said.
    pub(super) fn reached(self, bounds: &Bounds) {
        let took = self.since.elapsed();
        let Presence { sites, site: key } = &self.presence;
        if let Some(site) = sites.lock().get_mut(key) {
            site.learn(took);
            if site.block.take().is_some() {
                site.slots.resize(bounds.per_site);
                sites.blocked.dec();
            }
        }
    }

    /// The site can't be reached.
    pub(super) fn failed(self, reason: Failure, bounds: &Bounds) {
        let now = Instant::now();
        let Presence { sites, site: key } = &self.presence;
        let mut known = sites.lock();
        if usize::try_from(sites.blocked.get()).unwrap_or(0) >= MAX_BLOCKS {
            known.retain(|_, site| site.is_worth_knowing(now, &sites.blocked));
        }
        let is_room = usize::try_from(sites.blocked.get()).unwrap_or(0) < MAX_BLOCKS;
        match known.get_mut(key) {
            Some(Site { block: Some(block), .. }) => block.repeat(now, reason, bounds),
            Some(site) if is_room => {
                sites.blocked.inc();
                let mut block = Block { until: now, failures: 0, reason: reason.clone() };
                block.repeat(now, reason, bounds);
                site.block = Some(block);
            }
            _ => {}
        }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        let mut known = self.sites.lock();
        if let Some(site) = known.get_mut(&self.site) {
            site.present -= 1;
            if site.present == 0 && site.block.is_none() {
                known.remove(&self.site);
            }
        }
    }
}

impl Site {
    fn new(now: Instant) -> Self {
        Self { slots: Slots::default(), present: 0, block: None, turn: now, pace: FIRST_PACE }
    }

    /// Takes what a delivery took into the average.
    fn learn(&mut self, took: Duration) {
        self.pace = (self.pace * 7 + took) / 8;
    }

    /// How many may stand in line: as many as have their turn soon, and in any case as many as run.
    fn longest_line(&self, bounds: &Bounds) -> usize {
        let rounds = LINE_TIME.as_micros() / self.pace.as_micros().max(1);
        let soon = usize::try_from(rounds).unwrap_or(usize::MAX).saturating_mul(bounds.per_site);
        soon.min(MAX_LINE).max(bounds.per_site)
    }

    /// When the next comes again for whom there is no room in the line: behind those in the line and those who were sent away before.
    fn next_turn(&mut self, now: Instant, bounds: &Bounds) -> Duration {
        let each = self.pace / u32::try_from(bounds.per_site.max(1)).unwrap_or(u32::MAX);
        let line = each.saturating_mul(u32::try_from(self.present).unwrap_or(u32::MAX));
        let behind_line = now + line.clamp(EARLIEST_TURN, LATEST_TURN);
        self.turn = (self.turn.max(behind_line) + each).min(now + LATEST_TURN);
        self.turn - now
    }

    /// False for a block that is over and that nobody asks about; it is counted no more.
    fn is_worth_knowing(&self, now: Instant, blocked: &Gauge) -> bool {
        let is_forgotten = self.present == 0 && self.block.as_ref().is_some_and(|block| block.until <= now);
        if is_forgotten {
            blocked.dec();
        }
        !is_forgotten
    }
}

impl Block {
    /// What it says to a delivery now. Those that wait for its end come one after the other.
    fn holds(&self, now: Instant) -> Option<Admission> {
        let left = self.until.checked_duration_since(now).filter(|left| !left.is_zero())?;
        Some(Admission::Blocked(left.mul_f64(rand::rng().random_range(1.0..=1.3)), self.reason.clone()))
    }

    /// Lasts anew, longer than before. Deliveries that were under way together fail together, which is one failure.
    fn repeat(&mut self, now: Instant, reason: Failure, bounds: &Bounds) {
        self.reason = reason;
        if self.until <= now {
            let first = FIRST_BLOCK.min(Duration::from_secs(bounds.times.first_seconds.into()));
            let longest = Duration::from_secs(bounds.times.longest_seconds.into());
            self.until = now + doubled(first, self.failures, longest);
            self.failures = self.failures.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests;
