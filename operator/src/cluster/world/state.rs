//! What is known, and whom each change concerns. Pure: events in, wakes out.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use ipnet::IpNet;
use k8s_openapi::api::{
    core::v1::{Node, Pod},
    networking::v1::ServiceCIDR,
};
use kube::core::{DynamicObject, ObjectMeta};
use postern_crds::{AcceptedDomain, SmtpRelay};

use super::{
    Source, Target,
    census::{Census, State},
    ranges::{self, Origin, Ranges},
    resources::{Put, Resources},
    targets::{Referrer, Targets},
    wakes::Wakes,
};
use crate::{
    cluster::{child::Child, pod::PodFacts, version::supersedes},
    inventory::{Key, Scope},
    kind::Kind,
    labels,
    reference_grant::ReferenceGrant,
    references,
    salvage::salvage,
};

#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) scope: Scope,
    /// What the API server serves, of all that is watched.
    pub(super) served: BTreeSet<Source>,
    /// Of what nothing is known in which namespaces, since it may not be read there.
    pub(super) lacking: BTreeSet<(Source, String)>,
    pub(super) relays: Resources<SmtpRelay>,
    pub(super) domains: Resources<AcceptedDomain>,
    /// What is left of domains that can't be read, for relays to answer for them.
    pub(super) remains: BTreeMap<Key, Arc<AcceptedDomain>>,
    pub(super) targets: Targets,
    pub(super) namespaces: BTreeMap<String, BTreeMap<String, String>>,
    pub(super) grants: BTreeMap<Key, ReferenceGrant>,
    pub(super) ranges: Ranges,
    /// Objects of relays, with the relay that their label names.
    pub(super) children: BTreeMap<(Kind, Key), (Key, Child)>,
    /// The version of the last deletion that was told, by kind and namespace: all that was before it was told too.
    pub(super) deleted: BTreeMap<(Kind, String), String>,
    /// The objects of each relay.
    pub(super) children_of: BTreeMap<Key, BTreeSet<(Kind, Key)>>,
    /// Pods by relay and name.
    pub(super) pods: BTreeMap<Key, BTreeMap<String, PodFacts>>,
    /// The domains that name each relay.
    pub(super) domains_of: BTreeMap<Key, BTreeSet<Key>>,
}

impl Known {
    /// Takes an object as it is now.
    pub(super) fn put(&mut self, source: Source, object: DynamicObject) -> Wakes {
        match source {
            Source::Relays => self.put_relay(object),
            Source::Domains => self.put_domain(object),
            Source::Children(kind) => self.put_child(kind, object),
            Source::Pods => {
                parsed::<Pod>(object).and_then(|pod| PodFacts::of(&pod)).map(|(relay, pod)| self.put_pod(&relay, pod)).unwrap_or_default()
            }
            Source::Targets(kind) => {
                let target = (kind, Key::of(&object.metadata));
                let is_news = self.targets.changed(&target, object.metadata.resource_version.as_deref());
                Wakes { targets: is_news.then_some(target).into_iter().collect(), ..Wakes::default() }
            }
            Source::Grants => parsed(object).map(|grant| self.put_grant(grant)).unwrap_or_default(),
            Source::Namespaces => self.put_namespace(object.metadata),
            Source::Nodes => {
                parsed(object).map(|node: Node| self.put_range(Origin::Node, &node.metadata, ranges::of_node(&node))).unwrap_or_default()
            }
            Source::ServiceRanges => parsed(object)
                .map(|range: ServiceCIDR| self.put_range(Origin::Services, &range.metadata, ranges::of_services(&range)))
                .unwrap_or_default(),
        }
    }

    /// Takes the answer to a write, unless the object was told to be gone meanwhile: an answer may be late.
    pub(super) fn answered(&mut self, source: Source, object: DynamicObject) -> Wakes {
        let key = Key::of(&object.metadata);
        let (uid, version) = (object.metadata.uid.as_deref(), object.metadata.resource_version.as_deref());
        let is_there = match source {
            Source::Relays => self.relays.holds(&key, uid),
            Source::Domains => self.domains.holds(&key, uid),
            Source::Pods => {
                let relay = object.metadata.labels.as_ref().and_then(|labels| labels.get(labels::RELAY)).map(|name| key.sibling(name));
                let held = relay.and_then(|relay| self.pods.get(&relay)?.get(&key.name));
                held.is_some_and(|held| Some(held.uid.as_str()) == uid)
            }
            // It may be the answer that tells of it first.
            Source::Children(kind) => {
                let deleted = self.deleted.get(&(kind, key.namespace.clone()));
                self.children.contains_key(&(kind, key))
                    || deleted.zip(version).is_none_or(|(deleted, version)| supersedes(version, deleted))
            }
            _ => true,
        };
        if is_there { self.put(source, object) } else { Wakes::default() }
    }

