//! Each message is in one of the queues after a hand-over, as it was before.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use anyhow::{Result, ensure};
use axum::{extract::Request, middleware};
use postern_relay::handover::Outcome;
use postern_spool::Spool as _;

use crate::{
    mail::{all, fill},
    pod::{Pod, Relay},
};

/// Messages of a test.
const COUNT: usize = 60;

/// What `before` held is in exactly one of the queues of `pods`.
async fn is_there_once(before: &std::collections::BTreeMap<postern_spool::MessageId, crate::mail::Whole>, pods: &[&Pod]) -> Result<()> {
    let mut found = std::collections::BTreeMap::new();
    for pod in pods {
        for (id, whole) in all(&pod.spool).await {
            ensure!(found.insert(id, whole).is_none(), "{id} is there twice");
        }
    }
    ensure!(found.len() == before.len(), "{} of {}", found.len(), before.len());
    for (id, whole) in before {
        ensure!(found.get(id) == Some(whole), "{id}: {:?} became {:?}", whole.0, found.get(id).map(|found| &found.0));
    }
    Ok(())
}

#[tokio::test]
async fn every_peer_takes_its_share_and_nothing_of_a_message_is_lost() -> Result<()> {
    let relay = Relay::new()?;
    let (ending, one, two) = (relay.pod(1).await?, relay.pod(2).await?, relay.pod(3).await?);
    fill(&ending.spool, COUNT).await;
    let before = all(&ending.spool).await;
    // The pod finds itself under the name too, and takes nothing from itself.
    let (peers, _names) = relay.peers(&[&ending, &one, &two]).await?;
    let outcome = ending.hand_over(peers).await;
    ensure!(outcome == Outcome { handed: COUNT as u64, left: 0 }, "{outcome:?}");
    is_there_once(&before, &[&ending, &one, &two]).await?;
    for peer in [&one, &two] {
        ensure!(peer.spool.statistics().await?.messages > 0, "one peer took everything");
        let counted = peer.metric(r#"postern_handover_received_total{result="new"}"#);
        ensure!(counted == peer.spool.statistics().await?.messages, "{counted}");
    }
    ensure!(ending.metric(r#"postern_handover_sent_total{result="taken"}"#) == COUNT as u64);
    Ok(())
}

#[tokio::test]
async fn a_peer_that_dies_in_the_middle_leaves_the_rest_to_the_others() -> Result<()> {
    let relay = Relay::new()?;
    let served = Arc::new(AtomicUsize::new(0));
    let dying = relay.pod_with(2, 1 << 30, |routes| {
        routes.layer(middleware::from_fn(move |request: Request, next: middleware::Next| {
            let dead = served.fetch_add(1, Ordering::Relaxed) >= 10;
            async move {
                assert!(!dead, "dead");
                next.run(request).await
            }
        }))
    });
    let (ending, dying, other) = (relay.pod(1).await?, dying.await?, relay.pod(3).await?);
    fill(&ending.spool, COUNT).await;
    let before = all(&ending.spool).await;
    let (peers, _names) = relay.peers(&[&dying, &other]).await?;
    let outcome = ending.hand_over(peers).await;
    ensure!(outcome == Outcome { handed: COUNT as u64, left: 0 }, "{outcome:?}");
    is_there_once(&before, &[&dying, &other]).await?;
    ensure!(dying.spool.statistics().await?.messages == 10);
    Ok(())
}

#[tokio::test]
async fn two_that_end_at_once_give_each_other_nothing() -> Result<()> {
    let relay = Relay::new()?;
    let (one, two, stays) = (relay.pod(1).await?, relay.pod(2).await?, relay.pod(3).await?);
    fill(&one.spool, COUNT / 2).await;
    fill(&two.spool, COUNT / 2).await;
    let mut before = all(&one.spool).await;
    before.extend(all(&two.spool).await);
    let (of_one, _names) = relay.peers(&[&two, &stays]).await?;
    let (of_two, _more_names) = relay.peers(&[&one, &stays]).await?;
    let (one_gave, two_gave) = tokio::join!(one.hand_over(of_one), two.hand_over(of_two));
    ensure!(one_gave.left == 0 && two_gave.left == 0, "{one_gave:?} {two_gave:?}");
    is_there_once(&before, &[&one, &two, &stays]).await
}
