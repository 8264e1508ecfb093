//! Whatever a next hop does wrong, at whatever step, the sender hears the right answer, and its session goes on: the next hop's own word where
//! it speaks of the mail, 451 where the link to it fails.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};
use postern_config::ListenerTls;
use postern_tests::{
    client::{Client, Reply},
    port,
    relay::Relay,
    sink::Sink,
};

/// The replies that a sink refuses with.
const SOFT: &str = "450 4.3.9 not now";
const HARD: &str = "550 5.3.9 never";

/// What `smtp-sink` is told to do, and the code and the enhanced code of the first reply to the sender that is not positive.
const FAULTS: [(&[&str], u16, &str); 15] = [
    (&["-f", "connect"], 451, "4.4.1"),
    (&["-r", "connect"], 451, "4.4.1"),
    (&["-q", "connect"], 451, "4.4.1"),
    (&["-q", "ehlo"], 451, "4.4.2"),
    (&["-r", "mail"], 450, "4.3.9"),
    (&["-f", "mail"], 550, "5.3.9"),
    (&["-q", "mail"], 451, "4.4.2"),
    (&["-r", "rcpt"], 450, "4.3.9"),
    (&["-f", "rcpt"], 550, "5.3.9"),
    (&["-q", "rcpt"], 451, "4.4.2"),
    (&["-r", "data"], 450, "4.3.9"),
    (&["-f", "data"], 550, "5.3.9"),
    (&["-q", "data"], 451, "4.4.2"),
    (&["-r", "."], 450, "4.3.9"),
    (&["-f", "."], 550, "5.3.9"),
];

/// A relay in front of a next hop that comes and goes, and a client of it that stays.
struct Scene {
    folder: tempfile::TempDir,
    port: u16,
    relay: Relay,
    client: Client,
}

impl Scene {
    /// The relay waits for its next hop one second at most.
    async fn new() -> Result<Self> {
        let port = port::free()?;
        let relay = Relay::start(port, ListenerTls::StartTls, |config| {
            config.root.timeouts.next_hop_command_seconds = 1;
            config.root.timeouts.next_hop_final_reply_seconds = 1;
            Ok(())
        });
        let relay = relay.await?;
        Ok(Self { folder: tempfile::tempdir()?, port, client: relay.client().await?, relay })
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    async fn sink(&self, faults: &[&str]) -> Result<Sink> {
        let options = [&["-b", SOFT, "-B", HARD], faults].concat();
        Sink::start(self.port, &self.path().join("sink"), &options).await
    }

    async fn mail(&mut self) -> Result<Reply> {
        self.client.ask("RSET", 250).await?;
        self.client.mail("sender@client.test", "alice@example.com", "Subject: hello\r\n\r\n").await
    }

    /// The sender hears `code` and `enhanced`, and then, from a sound next hop, 250 in the same session.
    async fn hears(&mut self, reply: &Reply, code: u16, enhanced: &str) -> Result<()> {
        ensure!(reply.code == code && reply.enhanced() == Some(enhanced), "the sender heard {reply}, not {code} {enhanced}");
        fs::remove_dir_all(self.path().join("sink")).ok();
        let sink = self.sink(&[]).await?;
        let reply = self.mail().await?;
        ensure!(reply.code == 250, "afterwards the sender heard {reply}");
        ensure!(sink.messages()?.len() == 1, "{:?}", sink.messages());
        Ok(())
    }
}

#[tokio::test]
async fn a_fault_at_any_step_gives_the_sender_the_right_answer() -> Result<()> {
    let mut scene = Scene::new().await?;
    for (faults, code, enhanced) in FAULTS {
        let sink = scene.sink(faults).await?;
        let reply = scene.mail().await?;
        drop(sink);
        scene.hears(&reply, code, enhanced).await.with_context(|| format!("{faults:?}"))?;
    }
    scene.relay.stop().await
}

#[tokio::test]
async fn a_next_hop_that_is_not_there_is_a_matter_of_later() -> Result<()> {
    let mut scene = Scene::new().await?;
    let reply = scene.mail().await?;
    scene.hears(&reply, 451, "4.4.1").await?;
    scene.relay.stop().await
}

#[tokio::test]
async fn a_next_hop_that_dies_while_the_content_comes_has_taken_nothing() -> Result<()> {
    let mut scene = Scene::new().await?;
    let mut sink = scene.sink(&[]).await?;
    scene.client.ask("MAIL FROM:<sender@client.test>", 250).await?;
    scene.client.ask("RCPT TO:<alice@example.com>", 250).await?;
    scene.client.ask("DATA", 354).await?;
    scene.client.send("Subject: hello\r\n").await?;
    sink.kill().await?;
    let reply = scene.client.command("\r\n.").await?;
    scene.hears(&reply, 451, "4.4.2").await?;
    scene.relay.stop().await
}

#[tokio::test]
async fn a_next_hop_that_hangs_up_or_falls_silent_instead_of_its_last_reply_has_promised_nothing() -> Result<()> {
    let mut scene = Scene::new().await?;
    let sink = scene.sink(&["-q", "."]).await?;
    let reply = scene.mail().await?;
    drop(sink);
    scene.hears(&reply, 451, "4.4.2").await?;

    let sink = scene.sink(&[]).await?;
    scene.client.ask("MAIL FROM:<sender@client.test>", 250).await?;
    scene.client.ask("RCPT TO:<alice@example.com>", 250).await?;
    scene.client.ask("DATA", 354).await?;
    sink.pause()?;
    let reply = scene.client.command("Subject: hello\r\n\r\n.").await?;
    drop(sink);
    scene.hears(&reply, 451, "4.4.2").await?;
    scene.relay.stop().await
}
