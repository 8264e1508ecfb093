//! Everything that the operator knows of the cluster.
//!
//! Watches tell it what is, and what a write gave back is told by whoever wrote, so that a reconcile sees its own writes. Each change wakes
//! those that it concerns. What is held is kept small: only what some resource refers to, and nothing that is the server's own book-keeping.

mod census;
mod ranges;
mod resources;
mod state;
mod targets;
#[cfg(test)]
mod tests;
mod wakes;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use ipnet::IpNet;
use k8s_openapi::api::core::v1::Pod;
use kube::core::DynamicObject;
use postern_crds::{AcceptedDomain, SmtpRelay};

use super::{
    child::Child,
    pod::PodFacts,
    queue::{Queue, Urgency},
};
use crate::{
    dereference::TargetKind,
    inventory::{Inventory, Key, Scope},
    kind::Kind,
    references,
};
pub use census::{Census, State};
pub use resources::Unreadable;
use state::Known;
pub use targets::{Target, TargetObject};
use wakes::Wakes;

/// A kind of object that is watched, and what it is watched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// `SmtpRelay`.
    Relays,
    /// `AcceptedDomain`.
    Domains,
    /// Objects of relays, by their label.
    Children(Kind),
    /// Pods of relays, by their label.
    Pods,
    /// Objects that resources refer to; only the metadata.
    Targets(TargetKind),
    /// `ReferenceGrant`.
    Grants,
    /// Namespaces, for their labels; only the metadata.
    Namespaces,
    /// Nodes, for the addresses of nodes and pods.
    Nodes,
    /// `ServiceCIDR`, for the addresses of Services.
    ServiceRanges,
}

/// The queues that changes wake.
#[derive(Clone, Debug, Default)]
pub struct Queues {
    /// Relays to be reconciled.
    pub relays: Arc<Queue<Key>>,
    /// Domains whose status is to be reconciled.
    pub domains: Arc<Queue<Key>>,
    /// Objects to be read because something refers to them.
    pub targets: Arc<Queue<Target>>,
}

/// What a domain's status is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct DomainInventory {
    /// The domain.
    pub domain: AcceptedDomain,
    /// The relays that it names, those of them that exist.
    pub relays: BTreeMap<Key, SmtpRelay>,
    /// Those that can't be read. They exist too, as far as anybody knows.
    pub unreadable: BTreeSet<Key>,
}

/// What is known of the cluster.
#[derive(Debug)]
pub struct World {
    state: RwLock<Known>,
    queues: Queues,
    /// Writes that were told of, by kind.
    writes: Mutex<BTreeMap<&'static str, u64>>,
}

impl World {
    /// Nothing is known yet but what can be read at all.
    #[must_use]
    pub fn new(scope: Scope, queues: Queues) -> Self {
        Self { state: RwLock::new(Known { scope, ..Known::default() }), queues, writes: Mutex::default() }
    }

    /// What can be read at all.
    #[must_use]
    pub fn scope(&self) -> Scope {
        self.read().scope.clone()
    }

    /// A relay, its domains, and what they refer to. `None` when there is no such relay, or it can't be read.
    #[must_use]
    pub fn inventory_for(&self, relay: &Key) -> Option<Inventory> {
        let state = self.read();
        let found = state.relays.get(relay)?;
        let mut inventory = Inventory { scope: state.scope.clone(), ..Inventory::default() };
        let mut targets = references::of_relay(found);
        inventory.relays.insert(relay.clone(), SmtpRelay::clone(found));
        for (key, domain) in state.domains_at(relay) {
            targets.extend(references::of_domain(domain));
            inventory.domains.insert(key.clone(), AcceptedDomain::clone(domain));
            if !inventory.namespaces.contains_key(&key.namespace)
                && let Some(labels) = state.namespaces.get(&key.namespace)
            {
                inventory.namespaces.insert(key.namespace.clone(), labels.clone());
            }
        }
        for target in &targets {
            state.targets.copy(target, &mut inventory);
        }
        let into: BTreeSet<_> = targets.iter().map(|(_, key)| key.namespace.as_str()).collect();
        let grants = state.grants.iter().filter(|(key, _)| into.contains(key.namespace.as_str()));
        inventory.grants = grants.map(|(key, grant)| (key.clone(), grant.clone())).collect();
        Some(inventory)
    }

