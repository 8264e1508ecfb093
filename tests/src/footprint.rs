//! What a process takes of the machine, as the kernel tells it.

use std::{fs, time::Duration};

use anyhow::{Context, Result};

/// The unit in which the kernel tells CPU time, on every architecture.
const TICK: Duration = Duration::from_millis(10);

/// What a process takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footprint {
    /// Resident memory, in KiB.
    pub resident: u64,
    /// The most resident memory that it ever had, in KiB.
    pub peak: u64,
    /// CPU time since its start, user and system.
    pub cpu: Duration,
}

impl Footprint {
    /// That of the process with this id, which must run.
    pub fn of(process: u32) -> Result<Self> {
        let status = fs::read_to_string(format!("/proc/{process}/status"))?;
        let kib = |name: &str| -> Result<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).with_context(|| format!("no {name}"))?;
            Ok(line.trim_end_matches("kB").trim().parse()?)
        };
        Ok(Self { resident: kib("VmRSS:")?, peak: kib("VmHWM:")?, cpu: cpu(process)? })
    }
}

fn cpu(process: u32) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The program's name, in parentheses, may hold anything.
    let (_, fields) = stat.rsplit_once(')').context("a process without a name")?;
    let ticks: Vec<u32> = fields.split_whitespace().skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
    Ok(TICK * ticks.iter().sum::<u32>())
}
