//! Twenty thousand messages: nothing is left out, nothing is told twice, and whoever has read enough may go.

use std::{
    collections::HashSet,
    io::{BufRead as _, BufReader},
    process::Stdio,
};

use anyhow::{Context, Result, ensure};
use postern_spool::MessageId;
use tokio::task::{JoinSet, spawn_blocking};

use crate::{letters::Letter, world::World};

const MESSAGES: usize = 20_000;
/// Every so manieth message is to `rare.example`.
const RARE: usize = 1_000;

async fn filled() -> Result<(World, Vec<MessageId>)> {
    let world = World::new().await?;
    let mut ids = Vec::with_capacity(MESSAGES);
    // Many at once share a sync.
    for some in (0..MESSAGES).collect::<Vec<_>>().chunks(500) {
        let mut puts = JoinSet::new();
        for number in some {
            let (spool, is_rare) = (world.spool.clone(), number % RARE == 0);
            puts.spawn(async move {
                let to = if is_rare { "<jo@rare.example>" } else { "<jo@common.example>" };
                Letter::new(60, "<billing@sender.example>", &[to]).put(&spool).await
            });
        }
        for id in puts.join_all().await {
            ids.push(id?);
        }
    }
    ids.sort_unstable();
    Ok((world, ids))
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_found_and_changed_once() -> Result<()> {
    let (world, ids) = filled().await?;
    let listed = world.run(&["list", "-o", "json"]).await?.objects()?;
    let names: Vec<MessageId> = listed.iter().filter_map(|message| message["id"].as_str()?.parse().ok()).collect();
    ensure!(names == ids, "{} of {} are listed", names.len(), ids.len());

    let limited = world.run(&["list", "-o", "json", "--limit", "300"]).await?.objects()?;
    ensure!(limited == listed[..300]);

    let held = world.run(&["hold", "--recipient-domain", "rare.example", "-o", "json"]).await?.objects()?;
    ensure!(held[0]["done"] == MESSAGES / RARE && held[0]["examined"] == MESSAGES, "{held:?}");

    let deleted = world.run(&["delete", "--not-held"]).await?.done()?;
    ensure!(deleted == format!("{} messages deleted\n", MESSAGES - MESSAGES / RARE), "{deleted}");
    let left: HashSet<_> = world.names().await?.into_iter().collect();
    let rare = listed.iter().filter(|message| message["pending"][0] == "jo@rare.example");
    let rare: HashSet<MessageId> = rare.filter_map(|message| message["id"].as_str()?.parse().ok()).collect();
    ensure!(left == rare && left.len() == MESSAGES / RARE, "{left:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn many_names_are_as_good_as_a_filter() -> Result<()> {
    let world = World::new().await?;
    let mut names = Vec::new();
    // More than a page.
    for _ in 0..600 {
        names.push(Letter::new(60, "<>", &["<jo@example.com>"]).put(&world.spool).await?.to_string());
    }
    let arguments: Vec<_> = ["delete"].into_iter().chain(names.iter().map(String::as_str)).collect();
    let deleted = world.run(&arguments).await?.done()?;
    ensure!(deleted == "600 messages deleted\n", "{deleted}");
    ensure!(world.names().await?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_read_enough_may_go() -> Result<()> {
    let world = World::new().await?;
    for _ in 0..2_000 {
        Letter::new(60, "<>", &["<jo@example.com>"]).put(&world.spool).await?;
    }
    let mut command = crate::tool::command(&world.socket, &["list"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let ended = spawn_blocking(move || -> Result<_> {
        let mut child = command.spawn()?;
        // The head of the table; the rest is more than a pipe holds.
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("no output")?).read_line(&mut line)?;
        ensure!(line.starts_with("ID "), "{line}");
        Ok(child.wait_with_output()?)
    });
    let ended = ended.await??;
    ensure!(ended.status.success() && ended.stderr.is_empty(), "{ended:?}");
    Ok(())
}
