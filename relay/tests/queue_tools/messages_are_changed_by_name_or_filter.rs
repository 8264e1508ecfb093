//! `hold`, `release`, `retry`, `bounce` and `delete` do what they say, to the messages that are meant and no others.

use std::{
    collections::HashSet,
    io::Write as _,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use postern_spool::{MessageId, Spool as _};
use postern_tests::poll;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use crate::{
    letters::{Letter, claim},
    tool::command,
    world::World,
};

/// Two messages to `a.example` and one to `b.example`.
async fn three(world: &World) -> Result<[MessageId; 3]> {
    let letter = |minutes, to| Letter::new(minutes, "<billing@sender.example>", &[to]);
    let (first, second) = (letter(300, "<jo@a.example>"), letter(200, "<jo@a.example>"));
    Ok([first.put(&world.spool).await?, second.put(&world.spool).await?, letter(100, "<jo@b.example>").put(&world.spool).await?])
}

/// The summary of a command, which is its last line.
async fn summary(world: &World, code: i32, arguments: &[&str]) -> Result<Value> {
    let ended = world.run(&[arguments, &["--output", "json"]].concat()).await?;
    ensure!(ended.code == code, "{ended:?}");
    Ok(ended.objects()?.pop().unwrap_or_default())
}

async fn held(world: &World) -> Result<Vec<bool>> {
    let mut held = Vec::new();
    for id in world.names().await? {
        held.push(world.spool.get(id).await?.held);
    }
    Ok(held)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_waits_until_it_is_released() -> Result<()> {
    let world = World::new().await?;
    let [_, _, third] = three(&world).await?;
    let done = world.run(&["hold", "--recipient-domain", "A.example"]).await?.done()?;
    ensure!(done == "2 messages held\n", "{done}");
    ensure!(held(&world).await? == [true, true, false]);
    world.run(&["hold", &third.to_string()]).await?.done()?;
    world.run(&["release", "--held", "--older-than", "4h"]).await?.done()?;
    ensure!(held(&world).await? == [false, true, true]);
    world.run(&["release", "--all"]).await?.done()?;
    ensure!(held(&world).await? == [false, false, false]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_retried_is_due_now() -> Result<()> {
    let world = World::new().await?;
    let [first, second, _] = three(&world).await?;
    world.run(&["retry", &second.to_string()]).await?.done()?;
    let now = Timestamp::now();
    ensure!(world.spool.get(second).await?.due <= now);
    ensure!(world.spool.get(first).await?.due > now);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_is_gone_and_the_rest_stays() -> Result<()> {
    let world = World::new().await?;
    let [first, second, third] = three(&world).await?;
    let dry = summary(&world, 0, &["delete", "--recipient-domain", "a.example", "--dry-run"]).await?;
    ensure!(dry["done"] == 2 && dry["dryRun"] == true && dry["action"] == "delete", "{dry}");
    ensure!(world.names().await? == [first, second, third]);
    world.run(&["delete", "--recipient-domain", "a.example"]).await?.done()?;
    ensure!(world.names().await? == [third]);
    world.run(&["delete", &third.to_string()]).await?.done()?;
    ensure!(world.names().await?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_being_delivered_is_told() -> Result<()> {
    let world = World::new().await?;
    let [first, second, third] = three(&world).await?;
    let _claim = claim(&world.spool, second).await?;
    let dry = summary(&world, 0, &["delete", "--all", "--dry-run"]).await?;
    ensure!(dry["claimed"] == 1, "{dry}");
    let not_all = summary(&world, 1, &["bounce", "--all"]).await?;
    ensure!(not_all["done"] == 2 && not_all["failed"] == 1, "{not_all}");
    ensure!(world.bounced.ids() == HashSet::from([first, third]));
    let done = world.run(&["delete", "--all"]).await?.done()?;
    let expected = "1 message deleted\n1 is being delivered at that moment: that goes on, so recipients may get it all the same\n";
    ensure!(done == expected, "{done}");
    ensure!(world.names().await?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_listed_and_the_rest_is_done() -> Result<()> {
    let world = World::new().await?;
    let [first, second, third] = three(&world).await?;
    let unknown = MessageId::new();
    let ended = world.run(&["delete", &first.to_string(), &unknown.to_string(), &second.to_string()]).await?;
    ensure!(ended.code == 1, "{ended:?}");
    ensure!(ended.stdout == "2 messages deleted\n1 message failed, as was told\n", "{ended:?}");
    ensure!(ended.stderr == format!("{unknown}: there is no message {unknown} in the queue\n"), "{ended:?}");
    ensure!(world.names().await? == [third]);
    let ended = world.run(&["hold", &unknown.to_string(), "--output", "json"]).await?;
    let expected = json!({"id": unknown, "error": format!("there is no message {unknown} in the queue")});
    ensure!(ended.code == 1 && ended.objects()?[0] == expected, "{ended:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_done_to_messages_that_nobody_named() -> Result<()> {
    let world = World::new().await?;
    let [first, ..] = three(&world).await?;
    let first = first.to_string();
    let wrong: [&[&str]; 8] = [
        &["delete"],
        &["delete", "--yes"],
        &["delete", "--all", &first],
        &["delete", "--held", &first],
        &["delete", "--all", "--held"],
        &["delete", "--held", "--not-held"],
        &["delete", "--sender-domain", "a b"],
        &["delete", "--sender", "jo"],
    ];
    for arguments in wrong {
        let ended = world.run(arguments).await?;
        ensure!(ended.code == 2 && ended.stdout.is_empty(), "{arguments:?}: {ended:?}");
    }
    ensure!(world.names().await?.len() == 3);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_arrives_when_a_command_has_begun_is_not_meant() -> Result<()> {
    let world = World::new().await?;
    three(&world).await?;
    let later = Letter::new(-60, "<billing@sender.example>", &["<jo@a.example>"]).put(&world.spool).await?;
    world.run(&["delete", "--all"]).await?.done()?;
    ensure!(world.names().await? == [later]);
    Ok(())
}

/// Runs a command on a terminal where somebody types `answer`.
async fn on_a_terminal(world: &World, arguments: &str, answer: &str) -> Result<Option<i32>> {
    let program = env!("CARGO_BIN_EXE_postern-relay");
    let line = format!("{program} queue {arguments} --socket {}", world.socket.display());
    let mut script = Command::new("script").args(["-qec", &line, "/dev/null"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    // The terminal shows the question and keeps what is typed before it.
    script.stdin.take().context("no input")?.write_all(answer.as_bytes())?;
    let output = spawn_blocking(|| script.wait_with_output()).await??;
    println!("{}", String::from_utf8_lossy(&output.stdout));
    Ok(output.status.code())
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_terminal_what_is_grave_is_confirmed() -> Result<()> {
    let world = World::new().await?;
    let [first, second, third] = three(&world).await?;
    let by_name = format!("delete {first}");
    for arguments in ["delete --all", &by_name, "hold --all"] {
        let code = on_a_terminal(&world, arguments, "n\n").await?;
        ensure!(code == Some(1), "{arguments}: {code:?}");
    }
    ensure!(world.names().await? == [first, second, third]);
    ensure!(held(&world).await? == [false; 3]);
    ensure!(on_a_terminal(&world, &by_name, "y\n").await? == Some(0));
    ensure!(on_a_terminal(&world, &format!("delete -y {second}"), "").await? == Some(0));
    ensure!(on_a_terminal(&world, &format!("hold {third}"), "").await? == Some(0));
    ensure!(world.names().await? == [third]);
    ensure!(on_a_terminal(&world, "delete --all", "yes\n").await? == Some(0));
    ensure!(world.names().await?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stops_a_command_hears_what_is_done() -> Result<()> {
    let world = World::new().await?;
    three(&world).await?;
    *world.bounced.patience.lock().unwrap() = Some(2);
    let mut command = command(&world.socket, &["bounce", "--all", "--output", "json"]);
    command.stdout(Stdio::piped());
    let child = command.spawn()?;
    poll::until("two bounces", async || (world.bounced.ids().len() == 2).then_some(())).await?;
    let id = Pid::from_raw(i32::try_from(child.id())?).context("no process id")?;
    kill_process(id, Signal::INT)?;
    let output = spawn_blocking(|| child.wait_with_output()).await??;
    ensure!(output.status.code() == Some(130), "{output:?}");
    let summary: Value = serde_json::from_slice(&output.stdout)?;
    ensure!(summary["interrupted"] == true, "{summary}");
    ensure!(world.names().await?.len() == 1);
    Ok(())
}
