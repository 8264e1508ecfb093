//! The attendants of all relays.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use kube::Client;
use rustls::ClientConfig;
use tokio::{
    sync::{Semaphore, watch},
    task::JoinHandle,
};

use super::{
    Answer, AskError, Target,
    ask::ask,
    attendant::{Answers, Attendant},
};
use crate::{
    cluster::{Permits, World},
    inventory::Key,
};

/// How many pods are asked at once.
const QUESTIONS: usize = 64;

/// Attends to the pods of relays, each relay's by a task of its own, so that a pod that does not answer holds up nothing else.
pub struct Observer {
    shared: Arc<Shared>,
    relays: Mutex<BTreeMap<Key, Attended>>,
}

/// What all attendants share.
pub(super) struct Shared {
    pub(super) client: Client,
    pub(super) permits: Permits,
    pub(super) world: Arc<World>,
    questions: Semaphore,
    tls: RwLock<Option<Arc<ClientConfig>>>,
}

struct Attended {
    target: watch::Sender<Target>,
    answers: Answers,
    task: JoinHandle<()>,
}

impl Drop for Attended {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Observer {
    /// Attends to nothing yet.
    #[must_use]
    pub fn new(client: Client, permits: Permits, world: Arc<World>) -> Self {
        let shared = Shared { client, permits, world, questions: Semaphore::new(QUESTIONS), tls: RwLock::new(None) };
        Self { shared: Arc::new(shared), relays: Mutex::new(BTreeMap::new()) }
    }

    /// Sets by what the operator and the pods know each other.
    pub fn identify(&self, tls: Arc<ClientConfig>) {
        *self.shared.tls.write().unwrap_or_else(PoisonError::into_inner) = Some(tls);
    }

    /// Sets what the pods of a relay are, and what they should run. Returns what they answered so far, by their UIDs.
    pub fn attend(&self, relay: &Key, target: Target) -> BTreeMap<String, Answer> {
        let mut relays = self.relays.lock().unwrap_or_else(PoisonError::into_inner);
        if target.pods.is_empty() {
            relays.remove(relay);
            return BTreeMap::new();
        }
        if let Some(attended) = relays.get(relay) {
            attended.target.send_if_modified(|before| {
                let is_new = *before != target;
                if is_new {
                    *before = target;
                }
                is_new
            });
            attended.answers.lock().clone()
        } else {
            let attended = self.start(relay, target);
            relays.insert(relay.clone(), attended);
            BTreeMap::new()
        }
    }

    /// The relay is gone.
    pub fn forget(&self, relay: &Key) {
        self.relays.lock().unwrap_or_else(PoisonError::into_inner).remove(relay);
    }

    fn start(&self, relay: &Key, target: Target) -> Attended {
        let (target, receiver) = watch::channel(target);
        let answers = Answers::default();
        let attendant = Attendant::new(relay.clone(), Arc::clone(&self.shared), answers.clone());
        Attended { target, answers, task: tokio::spawn(attendant.attend(receiver)) }
    }
}

impl Shared {
    pub(super) async fn ask(&self, address: IpAddr, name: &str) -> Result<Answer, AskError> {
        let tls = self.tls.read().unwrap_or_else(PoisonError::into_inner).clone().ok_or(AskError::NoIdentity)?;
        // Never closed.
        let _turn = self.questions.acquire().await;
        ask(address, name, tls).await
    }
}
