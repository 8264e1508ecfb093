//! A peer commits a message and its answer is lost. It is asked again, though another could be, and says that it has it.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering},
};

use anyhow::{Result, ensure};
use axum::{
    Router,
    extract::Request,
    http::StatusCode,
    middleware,
    response::{IntoResponse as _, Response},
};
use jiff::Timestamp;
use postern_relay::handover::Outcome;
use postern_spool::{Claim as _, Local, Reach, Spool as _};

use crate::{
    mail::{all, fill},
    pod::Relay,
};

/// Messages of a test.
const COUNT: usize = 12;

/// How answers are lost: every second one.
#[derive(Clone, Default)]
struct Loss {
    /// Whether the peer says that it does not know. Else the connection ends.
    tells: bool,
    /// A queue that delivers all that it has before the answer is lost.
    delivers: Arc<OnceLock<Local>>,
    turn: Arc<AtomicBool>,
}

impl Loss {
    fn on(&self, routes: Router) -> Router {
        let loss = self.clone();
        routes.layer(middleware::from_fn(move |request: Request, next: middleware::Next| {
            let loss = loss.clone();
            async move { loss.answer(next.run(request).await).await }
        }))
    }

    async fn answer(&self, response: Response) -> Response {
        if self.turn.fetch_xor(true, Ordering::Relaxed) {
            return response;
        }
        if let Some(spool) = self.delivers.get() {
            for claim in spool.claim(Reach::All, Timestamp::now(), std::time::Duration::from_mins(1), usize::MAX).await.unwrap() {
                claim.finish().await.unwrap();
            }
        }
        assert!(self.tells, "the connection ends here");
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}

async fn arrives_once(loss: Loss) -> Result<()> {
    let relay = Relay::new()?;
    let (ending, other) = (relay.pod(1).await?, relay.pod(3).await?);
    let peer = relay.pod_with(2, 1 << 30, |routes| loss.on(routes)).await?;
    fill(&ending.spool, COUNT).await;
    let before = all(&ending.spool).await;
    let (peers, _names) = relay.peers(&[&peer, &other]).await?;
    let outcome = ending.hand_over(peers).await;
    ensure!(outcome == Outcome { handed: COUNT as u64, left: 0 }, "{outcome:?}");
    let mut found = all(&peer.spool).await;
    for (id, whole) in all(&other.spool).await {
        ensure!(found.insert(id, whole).is_none(), "{id} is there twice");
    }
    ensure!(found == before);
    ensure!(peer.metric(r#"postern_handover_received_total{result="again"}"#) > 0, "no answer was lost");
    ensure!(ending.metric("postern_handover_possible_duplicates_total") == 0);
    Ok(())
}

#[tokio::test]
async fn when_the_connection_ends_before_the_answer() -> Result<()> {
    arrives_once(Loss::default()).await
}

#[tokio::test]
async fn when_the_peer_does_not_know_whether_it_took_it() -> Result<()> {
    arrives_once(Loss { tells: true, ..Loss::default() }).await
}

/// By the time that it is asked again, the queue knows nothing of the message any more.
#[tokio::test]
async fn though_the_peer_has_delivered_it_by_then() -> Result<()> {
    let relay = Relay::new()?;
    let loss = Loss::default();
    let (ending, peer) = (relay.pod(1).await?, relay.pod_with(2, 1 << 30, |routes| loss.on(routes)).await?);
    ensure!(loss.delivers.set(peer.spool.clone()).is_ok());
    fill(&ending.spool, COUNT).await;
    let (peers, _names) = relay.peers(&[&peer]).await?;
    let outcome = ending.hand_over(peers).await;
    ensure!(outcome == Outcome { handed: COUNT as u64, left: 0 }, "{outcome:?}");
    let new = peer.metric(r#"postern_handover_received_total{result="new"}"#);
    ensure!(new == COUNT as u64, "{new} messages were delivered");
    Ok(())
}

/// A relay that has begun to end since says so too, and not that it takes nothing.
#[tokio::test]
async fn though_the_peer_ends_by_then() -> Result<()> {
    let relay = Relay::new()?;
    let peer = relay.pod(2).await?;
    let client = relay.authority.client_config_showing(&relay.authority.identity(crate::pod::IDENTITY)?)?;
    let entry = crate::mail::entry();
    let (id, body) = (entry.id().to_string(), crate::request::body(&crate::request::head(&entry, b"x"), b"x"));
    ensure!(crate::request::put(peer.address, &client, &id, &body).await? == 200);
    peer.drain.run(std::time::Duration::ZERO).await;
    ensure!(crate::request::put(peer.address, &client, &id, &body).await? == 200);
    ensure!(peer.spool.statistics().await?.messages == 1);
    Ok(())
}
