//! The mails that the demo sends.

use anyhow::Result;
use postern_tests::{mail_server::MailServer as _, outbound, tool};

use crate::stage::{GATE, Stage};

/// Who sends the mails from outside: a stranger.
const STRANGER: &str = "sender@client.example.net";

/// A mail, and what should become of it.
pub(crate) struct Letter {
    pub(crate) title: &'static str,
    recipient: &'static str,
    way: Way,
    expected: Expected,
}

/// How a mail is sent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// From outside to the gate, in clear or with STARTTLS.
    In { tls: bool },
    /// By a user who logs in, to the world.
    Out,
}

/// What should become of a mail.
enum Expected {
    /// It arrives in the recipient's mailbox.
    Arrives,
    /// The relay answers with this.
    Refused(&'static str),
}

/// What became of it.
pub(crate) enum Verdict {
    AsExpected(String),
    Otherwise(String),
}

impl Letter {
    /// What comes in, and what goes out.
    pub(crate) const ALL: [Self; 5] = [
        Self {
            title: "A mail to an accepted domain, over STARTTLS: it arrives",
            recipient: "alice@example.com",
            way: Way::In { tls: true },
            expected: Expected::Arrives,
        },
        Self {
            title: "A mail to a foreign domain: refused",
            recipient: "someone@foreign.example.net",
            way: Way::In { tls: true },
            expected: Expected::Refused("550 5.7.1"),
        },
        Self {
            title: "A mail without TLS: refused",
            recipient: "alice@example.com",
            way: Way::In { tls: false },
            expected: Expected::Refused("530 5.7.0"),
        },
        Self {
            title: "A user logs in and sends a mail out: DNS names the exchanger, which takes it",
            recipient: "bob@example.org",
            way: Way::Out,
            expected: Expected::Arrives,
        },
        Self {
            title: "The same to a domain that does not exist: the sender is told so at once",
            recipient: "bob@nowhere.example.org",
            way: Way::Out,
            expected: Expected::Refused("550 5.1.2"),
        },
    ];

    /// The command that sends it.
    pub(crate) fn command(&self, stage: &Stage) -> String {
        format!("swaks {}", self.arguments(stage).iter().map(|argument| quoted(argument)).collect::<Vec<_>>().join(" "))
    }

    fn arguments(&self, stage: &Stage) -> Vec<String> {
        let Way::In { tls } = self.way else { return stage.outbound.command(self.recipient, "PLAIN") };
        let tls = tls.then_some("--tls");
        let arguments = ["--server", GATE].into_iter().chain(tls);
        let arguments = arguments.chain(["--ehlo", "client.example.net", "--from", STRANGER, "--to", self.recipient]);
        arguments.map(str::to_owned).collect()
    }

    /// Sends it, and prints the dialogue.
    pub(crate) async fn send(&self, stage: &Stage) -> Result<Verdict> {
        println!("   $ {}", self.command(stage));
        let sent = tool::run("swaks", self.arguments(stage)).await?;
        for line in sent.text.lines().filter(|line| !line.starts_with("===") || line.starts_with("=== TLS started")) {
            println!("   {line}");
        }
        match self.expected {
            Expected::Arrives if sent.success => {
                let (server, sender) = match self.way {
                    Way::In { .. } => (&stage.postfix, STRANGER),
                    Way::Out => (&stage.outbound.server, outbound::SENDER),
                };
                let mail = server.arrival(self.recipient, sender).await?;
                let trace: Vec<_> = mail.text.lines().take_while(|line| !line.starts_with("Date:")).collect();
                Ok(Verdict::AsExpected(format!("arrived: {}\n\n     {}", mail.path.display(), trace.join("\n     "))))
            }
            Expected::Arrives => Ok(Verdict::Otherwise("it was not taken".to_owned())),
            Expected::Refused(reply) if !sent.success && sent.text.contains(&format!("* {reply}")) => {
                Ok(Verdict::AsExpected(format!("refused: {reply}")))
            }
            Expected::Refused(reply) => Ok(Verdict::Otherwise(format!("it was not refused with {reply}"))),
        }
    }
}

fn quoted(argument: &str) -> String {
    if argument.contains(' ') { format!("'{argument}'") } else { argument.to_owned() }
}
