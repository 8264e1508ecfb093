//! What no peer takes stays where it is, and can be claimed again.

use std::time::Duration;

use anyhow::{Result, ensure};
use jiff::Timestamp;
use postern_config::Storage;
use postern_relay::handover::Outcome;
use postern_spool::{Reach, Spool as _};

use crate::{
    mail::{all, fill},
    pod::{Pod, Relay},
};

/// Messages of a test.
const COUNT: usize = 20;
/// Long enough for a pod that could take something to take it.
const SHORT: Duration = Duration::from_secs(2);

/// Fills a pod, and hands over to `peers` in vain.
async fn stays(relay: &Relay, peers: &[&Pod]) -> Result<()> {
    let ending = relay.pod(1).await?;
    fill(&ending.spool, COUNT).await;
    let before = all(&ending.spool).await;
    let (found, _names) = relay.peers(peers).await?;
    let outcome = ending.hand_over_within(found, SHORT).await;
    ensure!(outcome == Outcome { handed: 0, left: COUNT as u64 }, "{outcome:?}");
    ensure!(all(&ending.spool).await == before);
    ensure!(ending.metric("postern_handover_left") == COUNT as u64);
    let claims = ending.spool.claim(Reach::All, Timestamp::now(), Duration::from_mins(1), usize::MAX).await?;
    ensure!(claims.len() == COUNT, "{} can be claimed again", claims.len());
    Ok(())
}

#[tokio::test]
async fn without_peers_it_stays() -> Result<()> {
    stays(&Relay::new()?, &[]).await
}

#[tokio::test]
async fn a_peer_that_ends_too_takes_nothing() -> Result<()> {
    let relay = Relay::new()?;
    let peer = relay.pod(2).await?;
    peer.drain.run(Duration::ZERO).await;
    stays(&relay, &[&peer]).await?;
    ensure!(peer.spool.statistics().await?.messages == 0);
    ensure!(peer.metric(r#"postern_handover_received_total{result="ending"}"#) > 0);
    Ok(())
}

#[tokio::test]
async fn a_peer_with_a_shared_queue_takes_nothing() -> Result<()> {
    let relay = Relay::new()?;
    let mut peer = relay.pod(2).await?;
    peer.reconfigure(|folder| {
        if let Some(spool) = &mut folder.root.spool {
            spool.storage = Storage::Postgres { database: "queue".to_owned(), connections: 5 };
        }
    })?;
    stays(&relay, &[&peer]).await?;
    ensure!(peer.spool.statistics().await?.messages == 0);
    Ok(())
}

#[tokio::test]
async fn a_peer_that_is_full_takes_nothing_and_another_takes_all() -> Result<()> {
    let relay = Relay::new()?;
    let full = relay.pod_with(2, 1, |routes| routes).await?;
    stays(&relay, &[&full]).await?;
    ensure!(full.metric(r#"postern_handover_received_total{result="full"}"#) > 0);

    let (ending, empty) = (relay.pod(4).await?, relay.pod(3).await?);
    fill(&ending.spool, COUNT).await;
    let before = all(&ending.spool).await;
    let (peers, _names) = relay.peers(&[&full, &empty]).await?;
    let outcome = ending.hand_over(peers).await;
    ensure!(outcome == Outcome { handed: COUNT as u64, left: 0 }, "{outcome:?}");
    ensure!(all(&empty.spool).await == before);
    Ok(())
}
