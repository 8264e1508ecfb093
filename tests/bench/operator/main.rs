//! The operator's benchmark, on a real API server without nodes: how long it takes to bring many relays to what their resources say, what it
//! takes of the machine, and how soon an edit is where it has to be.
//!
//! It asserts that everything was brought about, never that it was fast.

mod course;
mod edits;
mod ledger;
mod machine;
mod report;
mod stock;

use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use jiff::Timestamp;
use postern_tests::cluster::{Cluster, release::Release};
use serde_json::json;
use tokio::time::sleep;

use course::Course;
use ledger::Ledger;
use report::{Idle, Report, Stretch};
use stock::Stock;

/// Where the operator's own objects are.
const NAMESPACE: &str = "postern-system";

/// Measures the operator, and prints a table.
#[derive(Clone, Copy, Parser)]
struct Sizes {
    /// How many `SmtpRelay`s
    #[arg(long, env = "BENCH_RELAYS", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    relays: u32,
    /// How many `AcceptedDomain`s each relay has
    #[arg(long, env = "BENCH_DOMAINS", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    domains: u32,
    /// How many edits are timed
    #[arg(long, env = "BENCH_EDITS", default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..))]
    edits: u32,
    /// For how many seconds nothing is changed and writes are counted
    #[arg(long, env = "BENCH_IDLE", default_value_t = 60)]
    idle: u64,
}

#[tokio::main]
async fn main() -> Result<()> {
    let sizes = Sizes::parse();
    let cluster = Cluster::start().await?.context("there is no API server here")?;
    let release = Release::install(&cluster, NAMESPACE, &json!({ "secretNamespaces": ["*"] })).await?;
    eprintln!("making {} relays with {} domains each", sizes.relays, sizes.domains);
    let stock = Stock::make(&cluster, sizes.relays, sizes.domains).await?;
    let ledger = Ledger::new(&cluster, &release);
    let load_before = machine::load()?;

    eprintln!("first creation");
    let mut course = Course::begin(&cluster, &release).await?;
    let creation = Stretch { rest: course.rests(sizes.relays).await?, requests: ledger.since(course.began)? };
    stock.is_done().await?;
    // Killed, as by the loss of a node.
    drop(course);

    eprintln!("restart");
    let mut course = Course::begin(&cluster, &release).await?;
    let restart = Stretch { rest: course.rests(sizes.relays).await?, requests: ledger.since(course.began)? };

    eprintln!("{} edits", sizes.edits);
    let latencies = edits::time(&stock, sizes.edits).await?;
    let after_edits = course.rests(sizes.relays).await?.footprint;
    stock.is_done().await?;

    eprintln!("{} s without a change", sizes.idle);
    let begin = Timestamp::now();
    sleep(Duration::from_secs(sizes.idle)).await;
    let idle = Idle { requests: ledger.since(begin)?, cpu: course.footprint()?.cpu.saturating_sub(after_edits.cpu) };
    let loads = (load_before, machine::load()?);
    print!("{}", Report { sizes, creation, restart, latencies, after_edits, idle, machine: machine::describe()?, loads });
    Ok(())
}