    /// Takes that an object is gone; `version` is that of its deletion, or of the list that it is missing from.
    pub(super) fn remove(&mut self, source: Source, key: &Key, version: Option<&str>) -> Wakes {
        match source {
            Source::Relays => {
                let Some(held) = self.relays.remove(key, version) else { return Wakes::default() };
                let before = held.readable().map(|relay| references::of_relay(relay)).unwrap_or_default();
                self.targets.refer(&Referrer::Relay(key.clone()), &before, &BTreeSet::new()).and(self.relay_and_domains(key))
            }
            Source::Domains => {
                let before = self.domain(key).cloned();
                if self.domains.remove(key, version).is_none() {
                    return Wakes::default();
                }
                self.remains.remove(key);
                self.attach(key, before.as_deref(), None, true).and(Wakes::domain(key))
            }
            Source::Children(kind) => self.remove_child(kind, key, version),
            Source::Pods => self.remove_pod(key),
            Source::Targets(kind) => {
                let target = (kind, key.clone());
                if self.targets.removed(&target, version) { self.wakes_of(&target) } else { Wakes::default() }
            }
            Source::Grants => self.grants.remove(key).map(|_| self.granted(&key.namespace)).unwrap_or_default(),
            Source::Namespaces => self.namespaces.remove(&key.name).map(|_| self.relays_from(&key.name)).unwrap_or_default(),
            Source::Nodes => self.range_changed(|ranges| ranges.remove(Origin::Node, &key.name)),
            Source::ServiceRanges => self.range_changed(|ranges| ranges.remove(Origin::Services, &key.name)),
        }
    }

    pub(super) fn census(&self, writes: BTreeMap<&'static str, u64>) -> Census {
        let mut census = Census { writes, ..Census::default() };
        for (key, held) in self.relays.all() {
            let relay = held.readable();
            let status = relay.and_then(|relay| relay.status.as_ref());
            let state = relay.map_or(State::Unreadable, |_| State::of(status.map(|status| status.conditions.as_slice())));
            *census.relays.entry(state).or_default() += 1;
            for certificate in status.iter().flat_map(|status| &status.certificates) {
                census.certificates.push((key.clone(), certificate.name.clone(), certificate.not_after.0));
            }
        }
        for (_, held) in self.domains.all() {
            let domain = held.readable();
            let conditions = domain.and_then(|domain| domain.status.as_ref()).map(|status| status.conditions.as_slice());
            let state = domain.map_or(State::Unreadable, |_| State::of(conditions));
            *census.domains.entry(state).or_default() += 1;
        }
        census
    }

    /// What a list of `source` should show, if nothing was deleted: keys and, where they are held, versions.
    pub(super) fn held(&self, source: Source, namespace: Option<&str>) -> Vec<(Key, Option<String>)> {
        let is_meant = |key: &&Key| namespace.is_none_or(|namespace| key.namespace == namespace);
        let unversioned = |key: &Key| (key.clone(), None);
        match source {
            Source::Relays => self.relays.keys().filter(is_meant).map(unversioned).collect(),
            Source::Domains => self.domains.keys().filter(is_meant).map(unversioned).collect(),
            Source::Children(kind) => self
                .children
                .iter()
                .filter(|((of, key), _)| *of == kind && is_meant(&key))
                .map(|((_, key), (_, child))| (key.clone(), Some(child.resource_version.clone())))
                .collect(),
            Source::Pods => {
                let pods = self.pods.iter().filter(|(relay, _)| is_meant(relay));
                pods.flat_map(|(relay, pods)| pods.values().map(|pod| (relay.sibling(&pod.name), Some(pod.resource_version.clone()))))
                    .collect()
            }
            Source::Targets(kind) => self.targets.present(kind, namespace),
            Source::Grants => self.grants.keys().filter(is_meant).map(unversioned).collect(),
            Source::Namespaces => self.namespaces.keys().map(|name| (Key::new("default", name), None)).collect(),
            Source::Nodes => self.ranges.names(Origin::Node).iter().map(|name| (Key::new("default", name), None)).collect(),
            Source::ServiceRanges => self.ranges.names(Origin::Services).iter().map(|name| (Key::new("default", name), None)).collect(),
        }
    }

