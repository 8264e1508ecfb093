//! However a recipient is written, mail goes to accepted domains alone: judged by the replies, at DATA, and by what the next hop hears.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use postern_config::{ListenerTls, NextHopTlsMode};
use postern_tests::{config::RelayFolder, poll, port, relay::Relay, sink::Sink};

const VECTORS: &str = include_str!("../vectors/recipients.tsv");
const SENDERS: [&str; 6] = ["", "s@client.test", "s@foreign.test", "s@localhost", "s@example.com", "s@[127.0.0.1]"];
/// What is written into the transactions that must pass.
const GOOD: &str = "<good@example.com>";

/// How a recipient is written, and what the next hop may hear of it.
struct Vector {
    argument: String,
    heard: Option<String>,
}

impl Vector {
    fn all() -> Result<Vec<Self>> {
        VECTORS.lines().filter(|line| !line.starts_with('#')).map(Self::parse).collect()
    }

    fn parse(line: &str) -> Result<Self> {
        let (argument, heard) = line.split_once('\t').with_context(|| format!("no tab in {line:?}"))?;
        let heard = match heard {
            "-" => None,
            "=" => Some(argument.to_owned()),
            heard => Some(heard.to_owned()),
        };
        Ok(Self { argument: argument.replace("\\0", "\0"), heard })
    }

    /// Tries it alone: it passes as a whole, or neither RCPT nor DATA is answered positively.
    async fn alone(&self, relay: &Relay, sender: &str) -> Result<()> {
        let mut client = relay.client().await?;
        client.ask(&format!("MAIL FROM:<{sender}>"), 250).await?;
        let reply = client.command(&format!("RCPT TO:{}", self.argument)).await?;
        ensure!(reply.is_positive() == self.heard.is_some(), "answered {reply}");
        ensure!(reply.is_positive() || (500..600).contains(&reply.code), "answered {reply}, as if it might work later");
        if reply.is_positive() {
            client.data("Subject: alone\r\n\r\n").await.map(|_| ())
        } else {
            // 554 where the recipient was refused, 503 where there was none: the command was malformed (RFC 5321 section 3.3).
            let refused = client.command("DATA").await?;
            ensure!(matches!(refused.code, 503 | 554), "DATA was answered {refused}");
            Ok(())
        }
    }

    /// Tries it behind a recipient that passes, in one packet with the content, as a client does that looks at no reply.
    async fn behind_a_good_one(&self, relay: &Relay) -> Result<()> {
        let mut client = relay.client().await?;
        let batch = format!("MAIL FROM:<>\r\nRCPT TO:{GOOD}\r\nRCPT TO:{}\r\nDATA\r\nSubject: behind\r\n\r\n.\r\n", self.argument);
        client.send(batch).await?;
        client.expect(250).await?;
        client.expect(250).await?;
        let reply = client.reply().await?;
        ensure!(reply.is_positive() == self.heard.is_some(), "answered {reply}");
        client.expect(354).await?;
        client.expect(250).await?;
        Ok(())
    }
}

fn accept_more(config: &mut RelayFolder, next_hop: u16) -> Result<()> {
    config.accept("example.org", next_hop, NextHopTlsMode::Opportunistic)?;
    config.domains.iter_mut().filter(|domain| domain.name.as_str() == "example.org").for_each(|domain| domain.include_subdomains = true);
    config.root.postmaster = Some("postmaster@example.com".to_owned());
    Ok(())
}

#[tokio::test]
async fn only_recipients_in_accepted_domains_reach_the_next_hop() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let next_hop = port::free()?;
    let sink = Sink::start(next_hop, &folder.path().join("sink"), &["-v"]).await?;
    let relay = Relay::start(next_hop, ListenerTls::StartTls, |config| accept_more(config, next_hop)).await?;

    let vectors = Vector::all()?;
    for vector in &vectors {
        for sender in SENDERS {
            vector.alone(&relay, sender).await.with_context(|| format!("{:?} from <{sender}>", vector.argument))?;
        }
        vector.behind_a_good_one(&relay).await.with_context(|| format!("{:?} behind {GOOD}", vector.argument))?;
    }

    let allowed: BTreeSet<_> = vectors.iter().filter_map(|vector| vector.heard.clone()).chain([GOOD.to_owned()]).collect();
    let heard = async || Some(BTreeSet::from_iter(sink.recipients())).filter(|heard| heard.is_superset(&allowed));
    let heard = poll::until("the next hop to hear of every good recipient", heard).await?;
    ensure!(heard == allowed, "the next hop heard of {:?}", heard.difference(&allowed));
    for message in sink.messages()? {
        let recipients = message.lines().filter_map(|line| line.strip_prefix("X-Rcpt-Args: "));
        ensure!(recipients.into_iter().all(|recipient| allowed.contains(recipient)), "{message}");
    }
    relay.stop().await
}
