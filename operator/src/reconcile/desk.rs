//! What reconciles share, and keep from one to the next.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use kube::Client;

use super::{keyring::Keyring, volumes::Volumes};
use crate::{
    apply::{Compared, Turns, Writer},
    cluster::{Permits, World},
    inventory::Key,
    observe::Observer,
    publish::{Board, Recorder, Statuses},
};

/// What reconciles share, and keep from one to the next. All of it can be made again from the cluster.
pub struct Desk {
    /// The operator's CAs.
    pub keyring: Keyring,
    /// Writes objects.
    pub writer: Writer,
    /// Writes statuses.
    pub statuses: Statuses,
    /// Tells events.
    pub recorder: Recorder,
    /// Knows which volumes there are.
    pub volumes: Volumes,
    /// Attends to pods.
    pub observer: Observer,
    /// What relays made of their domains.
    pub board: Board,
    /// Whose pods are replaced for the operator's own sake.
    pub turns: Turns,
    compared: Mutex<HashMap<Key, Compared>>,
}

impl Desk {
    /// An empty desk. `namespace` is the operator's own, `instance` the name of this process.
    #[must_use]
    pub fn new(client: &Client, permits: &Permits, world: &Arc<World>, namespace: &str, instance: String) -> Self {
        Self {
            keyring: Keyring::new(client.clone(), permits.clone(), namespace),
            writer: Writer::new(client.clone(), permits.clone()),
            statuses: Statuses::new(client.clone(), permits.clone()),
            recorder: Recorder::new(client.clone(), permits.clone(), instance),
            volumes: Volumes::new(client.clone()),
            observer: Observer::new(client.clone(), permits.clone(), Arc::clone(world)),
            board: Board::default(),
            turns: Turns::default(),
            compared: Mutex::default(),
        }
    }

    /// What is remembered of a relay's objects; nothing at its first reconcile. A relay is in work once at a time, so it is taken along.
    pub(super) fn take_compared(&self, relay: &Key) -> Option<Compared> {
        self.lock().remove(relay)
    }

    /// Puts back what was taken along.
    pub(super) fn keep_compared(&self, relay: &Key, compared: Compared) {
        self.lock().insert(relay.clone(), compared);
    }

    /// The relay is gone: forgets it. Its objects go by themselves, since it owns them.
    pub(super) fn forget(&self, relay: &Key, world: &World) {
        self.lock().remove(relay);
        self.observer.forget(relay);
        world.wake_domains(&self.board.remove(relay));
        for next in self.turns.forget(relay) {
            world.wake_relay(&next);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Compared>> {
        self.compared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