    fn put_relay(&mut self, object: DynamicObject) -> Wakes {
        let Some(put) = self.relays.put(object) else { return Wakes::default() };
        let before = put.before.as_ref().and_then(|held| held.readable()).map(|relay| references::of_relay(relay)).unwrap_or_default();
        let now = self.relays.get(&put.key).map(|relay| references::of_relay(relay)).unwrap_or_default();
        let wakes = self.targets.refer(&Referrer::Relay(put.key.clone()), &before, &now);
        // What else a domain's status says of a relay, the relay's reconcile finds out and tells.
        wakes.and(if put.before.is_none() { self.relay_and_domains(&put.key) } else { Wakes::relay(&put.key) })
    }

    fn put_domain(&mut self, object: DynamicObject) -> Wakes {
        let before = self.domain(&Key::of(&object.metadata)).cloned();
        let raw = object.clone();
        let Some(Put { key, is_change, .. }) = self.domains.put(object) else { return Wakes::default() };
        self.remains.remove(&key);
        if self.domains.get(&key).is_none()
            && let Some(remains) = serde_json::to_value(raw).ok().and_then(|raw| salvage(&raw))
        {
            self.remains.insert(key.clone(), Arc::new(remains));
        }
        let now = self.domain(&key).cloned();
        Wakes::domain(&key).and(self.attach(&key, before.as_deref(), now.as_deref(), is_change))
    }

    /// A domain, or what is left of it.
    fn domain(&self, key: &Key) -> Option<&Arc<AcceptedDomain>> {
        self.domains.get(key).or_else(|| self.remains.get(key))
    }

    /// Keeps the indexes when a domain changes, and wakes the relays that it concerned and those that it concerns. Its status alone concerns only
    /// those that are new in it, or gone.
    fn attach(&mut self, key: &Key, before: Option<&AcceptedDomain>, now: Option<&AcceptedDomain>, is_change: bool) -> Wakes {
        let [old, new] = [before, now].map(|domain| domain.map(references::relays_of).unwrap_or_default());
        let (lost, won): (BTreeSet<_>, BTreeSet<_>) = (&old - &new, &new - &old);
        for relay in &lost {
            if let Some(domains) = self.domains_of.get_mut(relay) {
                domains.remove(key);
                if domains.is_empty() {
                    self.domains_of.remove(relay);
                }
            }
        }
        for relay in &won {
            self.domains_of.entry(relay.clone()).or_default().insert(key.clone());
        }
        let relays = if is_change { &old | &new } else { &lost | &won };
        let [before, now] = [before, now].map(|domain| domain.map(references::of_domain).unwrap_or_default());
        let wakes = self.targets.refer(&Referrer::Domain(key.clone()), &before, &now);
        wakes.and(Wakes { relays, ..Wakes::default() })
    }

    fn put_child(&mut self, kind: Kind, object: DynamicObject) -> Wakes {
        let Some((relay, child)) = Child::of(kind, object) else { return Wakes::default() };
        let at = (kind, child.key.clone());
        let before = self.children.get(&at);
        if before.is_some_and(|(_, held)| !supersedes(&child.resource_version, &held.resource_version)) {
            return Wakes::default();
        }
        let is_news = before.is_none_or(|(owner, held)| *owner != relay || !is_same_child(held, &child));
        let mut wakes = Wakes::default();
        if is_news {
            wakes = Wakes::relay(&relay).and(before.map(|(owner, _)| Wakes::relay(owner)).unwrap_or_default());
        }
        if let Some((owner, _)) = self.children.insert(at.clone(), (relay.clone(), child))
            && owner != relay
        {
            self.disown(&owner, &at);
        }
        self.children_of.entry(relay).or_default().insert(at);
        wakes
    }

    fn remove_child(&mut self, kind: Kind, key: &Key, version: Option<&str>) -> Wakes {
        if let Some(version) = version {
            let last = self.deleted.entry((kind, key.namespace.clone())).or_default();
            if supersedes(version, last) {
                version.clone_into(last);
            }
        }
        let at = (kind, key.clone());
        let Some((owner, held)) = self.children.get(&at) else { return Wakes::default() };
        if version.is_some_and(|version| supersedes(&held.resource_version, version)) {
            return Wakes::default();
        }
        let owner = owner.clone();
        self.children.remove(&at);
        self.disown(&owner, &at);
        Wakes::relay(&owner)
    }

    fn disown(&mut self, relay: &Key, at: &(Kind, Key)) {
        if let Some(children) = self.children_of.get_mut(relay) {
            children.remove(at);
            if children.is_empty() {
                self.children_of.remove(relay);
            }
        }
    }

