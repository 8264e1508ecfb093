//! What the relay says of itself.

use jiff::Timestamp;
use postern_config::{Listener, ListenerTls, Role};
use serde::Serialize;

use super::{VERSION, Watched};
use crate::{
    snapshot::{InUse, Refusal},
    tls::CertificateInfo,
};

/// What the relay says of itself, now. Times are in RFC 3339, in UTC.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    version: &'static str,
    /// When the process began.
    started_at: Timestamp,
    /// Absent until the first configuration is in use.
    #[serde(flatten)]
    running: Option<Running>,
    /// Why what the folder holds is not in use; null when it is, or is still being read.
    last_refusal: Option<Refused>,
    /// Connections that are open.
    connections: u32,
    /// Sessions that came as far as MAIL since the process began, by whose address their client has.
    clients: ClientCounts,
    /// What is in the queue; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    spool: Option<SpoolStatus>,
    /// Whether the relay is to end and takes no more connections.
    draining: bool,
}

/// What is in the queue: that of this pod, or the one that all pods share.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SpoolStatus {
    /// Messages.
    pub messages: u64,
    /// How long the oldest has waited, in seconds; null when there is none.
    pub oldest_seconds: Option<u64>,
}

impl SpoolStatus {
    fn of(watched: &Watched) -> Option<Self> {
        let in_use = watched.store.in_use()?;
        in_use.snapshot.configuration.root.spool.as_ref()?;
        let (messages, oldest_seconds) = watched.queue.depth();
        Some(Self { messages, oldest_seconds })
    }
}

#[derive(Debug, Serialize)]
struct ClientCounts {
    /// Its own, as far as we can tell.
    own: u64,
    /// That of a node, a pod or a Service of the cluster.
    cluster: u64,
}

/// The configuration in use.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Running {
    /// `namespace/name` of the `SmtpRelay`.
    relay: String,
    config_hash: String,
    /// Of the keys, certificates and CAs in use with it.
    material_hash: String,
    /// Generation of the `SmtpRelay` that it was built from.
    generation: i64,
    /// Since when it is in use.
    since: Timestamp,
    listeners: Vec<Listening>,
    /// How many domains are accepted.
    domains: usize,
    /// The first is shown to clients that ask for no name.
    certificates: Vec<Certificate>,
}

#[derive(Debug, Serialize)]
struct Listening {
    name: String,
    role: Role,
    port: u16,
    tls: ListenerTls,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Certificate {
    name: String,
    names: Vec<String>,
    not_after: Timestamp,
}

#[derive(Debug, Serialize)]
struct Refused {
    at: Timestamp,
    hash: Option<String>,
    reasons: Vec<String>,
}

impl Status {
    pub(super) fn of(watched: &Watched) -> Self {
        Self {
            version: VERSION,
            started_at: watched.started_at,
            running: watched.store.in_use().map(|in_use| Running::of(&in_use)),
            last_refusal: watched.store.refusal().map(|refusal| Refused::of(&refusal)),
            connections: watched.admission.open(),
            clients: ClientCounts { own: watched.clients.own(), cluster: watched.clients.cluster() },
            spool: SpoolStatus::of(watched),
            draining: watched.drain.has_begun(),
        }
    }
}

impl Running {
    fn of(InUse { snapshot, since }: &InUse) -> Self {
        let root = &snapshot.configuration.root;
        Self {
            relay: root.relay.clone(),
            config_hash: snapshot.hash.clone(),
            material_hash: snapshot.material.clone(),
            generation: root.generation,
            since: *since,
            listeners: root.listeners.iter().map(Listening::of).collect(),
            domains: snapshot.configuration.domains.len(),
            certificates: snapshot.tls.certificates().iter().map(Certificate::of).collect(),
        }
    }
}

impl Listening {
    fn of(listener: &Listener) -> Self {
        Self { name: listener.name.clone(), role: listener.role, port: listener.port, tls: listener.tls }
    }
}

impl Certificate {
    fn of(info: &CertificateInfo) -> Self {
        Self { name: info.name.clone(), names: info.names.clone(), not_after: info.not_after }
    }
}

impl Refused {
    fn of(refusal: &Refusal) -> Self {
        Self { at: refusal.at, hash: refusal.hash.clone(), reasons: refusal.reasons.clone() }
    }
}