    /// A domain and the relays that it names. `None` when there is no such domain, or it can't be read.
    #[must_use]
    pub fn domain_inventory(&self, domain: &Key) -> Option<DomainInventory> {
        let state = self.read();
        let found = state.domains.get(domain)?;
        let named = references::relays_of(found);
        let relays = named.iter().filter_map(|key| Some((key.clone(), SmtpRelay::clone(state.relays.get(key)?)))).collect();
        let is_lacking = |key: &Key| state.lacking.contains(&(Source::Relays, key.namespace.clone()));
        let unreadable = named.into_iter().filter(|key| state.relays.unreadable(key).is_some() || is_lacking(key)).collect();
        Some(DomainInventory { domain: AcceptedDomain::clone(found), relays, unreadable })
    }

    /// A relay that does not have the form of its kind.
    #[must_use]
    pub fn unreadable_relay(&self, relay: &Key) -> Option<Unreadable> {
        self.read().relays.unreadable(relay)
    }

    /// A domain that does not have the form of its kind.
    #[must_use]
    pub fn unreadable_domain(&self, domain: &Key) -> Option<Unreadable> {
        self.read().domains.unreadable(domain)
    }

    /// Live objects that bear the relay's label, in the order of their kinds.
    #[must_use]
    pub fn children_of(&self, relay: &Key) -> Vec<Child> {
        let state = self.read();
        let children = state.children_of.get(relay).into_iter().flatten();
        children.filter_map(|at| state.children.get(at)).map(|(_, child)| child.clone()).collect()
    }

    /// Pods that bear the relay's label.
    #[must_use]
    pub fn pods_of(&self, relay: &Key) -> Vec<PodFacts> {
        self.read().pods.get(relay).map(|pods| pods.values().cloned().collect()).unwrap_or_default()
    }

    /// Addresses of nodes, pods and Services, as far as Nodes and `ServiceCIDRs` tell them. Empty when they can't be read.
    #[must_use]
    pub fn cluster_ranges(&self) -> Vec<IpNet> {
        self.read().ranges.all()
    }

    /// Whether everything that the relay and its domains refer to, and that can be read at all, was read. Before that nothing is to be made of it:
    /// what is not here yet is not missing. Nor is what may not be read though it should.
    #[must_use]
    pub fn is_whole(&self, relay: &Key) -> bool {
        let state = self.read();
        let Some(found) = state.relays.get(relay) else { return true };
        // An operator that may not read all namespaces lets in domains of the relay's own alone.
        if state.lacking.iter().any(|(_, namespace)| *namespace == relay.namespace) {
            return false;
        }
        let mut targets = references::of_relay(found);
        targets.extend(state.domains_at(relay).flat_map(|(_, domain)| references::of_domain(domain)));
        targets.iter().all(|target| !is_readable(&state.scope, target) || state.targets.is_known(target))
    }

    /// Whether it can be read what a target holds.
    #[must_use]
    pub fn is_readable(&self, target: &Target) -> bool {
        is_readable(&self.read().scope, target)
    }

    /// Takes the answer to a write of a relay's object.
    pub fn wrote_child(&self, kind: Kind, object: DynamicObject) {
        self.count(kind.as_str());
        // What the writer has sent needs no further look, and what it did not send was there before.
        self.write().answered(Source::Children(kind), object);
    }

    /// Takes the answer to a write of a relay's status.
    pub fn wrote_relay(&self, relay: &SmtpRelay) {
        self.count("SmtpRelay");
        let Some(object) = dynamic(relay) else { return };
        let key = Key::of(&relay.metadata);
        let mut state = self.write();
        let generation = state.relays.get(&key).and_then(|held| held.metadata.generation);
        let wakes = state.answered(Source::Relays, object);
        drop(state);
        // When it came with a change that no watch has told yet, that must not get lost.
        if generation != relay.metadata.generation {
            self.dispatch(&wakes, Urgency::Change);
        }
    }

    /// Takes the answer to a write of a domain's status.
    pub fn wrote_domain(&self, domain: &AcceptedDomain) {
        self.count("AcceptedDomain");
        let Some(object) = dynamic(domain) else { return };
        let mut wakes = self.write().answered(Source::Domains, object);
        if wakes.relays.is_empty() {
            wakes.domains.clear();
        }
        self.dispatch(&wakes, Urgency::Change);
    }

    /// Takes the answer to a write of a pod's annotation.
    pub fn wrote_pod(&self, pod: &Pod) {
        self.count("Pod");
        let Some((relay, facts)) = PodFacts::of(pod) else { return };
        let is_expected = self.pods_of(&relay).into_iter().any(|held| {
            let PodFacts { resource_version, config_hash, .. } = facts.clone();
            PodFacts { resource_version, config_hash, ..held } == facts
        });
        let Some(object) = dynamic(pod) else { return };
        let wakes = self.write().answered(Source::Pods, object);
        if !is_expected {
            self.dispatch(&wakes, Urgency::Change);
        }
    }