    fn put_pod(&mut self, relay: &Key, pod: PodFacts) -> Wakes {
        let pods = self.pods.entry(relay.clone()).or_default();
        let before = pods.get(&pod.name);
        if before.is_some_and(|held| held.uid == pod.uid && !supersedes(&pod.resource_version, &held.resource_version)) {
            return Wakes::default();
        }
        let is_news = before.is_none_or(|held| PodFacts { resource_version: pod.resource_version.clone(), ..held.clone() } != pod);
        pods.insert(pod.name.clone(), pod);
        if is_news { Wakes::relay(relay) } else { Wakes::default() }
    }

    fn remove_pod(&mut self, key: &Key) -> Wakes {
        let Some((relay, _)) = self.pods.iter().find(|(relay, pods)| relay.namespace == key.namespace && pods.contains_key(&key.name))
        else {
            return Wakes::default();
        };
        let relay = relay.clone();
        if let Some(pods) = self.pods.get_mut(&relay) {
            pods.remove(&key.name);
            if pods.is_empty() {
                self.pods.remove(&relay);
            }
        }
        Wakes::relay(&relay)
    }

    fn put_grant(&mut self, grant: ReferenceGrant) -> Wakes {
        let key = Key::of(&grant.metadata);
        let is_news = self.grants.get(&key).is_none_or(|held| held.spec != grant.spec);
        self.grants.insert(key.clone(), grant);
        if is_news { self.granted(&key.namespace) } else { Wakes::default() }
    }

    /// Whatever refers into a namespace, when its consents change.
    fn granted(&self, namespace: &str) -> Wakes {
        let referrers = self.targets.referrers_into(namespace);
        referrers.map(|referrer| self.relays_of(referrer)).fold(Wakes::default(), Wakes::and)
    }

    fn put_namespace(&mut self, metadata: ObjectMeta) -> Wakes {
        let (name, labels) = (metadata.name.unwrap_or_default(), metadata.labels.unwrap_or_default());
        let before = self.namespaces.insert(name.clone(), labels);
        if before.as_ref() == self.namespaces.get(&name) { Wakes::default() } else { self.relays_from(&name) }
    }

    /// The relays that domains of a namespace name.
    fn relays_from(&self, namespace: &str) -> Wakes {
        let readable = self.domains.of_namespace(namespace).map(|(_, domain)| domain);
        let remains = self.remains.iter().filter(|(key, _)| key.namespace == namespace).map(|(_, domain)| domain);
        Wakes { relays: readable.chain(remains).flat_map(|domain| references::relays_of(domain)).collect(), ..Wakes::default() }
    }

    fn put_range(&mut self, origin: Origin, metadata: &ObjectMeta, found: Vec<IpNet>) -> Wakes {
        let name = metadata.name.clone().unwrap_or_default();
        self.range_changed(|ranges| ranges.put(origin, &name, found))
    }

    fn range_changed(&mut self, change: impl FnOnce(&mut Ranges) -> bool) -> Wakes {
        if change(&mut self.ranges) {
            Wakes { relays: self.relays.keys().cloned().collect(), ..Wakes::default() }
        } else {
            Wakes::default()
        }
    }

    fn relay_and_domains(&self, relay: &Key) -> Wakes {
        let domains = self.domains_of.get(relay).cloned().unwrap_or_default();
        Wakes { domains, ..Wakes::relay(relay) }
    }

    /// Whom a target concerns.
    pub(super) fn wakes_of(&self, target: &Target) -> Wakes {
        self.targets.referrers(target).map(|referrer| self.relays_of(referrer)).fold(Wakes::default(), Wakes::and)
    }

    fn relays_of(&self, referrer: &Referrer) -> Wakes {
        match referrer {
            Referrer::Relay(relay) => Wakes::relay(relay),
            Referrer::Domain(domain) => {
                let relays = self.domain(domain).map(|domain| references::relays_of(domain)).unwrap_or_default();
                Wakes { relays, ..Wakes::default() }
            }
        }
    }

    /// The domains that name a relay; of those that can't be read, what is left.
    pub(super) fn domains_at(&self, relay: &Key) -> impl Iterator<Item = (&Key, &Arc<AcceptedDomain>)> {
        self.domains_of.get(relay).into_iter().flatten().filter_map(|key| Some((key, self.domain(key)?)))
    }
}

/// The same but for its version.
fn is_same_child(held: &Child, new: &Child) -> bool {
    held.uid == new.uid && held.terminating == new.terminating && held.json == new.json && held.status == new.status
}

fn parsed<T: serde::de::DeserializeOwned>(object: DynamicObject) -> Option<T> {
    let (namespace, name) = (object.metadata.namespace.clone(), object.metadata.name.clone());
    let parsed = serde_json::to_value(object).and_then(serde_json::from_value);
    parsed.map_err(|error| tracing::warn!(namespace, name, %error, "an object does not have the form of its kind; it is left out")).ok()
}
