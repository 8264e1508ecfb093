//! A message that is not whole, or not understood, is not taken, and its sender keeps it.

use std::sync::Arc;

use anyhow::{Result, ensure};
use postern_spool::{MessageId, Spool as _};
use rustls::ClientConfig;
use serde_json::json;

use crate::{
    mail::entry,
    pod::{IDENTITY, Pod, Relay},
    request::{body, head, put},
};

async fn pod() -> Result<(Pod, Arc<ClientConfig>)> {
    let relay = Relay::new()?;
    let pod = relay.pod(2).await?;
    let client = relay.authority.client_config_showing(&relay.authority.identity(IDENTITY)?)?;
    Ok((pod, client))
}

#[tokio::test]
async fn each_flaw_has_its_answer() -> Result<()> {
    let (pod, client) = pod().await?;
    let (entry, content) = (entry(), b"Subject: x\r\n\r\nhello\r\n");
    let good = head(&entry, content);
    let change = |name: &str, value: serde_json::Value| {
        let mut head = good.clone();
        head[name] = value;
        body(&head, content)
    };
    let mut damaged = body(&good, content);
    let last_of_content = damaged.len() - 33;
    damaged[last_of_content] ^= 1;
    let mut endless_head = vec![0xff; 4];
    endless_head.extend([b' '; 1000]);
    let long = [&body(&good, content)[..], b"x"].concat();
    let flaws = [
        ("a version of the future", change("version", json!(2)), 422),
        ("a version of the past", change("version", json!(0)), 422),
        ("no version", change("version", json!(null)), 400),
        ("a status too few", change("statuses", json!([])), 400),
        ("no envelope", change("envelope", json!({})), 400),
        ("more content than was told", change("contentBytes", json!(1)), 503),
        ("more content than any message may have", change("contentBytes", json!(1_u64 << 40)), 413),
        ("content that was changed on the way", damaged, 503),
        ("a head of 4 GiB", endless_head, 413),
        ("something behind the digest", long, 400),
        ("nothing", Vec::new(), 400),
    ];
    for (flaw, sent, expected) in flaws {
        let answer = put(pod.address, &client, &entry.id().to_string(), &sent).await?;
        ensure!(answer == expected, "{flaw}: {answer}");
    }
    for end in [0, 3, 50, 400] {
        let whole = body(&good, content);
        let answer = put(pod.address, &client, &entry.id().to_string(), &whole[..whole.len() - 1 - end]).await?;
        ensure!(answer == 400, "cut by {}: {answer}", end + 1);
    }
    ensure!(put(pod.address, &client, "x", &body(&good, content)).await? == 400);
    ensure!(pod.spool.statistics().await?.messages == 0);
    // And that it was no other flaw.
    ensure!(put(pod.address, &client, &entry.id().to_string(), &body(&good, content)).await? == 200);
    Ok(())
}

#[tokio::test]
async fn a_message_that_is_here_already_is_not_changed() -> Result<()> {
    let (pod, client) = pod().await?;
    let entry = entry();
    crate::mail::put(&pod.spool, entry.clone(), b"first").await;
    let id: MessageId = entry.id();
    ensure!(put(pod.address, &client, &id.to_string(), &body(&head(&entry, b"second"), b"second")).await? == 200);
    ensure!(crate::mail::all(&pod.spool).await[&id].2 == b"first");
    Ok(())
}
