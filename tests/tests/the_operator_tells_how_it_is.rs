//! What the operator tells those who watch it: that it lives, that it is ready, and every count that the documentation names.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Result, ensure};
use postern_tests::{
    cluster::{mail::Shown, stage::Stage},
    http, poll,
};

/// The families that docs/operations.md names.
fn documented() -> Result<BTreeSet<String>> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operations.md"))?;
    let names = text.split('`').filter(|part| part.starts_with("postern_operator_")).map(str::to_owned);
    Ok(names.collect())
}

/// The families of samples in the text format of Prometheus. Those of a histogram have its name with suffixes.
fn told(metrics: &str) -> BTreeSet<String> {
    let lines = metrics.lines().filter(|line| !line.starts_with('#'));
    let names = lines.filter_map(|line| line.split(['{', ' ']).next());
    let histogram = |name: &str| ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix).map(str::to_owned));
    names.map(|name| histogram(name).unwrap_or_else(|| name.to_owned())).collect()
}

#[tokio::test]
async fn it_is_healthy_and_ready_and_tells_every_count_that_is_documented() -> Result<()> {
    let Some(stage) = Stage::set("watched").await? else { return Ok(()) };
    // In the way of the relay, so that errors are counted too.
    stage.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: edge-config}, data: {mine: really}}").await?;
    stage.apply(&Shown::new()?.edge(2525)).await?;
    let mut operator = stage.operator().await?;
    operator.is_ready().await?;
    ensure!(http::get(operator.admin, "/healthz").await?.status == 200);
    stage.relay_is("edge", "Stalled", "True", "NameCollision").await?;

    let documented = documented()?;
    let mut differing = BTreeSet::new();
    let counted = poll::until("", async || {
        let response = http::get(operator.admin, "/metrics").await.ok()?;
        differing = told(&response.body).symmetric_difference(&documented).cloned().collect();
        differing.is_empty().then_some(response.body)
    })
    .await;
    ensure!(counted.is_ok(), "told or documented, and not both: {differing:#?}");
    let counted = counted?;
    for line in [
        "postern_operator_leader 1",
        r#"postern_operator_resources{kind="SmtpRelay",state="stalled"} 1"#,
        r#"postern_operator_reconcile_errors_total{controller="relay",reason="NameCollision"}"#,
    ] {
        ensure!(counted.lines().any(|told| told.starts_with(line)), "{line} is not in\n{counted}");
    }
    Ok(())
}
