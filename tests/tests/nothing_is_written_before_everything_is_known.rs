//! What an operator that has just started does not know yet would look like what is gone: it writes nothing before every watch that it needs was
//! answered, and a relay keeps what it has.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use kube::api::{Patch, PatchParams};
use postern_crds::SmtpRelay;
use postern_tests::{
    cluster::{mail::Shown, stage::Stage, toll::Toll},
    next_hop::Script,
};
use serde_json::json;

/// What is held back of the API, one after the other.
const HELD: [&str; 5] = ["/accepteddomains", "/smtprelays", "/secrets", "/configmaps", "/pods"];
/// Far longer than an operator needs that holds back nothing.
const WAIT: Duration = Duration::from_secs(5);

#[tokio::test]
async fn while_one_kind_is_not_listed_nothing_is_written_and_mail_flows() -> Result<()> {
    let Some(stage) = Stage::set("blind").await? else { return Ok(()) };
    let next_hop = Script::good().start().await?;
    let shown = Shown::new()?;
    stage.apply(&shown.edge(next_hop.address().port())).await?;
    let operator = stage.operator().await?;
    let kubelet = stage.kubelet()?;
    stage.relay_is("edge", "Ready", "True", "").await?;
    drop(operator);

    for (round, held) in HELD.into_iter().enumerate() {
        // There is something to write.
        let change = json!({ "spec": { "limits": { "recipients": 50 + round } } });
        stage.api::<SmtpRelay>().patch("edge", &PatchParams::default(), &Patch::Merge(change)).await?;
        let toll = Toll::open(stage.cluster.url(), &stage.cluster.authority()).await?;
        toll.hold(Some(held));
        let mut operator = stage.operator_at(toll.url()).await?;
        operator.process.line("starting").await?;
        tokio::time::sleep(WAIT).await;
        ensure!(toll.writes().is_empty(), "without {held} it wrote {:?}", toll.writes());
        ensure!(operator.process.is_running(), "without {held} it ended");
        shown.answers(&stage, &kubelet, "user@example.com", "250").await?;

        toll.hold(None);
        stage.relay_is("edge", "Ready", "True", "").await.with_context(|| format!("after {held} came"))?;
        ensure!(!toll.writes().is_empty(), "nothing was written after {held} came");
        shown.answers(&stage, &kubelet, "user@example.com", "250").await?;
    }
    Ok(())
}
