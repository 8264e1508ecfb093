//! The operator's benchmark brings about what it times, and has a figure for everything that it is asked for.

use anyhow::{Context, Result, ensure};
use postern_tests::{cluster::tools, tool};

#[tokio::test]
async fn a_small_run_has_every_figure() -> Result<()> {
    if tools::layer_is_off() {
        return Ok(());
    }
    let sizes = ["--relays", "3", "--domains", "2", "--edits", "4", "--idle", "1"];
    let outcome = tool::run(env!("CARGO_BIN_EXE_bench-operator"), sizes).await?;
    outcome.expect("3 SmtpRelays, 6 AcceptedDomains")?;
    let rows: Vec<Vec<&str>> = outcome.text.lines().filter(|line| line.starts_with("| ")).map(|line| line.split('|').collect()).collect();
    let writes = |row: &str| -> Result<usize> {
        let cells = rows.iter().find(|cells| cells[1].contains(row)).with_context(|| format!("no row {row} in\n{outcome}"))?;
        Ok(cells[4].trim().parse()?)
    };
    // A Deployment, a status and what else belongs to a relay; a status for each domain.
    ensure!(writes("first creation")? > 3 * 2 + 6, "{outcome}");
    ensure!(writes("restart")? == 0 && writes("without a change")? == 0, "{outcome}");
    ensure!(outcome.text.contains("p99 (p50) of 4"), "{outcome}");
    Ok(())
}
