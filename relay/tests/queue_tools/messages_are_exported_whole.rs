//! `export` writes what lies in the queue, for the eyes of one user, and what is corrupt leaves no half of a file.

use std::{fs, os::unix::fs::PermissionsExt as _};

use anyhow::{Result, ensure};
use postern_spool::{MessageId, Spool as _};
use serde_json::Value;

use crate::{letters::Letter, world::World};

/// A header, and lines of which no two are the same.
fn content(bytes: usize) -> Vec<u8> {
    let mut content = b"Subject: long\r\nX-Bytes: \xff\r\n\r\n".to_vec();
    while content.len() < bytes {
        content.extend_from_slice(format!("at {}\r\n", content.len()).as_bytes());
    }
    content
}

#[tokio::test(flavor = "multi_thread")]
async fn content_and_envelope_are_written_for_their_owner_alone() -> Result<()> {
    let world = World::new().await?;
    let small = Letter::new(60, "<>", &["<jo@a.example>"]);
    let large =
        Letter { content: content(3_000_000), ..Letter::new(50, "<billing@sender.example>", &["<jo@b.example>", "<al@b.example>"]) };
    let other = Letter::new(40, "<billing@sender.example>", &["<jo@c.example>"]);
    for letter in [&small, &large, &other] {
        letter.put(&world.spool).await?;
    }
    let folder = world.at.path().join("made/for it");
    let to = folder.display().to_string();
    world.run(&["export", "--recipient-domain", "b.example", "--to", &to]).await?.done()?;
    world.run(&["export", &small.id.to_string(), "--to", &to]).await?.done()?;
    let mut names: Vec<_> = fs::read_dir(&folder)?.map(|file| Ok(file?.file_name().into_string().unwrap())).collect::<Result<_>>()?;
    names.sort_unstable();
    let expected = [&small, &large].map(|letter| [format!("{}.eml", letter.id), format!("{}.json", letter.id)]).concat();
    ensure!(names == expected, "{names:?}");
    for name in &names {
        ensure!(fs::metadata(folder.join(name))?.permissions().mode() & 0o777 == 0o600, "{name}");
    }
    ensure!(fs::metadata(&folder)?.permissions().mode() & 0o777 == 0o700);
    for letter in [&small, &large] {
        ensure!(fs::read(folder.join(format!("{}.eml", letter.id)))? == letter.content);
        let envelope: Value = serde_json::from_slice(&fs::read(folder.join(format!("{}.json", letter.id)))?)?;
        ensure!(envelope["envelope"]["reversePath"] == *letter.from, "{envelope}");
        ensure!(envelope["statuses"].as_array().is_some_and(|statuses| statuses.len() == letter.to.len()), "{envelope}");
    }
    ensure!(world.names().await?.len() == 3);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_message_goes_to_standard_output() -> Result<()> {
    let world = World::new().await?;
    let letter = Letter::new(60, "<>", &["<jo@a.example>"]);
    let id = letter.put(&world.spool).await?.to_string();
    let written = world.run(&["export", &id, "--to", "-"]).await?.done()?;
    ensure!(written.as_bytes() == letter.content);
    let ended = world.run(&["export", "--all", "--to", "-"]).await?;
    ensure!(ended.code == 2 && ended.stdout.is_empty(), "{ended:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_header_is_shown_without_the_rest() -> Result<()> {
    let world = World::new().await?;
    let letter = Letter { content: content(200_000), ..Letter::new(60, "<>", &["<jo@a.example>"]) };
    let id = letter.put(&world.spool).await?.to_string();
    let shown = world.run(&["show", &id, "--headers"]).await?.done()?;
    ensure!(shown == "Subject: long\nX-Bytes: \u{fffd}\n", "{shown:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_corrupt_is_told_and_leaves_no_file() -> Result<()> {
    let world = World::new().await?;
    let good = Letter::new(60, "<>", &["<jo@a.example>"]);
    let bad = Letter { content: content(3_000_000), ..Letter::new(50, "<>", &["<jo@a.example>"]) };
    good.put(&world.spool).await?;
    bad.put(&world.spool).await?;
    let body = world.at.path().join(format!("queue/body/{}.body", bad.id));
    let mut bytes = fs::read(&body)?;
    bytes[2_000_000] ^= 1;
    fs::write(&body, bytes)?;
    let folder = world.at.path().join("out");
    let ended = world.run(&["export", "--all", "--to", &folder.display().to_string()]).await?;
    ensure!(ended.code == 1 && ended.stderr.contains(&bad.id.to_string()), "{ended:?}");
    ensure!(fs::read_dir(&folder)?.count() == 2);
    ensure!(world.spool.get(bad.id).await.is_err());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_names_what_is_not_there_is_told() -> Result<()> {
    let world = World::new().await?;
    let id = MessageId::new().to_string();
    for arguments in [&["show", &id][..], &["show", &id, "--headers"]] {
        let ended = world.run(arguments).await?;
        ensure!(ended.code == 1 && ended.stderr.contains("there is no message"), "{ended:?}");
    }
    let folder = world.at.path().join("out").display().to_string();
    let ended = world.run(&["export", &id, "--to", &folder]).await?;
    ensure!(ended.code == 1 && ended.stderr.contains("there is no message"), "{ended:?}");
    Ok(())
}
