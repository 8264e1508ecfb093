//! What it was measured on.

use std::{fs, thread};

use anyhow::{Context, Result};

/// The machine in words.
pub(crate) fn describe() -> Result<String> {
    let processors = fs::read_to_string("/proc/cpuinfo")?;
    let model = processors.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split_once(": "));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let model = model.map_or("unknown", |(_, model)| model);
    Ok(format!("{} cores ({model}), Linux {}", thread::available_parallelism()?, kernel.trim()))
}

/// How many tasks wanted a core, on the average of the last minute. What runs beside the benchmark counts too.
pub(crate) fn load() -> Result<f64> {
    let load = fs::read_to_string("/proc/loadavg")?;
    Ok(load.split(' ').next().context("no load")?.parse()?)
}
