//! The way of one message to a peer.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    time::Duration,
};

use hyper::StatusCode;
use postern_spool::{Body as Content, Claim, MessageId, SpoolError};
use tokio::time::{Instant, sleep, timeout};

use super::{
    body::{self, Outgoing, Reading},
    head::allowance,
    link::{Credentials, Link},
    metrics::{Metrics, Sent},
    peers::{Choice, Peers},
};

/// How long to wait while nobody can be asked.
const PAUSE: Duration = Duration::from_millis(100);
/// How long a peer that may have a message, and does not say, is asked before another is: the time of a container to start again.
const DOUBT: Duration = Duration::from_secs(10);

/// What the messages on their way share.
pub(super) struct Road {
    pub(super) peers: Arc<Peers>,
    pub(super) credentials: Credentials,
    pub(super) metrics: Metrics,
    /// Connections that wait for the next message.
    idle: Mutex<HashMap<SocketAddr, Vec<Link>>>,
    /// When a message arrived last.
    arrived: Mutex<Instant>,
}

/// How a trip ended.
pub(super) enum End<C> {
    /// A peer has it, and it is finished here.
    HandedOver,
    /// A peer has it, and here it could not be finished: it will come a second time, under the same name.
    There(SpoolError),
    /// It stays here: no peer takes it, or it can't be read.
    Stays(C),
}

/// What became of one attempt.
enum Attempt {
    Taken,
    /// The peer said that it takes none for now.
    NotNow,
    /// The peer said that it will never take this one.
    Never,
    /// It was not sent as a whole.
    Unsent,
    /// It was, and there was no answer, or one that tells nothing.
    Unknown,
    /// It can't be read.
    Unreadable,
}

/// A peer that may have the message, and how long it is asked.
struct Doubt {
    peer: IpAddr,
    until: Instant,
}

impl Road {
    pub(super) fn new(peers: Arc<Peers>, credentials: Credentials, metrics: Metrics) -> Self {
        Self { peers, credentials, metrics, idle: Mutex::default(), arrived: Mutex::new(Instant::now()) }
    }

    /// How long ago a message arrived.
    pub(super) fn since_arrival(&self) -> Duration {
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    /// Carries a message to a peer, for as long as it takes. Its claim must last.
    pub(super) async fn carry<C: Claim>(&self, claim: C) -> End<C> {
        let (mut doubt, mut refused) = (None, Vec::new());
        loop {
            let peer = match self.choose(&mut doubt, &refused) {
                Choice::Ask(peer) => peer,
                Choice::Nobody => return End::Stays(claim),
                Choice::Later => {
                    sleep(PAUSE).await;
                    continue;
                }
            };
            let attempt = self.attempt(&claim, peer).await;
            self.note(&attempt, peer);
            match attempt {
                Attempt::Taken => return claim.finish().await.map_or_else(End::There, |()| End::HandedOver),
                Attempt::Unreadable => return End::Stays(claim),
                Attempt::NotNow => doubt = doubt.filter(|doubt: &Doubt| doubt.peer != peer.ip()),
                Attempt::Never => {
                    doubt = doubt.filter(|doubt| doubt.peer != peer.ip());
                    refused.push(peer.ip());
                }
                Attempt::Unsent => {}
                Attempt::Unknown => {
                    doubt.get_or_insert(Doubt { peer: peer.ip(), until: Instant::now() + DOUBT });
                }
            }
        }
    }

    /// A peer that may have the message is asked first: another would make two of it. When that one can't be asked, two are better than none.
    fn choose(&self, doubt: &mut Option<Doubt>, refused: &[IpAddr]) -> Choice {
        if let Some(Doubt { peer, until }) = doubt {
            match self.peers.same(*peer) {
                Choice::Nobody => {}
                choice if Instant::now() < *until => return choice,
                _ => {}
            }
            *doubt = None;
            self.metrics.possible_duplicates.inc();
        }
        self.peers.next(refused)
    }

    /// No reference to the claim may live across an await, since a claim need not be `Sync`.
    fn attempt<C: Claim>(&self, claim: &C, peer: SocketAddr) -> impl Future<Output = Attempt> + Send {
        let (id, limit, parts) = (claim.entry().id(), allowance(claim.body_bytes()), body::of(claim));
        async move {
            match parts {
                Ok((reading, body)) => self.send(id, reading, body, limit, peer).await,
                Err(_) => Attempt::Unreadable,
            }
        }
    }

    async fn send<B, F>(&self, id: MessageId, reading: Reading<F>, body: Outgoing, limit: Duration, peer: SocketAddr) -> Attempt
    where
        B: Content,
        F: Future<Output = Result<B, SpoolError>>,
    {
        let mut link = match self.link(peer).await {
            Ok(link) => link,
            Err(error) => {
                tracing::debug!(%peer, %error, "a peer can't be reached");
                return Attempt::Unsent;
            }
        };
        let whole = reading.whole();
        let exchange = async {
            tokio::select! {
                biased;
                answer = link.put(id, body) => Ok(answer),
                Err(error) = reading.run() => Err(error),
            }
        };
        match timeout(limit, exchange).await {
            Ok(Ok(Ok(StatusCode::OK))) => {
                self.keep(peer, link);
                Attempt::Taken
            }
            Ok(Ok(Ok(StatusCode::INTERNAL_SERVER_ERROR))) => Attempt::Unknown,
            Ok(Ok(Ok(status))) if status.is_client_error() => Attempt::Never,
            Ok(Ok(Ok(_))) => Attempt::NotNow,
            Ok(Err(error)) => {
                tracing::error!(%id, %error, "a message can't be read, and stays");
                Attempt::Unreadable
            }
            Ok(Ok(Err(_))) | Err(_) if whole.load(Ordering::Relaxed) => Attempt::Unknown,
            Ok(Ok(Err(_))) | Err(_) => Attempt::Unsent,
        }
    }

    fn note(&self, attempt: &Attempt, peer: SocketAddr) {
        match attempt {
            Attempt::Taken => {
                self.peers.took(peer.ip());
                *self.arrived.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
                self.metrics.sent(Sent::Taken);
            }
            Attempt::NotNow | Attempt::Unsent => {
                self.peers.failed(peer.ip());
                self.metrics.sent(Sent::Refused);
            }
            Attempt::Unknown => {
                self.peers.failed(peer.ip());
                self.metrics.sent(Sent::Unknown);
            }
            Attempt::Never => self.metrics.sent(Sent::Refused),
            Attempt::Unreadable => {}
        }
    }

    /// A connection that waits, or a new one.
    async fn link(&self, peer: SocketAddr) -> std::io::Result<Link> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&peer).and_then(Vec::pop);
        match idle {
            Some(link) if link.is_open() => Ok(link),
            _ => Link::to(peer, &self.credentials).await,
        }
    }

    fn keep(&self, peer: SocketAddr, link: Link) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).entry(peer).or_default().push(link);
    }
}
