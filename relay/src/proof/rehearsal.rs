//! Plays one probe: a real session, in memory.

use std::{io, path::Path, sync::Arc};

use prometheus_client::registry::Registry;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tracing::{instrument::WithSubscriber as _, subscriber::NoSubscriber};

use super::{
    probes::Probe,
    recorder::{Recorded, Recorder},
};
use crate::{
    auth::{self, Authenticator},
    listen::{Admission, Connection},
    message::{self, Budgets},
    session::{self, Service},
    snapshot::{Door, Snapshot, Store},
};

/// Memory for the message of a probe, which is a few lines.
const BUDGETS: Budgets = Budgets { memory_bytes: 1 << 20, scratch_bytes: 0 };

/// Bytes that may wait in the pipe to or from a session.
const PIPE: usize = 64 * 1024;

/// Where probes are played: all that a session needs, with nothing of the relay that is running.
pub(super) struct Stage {
    service: Service<Recorder, Recorder>,
    connection: Connection,
}

impl Stage {
    pub(super) fn new(snapshot: &Arc<Snapshot>, door: &Arc<Door>, scratch: &Path) -> io::Result<Self> {
        let configuration = Arc::new(Store::default());
        configuration.replace(Arc::clone(snapshot));
        let recorder = Recorder::default();
        let service = Service {
            configuration,
            queue: recorder.clone(),
            deliver: recorder,
            authenticator: Authenticator::new(auth::Metrics::register(&mut Registry::default())),
            rates: auth::Rates::default(),
            store: message::Store::open(scratch, BUDGETS, message::Metrics::default())?,
            metrics: session::Metrics::default(),
        };
        Ok(Self { service, connection: Connection::rehearsal(snapshot, door, Admission::unlimited()) })
    }

    /// Plays `probe`, and gives what reached next hops.
    pub(super) async fn play(&self, probe: &Probe) -> Vec<Recorded> {
        let (ours, mut client) = duplex(PIPE);
        // The client hangs up as soon as it has heard all: the session would listen to it for a while longer.
        let talk = async move {
            let dialogue = format!(
                "EHLO probe.invalid\r\nMAIL FROM:{}\r\nRCPT TO:{}\r\nDATA\r\nSubject: probe\r\n\r\nprobe\r\n.\r\nQUIT\r\n",
                probe.sender, probe.path
            );
            client.write_all(dialogue.as_bytes()).await?;
            client.read_to_end(&mut Vec::new()).await
        };
        let rehearsal = async { tokio::join!(self.service.rehearse(ours, &self.connection), talk) };
        // Nothing of this is mail, so it does not stand in the log. How the session ends is no matter: what counts is what the next hops
        // would have heard.
        let _ = rehearsal.with_subscriber(NoSubscriber::default()).await;
        self.service.deliver.take()
    }
}
