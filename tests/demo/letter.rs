//! The mails that the demo sends.

use anyhow::Result;
use postern_tests::tool;

use crate::stage::{GATE, Stage};

/// Who sends the mails: a stranger.
const SENDER: &str = "sender@client.example.net";

/// A mail, and what should become of it.
pub(crate) struct Letter {
    pub(crate) title: &'static str,
    recipient: &'static str,
    tls: bool,
    expected: Expected,
}

/// What should become of a mail.
enum Expected {
    /// It arrives in the recipient's mailbox.
    Arrives,
    /// The gate answers with this.
    Refused(&'static str),
}

/// What became of it.
pub(crate) enum Verdict {
    AsExpected(String),
    Otherwise(String),
}

impl Letter {
    /// One that passes, and two that don't.
    pub(crate) const ALL: [Self; 3] = [
        Self {
            title: "A mail to an accepted domain, over STARTTLS: it arrives",
            recipient: "alice@example.com",
            tls: true,
            expected: Expected::Arrives,
        },
        Self {
            title: "A mail to a foreign domain: refused",
            recipient: "someone@foreign.example.net",
            tls: true,
            expected: Expected::Refused("550 5.7.1"),
        },
        Self { title: "A mail without TLS: refused", recipient: "alice@example.com", tls: false, expected: Expected::Refused("530 5.7.0") },
    ];

    /// The command that sends it.
    pub(crate) fn command(&self) -> String {
        let tls = if self.tls { " --tls" } else { "" };
        format!("swaks --server {GATE}{tls} --ehlo client.example.net --from {SENDER} --to {}", self.recipient)
    }

    /// Sends it, and prints the dialogue.
    pub(crate) async fn send(&self, stage: &Stage) -> Result<Verdict> {
        println!("   $ {}", self.command());
        let sent = tool::run("swaks", self.command().split(' ').skip(1)).await?;
        for line in sent.text.lines().filter(|line| !line.starts_with("===") || line.starts_with("=== TLS started")) {
            println!("   {line}");
        }
        match self.expected {
            Expected::Arrives if sent.success => {
                let mail = stage.postfix.arrival(self.recipient, SENDER).await?;
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
