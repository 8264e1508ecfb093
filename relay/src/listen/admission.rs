//! How many connections there may be, in all and from one client, and how many messages.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Instant,
};

use postern_config::Limits;
use postern_proto::reply::Reply;

use super::{ClientKey, Origin};
use crate::rate::Rates;

/// Counts the connections and messages of the whole pod. The limits come with each call, so that a new configuration counts at once.
#[derive(Default)]
pub struct Admission {
    open: AtomicU32,
    /// Clients with at least one connection, so never more than there are connections.
    clients: Mutex<HashMap<ClientKey, u32>>,
    messages: Mutex<Rates<ClientKey>>,
}

/// Why a connection is not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The pod has as many connections as it may.
    TooManyConnections,
    /// The client has as many connections as it may.
    TooManyConnectionsOfClient,
}

impl Refused {
    /// What the client hears instead of the banner.
    #[must_use]
    pub fn reply(self) -> Reply {
        match self {
            Self::TooManyConnections => Reply::new(421, (3, 2), "Too many connections here; try again later"),
            Self::TooManyConnectionsOfClient => Reply::new(421, (7, 0), "Too many connections from your network; try again later"),
        }
    }
}

impl Admission {
    /// The connections that are open now.
    #[must_use]
    pub fn open(&self) -> u32 {
        self.open.load(Ordering::Relaxed)
    }

    /// A place beside all limits: for rehearsals, which are no client's.
    #[must_use]
    pub fn unlimited() -> Permit {
        let admission = Arc::new(Self { open: AtomicU32::new(1), ..Self::default() });
        Permit { slot: Slot { admission }, client: None }
    }

    /// Takes one of the pod's connections.
    pub fn enter(self: &Arc<Self>, limits: &Limits) -> Result<Slot, Refused> {
        let one_more = |open| (open < limits.connections).then_some(open + 1);
        match self.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more) {
            Ok(_) => Ok(Slot { admission: Arc::clone(self) }),
            Err(_) => Err(Refused::TooManyConnections),
        }
    }

    fn clients(&self) -> MutexGuard<'_, HashMap<ClientKey, u32>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn claim(&self, client: ClientKey, limits: &Limits) -> Result<(), Refused> {
        let mut clients = self.clients();
        let open = clients.get(&client).copied().unwrap_or_default();
        if open >= limits.connections_per_client {
            return Err(Refused::TooManyConnectionsOfClient);
        }
        clients.insert(client, open + 1);
        Ok(())
    }

    fn release(&self, client: ClientKey) {
        if let Entry::Occupied(mut entry) = self.clients().entry(client) {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }

    fn message(&self, client: ClientKey, limits: &Limits) -> bool {
        let mut messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        messages.take(client, limits.messages_per_client_per_minute, Instant::now())
    }
}

/// One of the pod's connections, whose client is not known yet. Dropping it gives it back.
pub struct Slot {
    admission: Arc<Admission>,
}

impl Slot {
    /// Takes one of the connections of the client at `address`. Sources that many clients share are not counted, and addresses of the
    /// cluster are such sources: behind SNAT, one client that is over its limit would throttle all others.
    pub fn claim(self, address: IpAddr, origin: Origin, limits: &Limits) -> Result<Permit, Refused> {
        let is_shared = || limits.shared_source_cidrs.iter().any(|network| network.contains(&address));
        if origin == Origin::Cluster || is_shared() {
            return Ok(Permit { slot: self, client: None });
        }
        let client = ClientKey::from(address);
        self.admission.claim(client, limits)?;
        Ok(Permit { slot: self, client: Some(client) })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.admission.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The place of an admitted connection. Dropping it gives it back.
pub struct Permit {
    slot: Slot,
    /// `None` for a source that many clients share.
    client: Option<ClientKey>,
}

impl Permit {
    /// Whether the client comes from a source that many share.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.client.is_none()
    }

    /// Counts a message that the client begins. When it began too many in the last minute, the reply to MAIL.
    pub fn message(&self, limits: &Limits) -> Result<(), Reply> {
        match self.client {
            Some(client) if !self.slot.admission.message(client, limits) => {
                Err(Reply::new(451, (7, 1), "Too many messages from your network; try again later"))
            }
            _ => Ok(()),
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(client) = self.client {
            self.slot.admission.release(client);
        }
    }
}
