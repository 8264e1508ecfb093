//! One domain: shows what its relays make of it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kube::core::ApiResource;
use postern_crds::AcceptedDomain;

use super::{After, ReconcileError, unreadable};
use crate::{
    cluster::Context,
    inventory::Key,
    references::relays_of,
    status::{self, Report},
};

/// Brings the status of a domain to what its relays make of it.
pub async fn reconcile_domain(context: &Context, key: &Key) -> Result<After, ReconcileError> {
    let (desk, now) = (&context.desk, Timestamp::now());
    let Some(inventory) = context.world.domain_inventory(key) else {
        if let Some(resource) = context.world.unreadable_domain(key) {
            unreadable::tell(desk, &ApiResource::erase::<AcceptedDomain>(&()), &resource, now).await?;
        }
        return Ok(After::Settled);
    };
    let domain = &inventory.domain;
    if domain.metadata.deletion_timestamp.is_some() {
        return Ok(After::Settled);
    }
    let generation = domain.metadata.generation;
    let mut reports = BTreeMap::new();
    let observed = domain.status.as_ref().and_then(|status| status.observed_generation);
    let exists = |relay: &Key| inventory.relays.contains_key(relay) || inventory.unreadable.contains(relay);
    for relay in relays_of(domain).into_iter().filter(exists) {
        let verdict = desk.board.of(&relay);
        let seen = verdict.as_ref().and_then(|verdict| Some((verdict, verdict.domains.get(key)?)));
        match seen.filter(|(_, outcome)| outcome.generation == generation) {
            Some((verdict, outcome)) => {
                let report = Report::one(key.clone(), generation, outcome.state.clone(), verdict.is_programmed, verdict.is_ready);
                reports.insert(relay, report);
            }
            // A relay that can't be read goes on with what was last good, and can't look. What is not told yet is told, and nothing else changes.
            None if inventory.unreadable.contains(&relay) && observed != generation => {
                reports.insert(relay, Report::pending());
            }
            // The relay has not looked at the domain as it is now. It wakes it when it has.
            None => return Ok(After::Settled),
        }
    }
    let new = status::domain(domain, &reports, now);
    let events = status::of_domain(domain.status.as_ref(), &new);
    if desk.statuses.domain(domain, &new, &context.world).await? {
        desk.recorder.tell(domain, events).await;
    }
    Ok(After::Settled)
}
