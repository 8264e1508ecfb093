//! An exchanger puts off who comes for the first time: the message waits, whoever looks is told why, and it arrives once, without a word to its
//! sender.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use postern_tests::{
    exim::Exim,
    http,
    mail_server::MailServer as _,
    outbound::{Outbound, SENDER, SERVER_NAMES},
    packaged::mounts_are_denied,
    pki::Authority,
    poll,
    process::Output,
    queue_tool,
};
use serde_json::{Value, json};

#[tokio::test]
async fn a_greylisting_exchanger_is_tried_again() -> Result<()> {
    if mounts_are_denied()? {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let exim = async |folder: &Path, port, world: &Authority| {
        Exim::start_greylisting(folder, port, &world.server(&SERVER_NAMES)?, Output::Printed).await
    };
    let scene = Outbound::start_before(exim, folder.path(), Output::Printed).await?;
    scene.submit("bob@example.org", "PLAIN").await?.expect("250 2.0.0 Queued as ")?;

    // It is put off as often as it comes, and what is said is known.
    let waiting = poll::until("a second attempt", async || attempted(&scene, 2).await.transpose()).await??;
    ensure!(waiting["pending"][0] == "bob@example.org", "{waiting}");
    ensure!(waiting["lastError"] == "Greylisted, come back later", "{waiting}");
    let shown =
        queue_tool::ask(&scene.socket, &["show", waiting["id"].as_str().context("an id")?]).await?.pop().context("nothing is shown")?;
    let last = &shown["statuses"][0]["pending"]["last"];
    ensure!(last["code"] == 451 && last["enhanced"] == json!([4, 7, 1]) && last["by"] == "mx.example.org", "{shown}");
    let metrics = http::get(scene.admin, "/metrics").await?.body;
    ensure!(metrics.contains("\npostern_queue_deliveries_total{result=\"deferred\",destination=\"mx\"} "), "{metrics}");
    ensure!(scene.server.messages("bob@example.org")?.is_empty());

    scene.server.welcome()?;
    scene.server.arrival("bob@example.org", SENDER).await?;
    poll::until("the queue to be empty", async || (queue_tool::count(&scene.socket).await.ok()? == 0).then_some(())).await?;
    ensure!(scene.server.messages("bob@example.org")?.len() == 1);
    ensure!(scene.server.messages(SENDER)?.is_empty(), "the sender was told: {:?}", scene.server.messages(SENDER));
    scene.stop().await
}

/// The message that waits, once it was tried so often.
async fn attempted(scene: &Outbound<Exim>, times: u64) -> Result<Option<Value>> {
    let mut listed = queue_tool::ask(&scene.socket, &["list"]).await?;
    Ok(listed.pop().filter(|message| message["attempts"].as_u64() >= Some(times)))
}
