//! GNU SASL, a client of another house, is let in by every mechanism that it knows, and believes that we are the server.

use std::{process::Stdio, sync::Arc};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use postern_relay::auth::{Client, Exchange, Mechanism, Progress, Users};
use postern_tests::poll;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use crate::site::{PASSWORD, SCRAM, Site, WRONG, client, user, users, verdict};

const CHANNEL: [u8; 32] = [0xc4; 32];

/// A client that says and hears lines of base64.
struct Gsasl {
    process: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Gsasl {
    async fn start(mechanism: Mechanism, channel: Option<[u8; 32]>, password: &str) -> Self {
        let mut command = Command::new("gsasl");
        command.args(["--client", "--quiet", "--mechanism", mechanism.name(), "--authentication-id", "alice", "--password", password]);
        if channel.is_none() {
            command.arg("--no-cb");
        }
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut gsasl = Self { input: process.stdin.take().unwrap(), output, process };
        assert_eq!(gsasl.line().await.as_deref(), Some(mechanism.name()));
        if let Some(channel) = channel {
            gsasl.say(&channel).await;
        }
        gsasl
    }

    async fn line(&mut self) -> Option<String> {
        poll::within("gsasl", self.output.next_line()).await.unwrap().unwrap()
    }

    /// What it sends next; a prompt that has no end of line may stand before it.
    async fn hear(&mut self) -> Vec<u8> {
        let line = self.line().await.unwrap();
        BASE64_STANDARD.decode(line.rsplit(' ').next().unwrap()).unwrap()
    }

    async fn say(&mut self, message: &[u8]) {
        self.input.write_all(format!("{}\n", BASE64_STANDARD.encode(message)).as_bytes()).await.unwrap();
    }

    /// Whether it is content with what it heard.
    async fn ends_content(mut self) -> bool {
        drop(self.input);
        poll::within("gsasl", self.process.wait()).await.unwrap().unwrap().success()
    }
}

/// Lets both talk to the end.
async fn talk(mut exchange: Exchange, mut gsasl: Gsasl) -> (String, bool) {
    loop {
        match exchange.step(Some(&gsasl.hear().await)).await {
            Progress::Challenge(challenge) => gsasl.say(&challenge).await,
            Progress::Done { account, data } => {
                if let Some(data) = data {
                    gsasl.say(&data).await;
                }
                // That there is no more.
                gsasl.say(b"").await;
                return (account.name().to_owned(), gsasl.ends_content().await);
            }
            refused @ Progress::Refused(_) => return (verdict(&refused), false),
        }
    }
}

fn alice() -> Arc<Users> {
    users(&[user("alice", Some(SCRAM))])
}

fn bound(channel: Option<[u8; 32]>) -> Client {
    Client { channel_binding: channel, ..client(1) }
}

#[tokio::test]
async fn every_mechanism_lets_it_in_with_the_right_password_alone() {
    let cases =
        [(Mechanism::Plain, None), (Mechanism::Login, None), (Mechanism::ScramSha256, None), (Mechanism::ScramSha256Plus, Some(CHANNEL))];
    for (mechanism, channel) in cases {
        let (site, users) = (Site::new(), alice());
        let gsasl = Gsasl::start(mechanism, channel, PASSWORD).await;
        assert_eq!(talk(site.begin(&users, bound(channel), mechanism), gsasl).await, ("alice".to_owned(), true), "{mechanism:?}");
        let gsasl = Gsasl::start(mechanism, channel, "wrong horse").await;
        assert_eq!(talk(site.begin(&users, bound(channel), mechanism), gsasl).await.0, WRONG, "{mechanism:?}");
    }
}

#[tokio::test]
async fn a_proof_for_another_channel_is_refused() {
    let (site, users) = (Site::new(), alice());
    let gsasl = Gsasl::start(Mechanism::ScramSha256Plus, Some([0xc5; 32]), PASSWORD).await;
    assert_eq!(talk(site.begin(&users, bound(Some(CHANNEL)), Mechanism::ScramSha256Plus), gsasl).await.0, WRONG);
}
