//! The results, as Markdown.

use std::{fmt, time::Duration};

use postern_tests::footprint::Footprint;

use crate::{Sizes, course::Rest, ledger::Requests};

/// From a start of the operator until it came to rest.
pub(crate) struct Stretch {
    pub(crate) rest: Rest,
    pub(crate) requests: Requests,
}

/// A time in which nothing changed.
pub(crate) struct Idle {
    pub(crate) requests: Requests,
    /// CPU time that the operator took nevertheless.
    pub(crate) cpu: Duration,
}

/// All that was measured.
pub(crate) struct Report {
    pub(crate) sizes: Sizes,
    pub(crate) creation: Stretch,
    pub(crate) restart: Stretch,
    /// Of edits, shortest first.
    pub(crate) latencies: Vec<Duration>,
    pub(crate) after_edits: Footprint,
    pub(crate) idle: Idle,
    /// What it was measured on.
    pub(crate) machine: String,
    /// The machine's load before and after.
    pub(crate) loads: (f64, f64),
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sizes { relays, domains, edits, idle } = self.sizes;
        writeln!(f, "{relays} SmtpRelays, {} AcceptedDomains\n", relays * domains)?;
        writeln!(f, "| | target | measured | writes | CPU | memory (peak) |")?;
        writeln!(f, "|---|---|---|---|---|---|")?;
        self.creation.row(f, "first creation, until all is written", "–")?;
        self.restart.row(f, "restart after a kill, until all is reconciled", "60 s")?;
        let latency = format!("{} ({})", milliseconds(self.percentile(99)), milliseconds(self.percentile(50)));
        writeln!(
            f,
            "| edit of a domain, until it is applied, p99 (p50) of {edits} | 250 ms | {latency} | | | {} |",
            memory(self.after_edits)
        )?;
        let written = self.idle.requests.written();
        writeln!(f, "| writes in {idle} s without a change, but the Lease | 0 | {written} | {written} | {} | |", seconds(self.idle.cpu))?;
        writeln!(f, "\nMemory is to stay below 100 MiB. On {}; load {} before and {} after.", self.machine, self.loads.0, self.loads.1)?;
        for (name, requests) in [("creation", &self.creation.requests), ("restart", &self.restart.requests), ("idle", &self.idle.requests)]
        {
            let writes: Vec<_> = requests.writes.iter().map(|(what, count)| format!("{count} {what}")).collect();
            writeln!(f, "{name}: {} reads; writes: {}", requests.reads, writes.join(", "))?;
        }
        Ok(())
    }
}

impl Report {
    fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.latencies.len() * percent).div_ceil(100);
        self.latencies.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    }
}

impl Stretch {
    fn row(&self, f: &mut fmt::Formatter<'_>, name: &str, target: &str) -> fmt::Result {
        let Rest { led, took, footprint } = self.rest;
        let took = format!("{} ({} of them before it led)", seconds(took), seconds(led));
        let written = self.requests.written();
        writeln!(f, "| {name} | {target} | {took} | {written} | {} | {} |", seconds(footprint.cpu), memory(footprint))
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

fn milliseconds(duration: Duration) -> String {
    format!("{} ms", duration.as_millis())
}

fn memory(footprint: Footprint) -> String {
    format!("{} ({}) MiB", footprint.resident >> 10, footprint.peak >> 10)
}
