//! A message that is claimed.

use std::sync::Arc;

use jiff::Timestamp;

use super::{
    body::{self, LocalBody},
    format::Meta,
    index::Lease,
    load::{self, Loaded},
    log::{Amendment, Change, Requests},
    store::Store,
};
use crate::{Claim, Entry, Listed, MessageId, SpoolError, Status, encoding::encode_statuses, time::millis};

/// A message that is claimed.
#[derive(Debug)]
pub struct LocalClaim {
    held: Held,
    requests: Requests,
    listed: Listed,
    checksums: Meta,
}

/// A lease, which ends when this is dropped.
#[derive(Debug)]
pub(super) struct Held {
    store: Arc<Store>,
    id: MessageId,
    lease: Lease,
}

impl Held {
    pub(super) fn new(store: Arc<Store>, id: MessageId, lease: Lease) -> Self {
        Self { store, id, lease }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.store.change(|index| index.release(self.id, self.lease));
    }
}

/// Reads the messages of these leases. One that is corrupt is set aside, and one that is gone is no matter.
pub(super) async fn load(store: &Arc<Store>, requests: &Requests, leases: Vec<Held>) -> Result<Vec<LocalClaim>, SpoolError> {
    if leases.is_empty() {
        return Ok(Vec::new());
    }
    let ids = leases.iter().map(|held| held.id).collect();
    let mut claims = Vec::with_capacity(leases.len());
    for (held, loaded) in leases.into_iter().zip(load::many(store, requests, ids).await?) {
        match loaded {
            Ok(Loaded { listed, checksums }) => claims.push(LocalClaim { held, requests: requests.clone(), listed, checksums }),
            Err(SpoolError::Corrupt { .. } | SpoolError::NotFound(_) | SpoolError::Unreadable(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(claims)
}

impl Claim for LocalClaim {
    type Body = LocalBody;

    fn entry(&self) -> &Entry {
        &self.listed.entry
    }

    fn is_held(&self) -> bool {
        self.listed.held
    }

    fn statuses_mut(&mut self) -> &mut [Status] {
        self.listed.entry.statuses_mut()
    }

    fn body_bytes(&self) -> u64 {
        self.listed.body_bytes
    }

    async fn body(&self) -> Result<LocalBody, SpoolError> {
        body::open(&self.held.store, &self.requests, self.held.id, self.checksums.clone()).await
    }

    async fn update(&mut self) -> Result<(), SpoolError> {
        let amendment = Amendment {
            lease: Some(self.held.lease),
            statuses: Some(encode_statuses(self.listed.entry.statuses())),
            due: Some(millis(self.listed.entry.due())),
            held: None,
        };
        self.requests.make(self.held.id, Change::Amend(amendment)).await
    }

    async fn renew(&mut self, until: Timestamp) -> Result<(), SpoolError> {
        let Held { store, id, lease } = &self.held;
        if store.change(|index| index.renew(*id, *lease, millis(until))) { Ok(()) } else { Err(SpoolError::Fenced(*id)) }
    }

    async fn finish(self) -> Result<(), SpoolError> {
        self.requests.make(self.held.id, Change::Remove(Some(self.held.lease))).await
    }

    async fn release(self) -> Result<(), SpoolError> {
        drop(self);
        Ok(())
    }
}
