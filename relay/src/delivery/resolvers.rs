//! Who is asked for which names.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use super::{fault::Fault, resolve::Resolver};

/// The pod's own DNS, which is asked for names that the configuration holds, since the cluster alone may know them; and the servers that the
/// configuration names for the domains of the world, if it names some.
#[derive(Debug)]
pub(super) struct Resolvers {
    pod: Resolver,
    /// Of the servers that were named last. It remembers what they said, so it stays as long as they do, through changes of all else.
    named: Mutex<Option<Named>>,
}

#[derive(Debug)]
struct Named {
    servers: Arc<[SocketAddr]>,
    resolver: Resolver,
}

impl Resolvers {
    pub(super) fn new(pod: Resolver) -> Self {
        Self { pod, named: Mutex::default() }
    }

    /// Who knows the names that the configuration holds.
    pub(super) fn of_pod(&self) -> &Resolver {
        &self.pod
    }

    /// Who knows the domains of the world: `servers`, or the pod's own DNS where there is none.
    pub(super) fn of_world(&self, servers: &Arc<[SocketAddr]>) -> Result<Resolver, Fault> {
        if servers.is_empty() {
            return Ok(self.pod.clone());
        }
        // Who panicked while he held it has panicked between whole changes.
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = named.as_ref().filter(|known| known.servers == *servers) {
            return Ok(known.resolver.clone());
        }
        let resolver = Resolver::from_servers(servers).map_err(|error| Fault::Dns(error.to_string()))?;
        *named = Some(Named { servers: Arc::clone(servers), resolver: resolver.clone() });
        Ok(resolver)
    }
}