    /// What the resources are like.
    #[must_use]
    pub fn census(&self) -> Census {
        let writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.read().census(writes)
    }

    /// Whether the API server serves a kind. What may be absent, cert-manager's API, is watched from when it appears.
    #[must_use]
    pub fn is_served(&self, kind: Kind) -> bool {
        self.read().served.contains(&Source::Children(kind))
    }

    /// How many relays there are.
    #[must_use]
    pub fn relay_count(&self) -> usize {
        self.read().relays.keys().count()
    }

    /// Wakes a relay, because of something that no watch tells.
    pub fn wake_relay(&self, relay: &Key) {
        self.queues.relays.wake(relay);
    }

    /// Wakes the domains whose outcome at a relay changed.
    pub fn wake_domains<'a>(&self, domains: impl IntoIterator<Item = &'a Key>) {
        domains.into_iter().for_each(|domain| self.queues.domains.wake(domain));
    }

    /// Takes whether the API server serves what is watched. Whoever waits for it is woken.
    pub(super) fn serves(&self, source: Source, is_served: bool) {
        let mut state = self.write();
        let changed = if is_served { state.served.insert(source) } else { state.served.remove(&source) };
        let concerns_relays = changed && matches!(source, Source::Children(Kind::Certificate));
        let relays = if concerns_relays { state.relays.keys().cloned().collect() } else { BTreeSet::new() };
        drop(state);
        self.dispatch(&Wakes { relays, ..Wakes::default() }, Urgency::Sweep);
    }

    /// Takes that nothing of a kind is known in a namespace.
    pub(super) fn lacks(&self, source: Source, namespace: &str) {
        self.write().lacking.insert((source, namespace.to_owned()));
    }

    /// Takes that all of a kind is known in a namespace. Whoever waited for it is woken.
    pub(super) fn sees(&self, source: Source, namespace: &str) {
        let mut state = self.write();
        let is_news = state.lacking.remove(&(source, namespace.to_owned()));
        let relays = if is_news { state.relays.keys().cloned().collect() } else { BTreeSet::new() };
        drop(state);
        self.dispatch(&Wakes { relays, ..Wakes::default() }, Urgency::Sweep);
    }

    /// Takes an object as a watch tells it.
    pub(super) fn observe(&self, source: Source, object: DynamicObject, urgency: Urgency) {
        let wakes = self.write().put(source, object);
        self.dispatch(&wakes, urgency);
    }

    /// Takes that an object is gone; `version` is that of its deletion.
    pub(super) fn forget(&self, source: Source, key: &Key, version: Option<&str>) {
        let wakes = self.write().remove(source, key, version);
        self.dispatch(&wakes, Urgency::Change);
    }

    /// Takes that a list of `version` held `listed` and nothing else.
    pub(super) fn sweep(&self, source: Source, namespace: Option<&str>, listed: &BTreeSet<Key>, version: Option<&str>) {
        let mut state = self.write();
        let gone: Vec<_> = state.held(source, namespace).into_iter().filter(|(key, _)| !listed.contains(key)).collect();
        let wakes = gone.into_iter().map(|(key, _)| state.remove(source, &key, version)).fold(Wakes::default(), Wakes::and);
        drop(state);
        self.dispatch(&wakes, Urgency::Change);
    }

    /// Takes what was read of a target.
    pub(super) fn read_target(&self, target: &Target, object: Option<TargetObject>) {
        let mut state = self.write();
        let wakes = if state.targets.read(target, object) { state.wakes_of(target) } else { Wakes::default() };
        drop(state);
        self.dispatch(&wakes, Urgency::Change);
    }

    fn dispatch(&self, wakes: &Wakes, urgency: Urgency) {
        for relay in &wakes.relays {
            self.queues.relays.wake_as(relay, urgency);
        }
        for domain in &wakes.domains {
            self.queues.domains.wake_as(domain, urgency);
        }
        for target in &wakes.targets {
            self.queues.targets.wake_as(target, urgency);
        }
    }

    fn count(&self, kind: &'static str) {
        *self.writes.lock().unwrap_or_else(PoisonError::into_inner).entry(kind).or_default() += 1;
    }

    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_readable(scope: &Scope, (kind, key): &Target) -> bool {
    match kind {
        TargetKind::Secret => scope.secrets.holds(&key.namespace),
        TargetKind::ConfigMap | TargetKind::Service => scope.namespaces.holds(&key.namespace),
    }
}

fn dynamic<T: serde::Serialize>(object: &T) -> Option<DynamicObject> {
    serde_json::to_value(object).and_then(serde_json::from_value).ok()
}
