//! Secrets, `ConfigMaps` and Services that resources refer to. Only these are held; of all others their versions pass by.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{ConfigMap, Secret, Service};

use super::wakes::Wakes;
use crate::{
    cluster::{child::strip, version::supersedes},
    dereference::TargetKind,
    inventory::{Inventory, Key},
};

/// An object that something may refer to.
pub type Target = (TargetKind, Key);

/// What refers to a target.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Referrer {
    Relay(Key),
    Domain(Key),
}

/// An object that was read because something refers to it.
#[derive(Clone, Debug, PartialEq)]
pub enum TargetObject {
    /// A Secret.
    Secret(Secret),
    /// A ConfigMap.
    ConfigMap(ConfigMap),
    /// A Service.
    Service(Box<Service>),
}

impl TargetObject {
    fn metadata_mut(&mut self) -> &mut kube::core::ObjectMeta {
        match self {
            Self::Secret(object) => &mut object.metadata,
            Self::ConfigMap(object) => &mut object.metadata,
            Self::Service(object) => &mut object.metadata,
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Targets {
    referrers: BTreeMap<Target, BTreeSet<Referrer>>,
    held: BTreeMap<Target, Held>,
}

#[derive(Debug, Default)]
struct Held {
    /// It was read once at least. Until then nobody knows what it means that it is not here.
    is_known: bool,
    object: Option<TargetObject>,
    /// The version of the object, or of its deletion.
    version: Option<String>,
}

impl Targets {
    /// Takes that `referrer` refers to `now` instead of `before`. What nobody referred to yet is to be read.
    pub(super) fn refer(&mut self, referrer: &Referrer, before: &BTreeSet<Target>, now: &BTreeSet<Target>) -> Wakes {
        for target in before.difference(now) {
            if let Some(referrers) = self.referrers.get_mut(target) {
                referrers.remove(referrer);
                if referrers.is_empty() {
                    self.referrers.remove(target);
                    self.held.remove(target);
                }
            }
        }
        let mut wakes = Wakes::default();
        for target in now.difference(before) {
            self.referrers.entry(target.clone()).or_default().insert(referrer.clone());
            if !self.held.contains_key(target) {
                self.held.insert(target.clone(), Held::default());
                wakes.targets.insert(target.clone());
            }
        }
        wakes
    }

    /// Takes that a target has `version` now. Says whether it is to be read.
    pub(super) fn changed(&mut self, target: &Target, version: Option<&str>) -> bool {
        self.held.get(target).is_some_and(|held| is_later(version, held.version.as_deref()))
    }

    /// Takes that a target is gone. Says whether that is news.
    pub(super) fn removed(&mut self, target: &Target, version: Option<&str>) -> bool {
        let Some(held) = self.held.get_mut(target) else { return false };
        if !is_later(version, held.version.as_deref()) {
            return false;
        }
        let is_news = held.object.is_some() || !held.is_known;
        *held = Held { is_known: true, object: None, version: version.map(str::to_owned).or(held.version.take()) };
        is_news
    }

    /// Takes what was read of a target. Says whether it is news.
    pub(super) fn read(&mut self, target: &Target, object: Option<TargetObject>) -> bool {
        let Some(held) = self.held.get_mut(target) else { return false };
        let was_known = std::mem::replace(&mut held.is_known, true);
        let Some(mut object) = object else {
            // When it was made again meanwhile, its event follows.
            return held.object.take().is_some() || !was_known;
        };
        strip(object.metadata_mut());
        let version = object.metadata_mut().resource_version.clone();
        if !is_later(version.as_deref(), held.version.as_deref()) {
            return !was_known;
        }
        held.version = version;
        held.object = Some(object);
        true
    }

    pub(super) fn referrers(&self, target: &Target) -> impl Iterator<Item = &Referrer> {
        self.referrers.get(target).into_iter().flatten()
    }

    /// Whatever refers to anything in a namespace.
    pub(super) fn referrers_into<'a>(&'a self, namespace: &'a str) -> impl Iterator<Item = &'a Referrer> {
        self.referrers.iter().filter(move |((_, key), _)| key.namespace == namespace).flat_map(|(_, referrers)| referrers)
    }

    pub(super) fn is_known(&self, target: &Target) -> bool {
        self.held.get(target).is_some_and(|held| held.is_known)
    }

    /// Targets of a kind that exist, in one namespace or in all.
    pub(super) fn present(&self, kind: TargetKind, namespace: Option<&str>) -> Vec<(Key, Option<String>)> {
        let is_meant = |key: &Key| namespace.is_none_or(|namespace| key.namespace == namespace);
        self.held
            .iter()
            .filter(|((held, key), _)| *held == kind && is_meant(key))
            .map(|((_, key), held)| (key.clone(), held.version.clone()))
            .collect()
    }

    /// Puts a copy of a target where the pipeline looks for it.
    pub(super) fn copy(&self, target: &Target, inventory: &mut Inventory) {
        let key = target.1.clone();
        match self.held.get(target).and_then(|held| held.object.clone()) {
            Some(TargetObject::Secret(object)) => drop(inventory.secrets.insert(key, object)),
            Some(TargetObject::ConfigMap(object)) => drop(inventory.config_maps.insert(key, object)),
            Some(TargetObject::Service(object)) => drop(inventory.services.insert(key, *object)),
            None => {}
        }
    }
}

fn is_later(new: Option<&str>, held: Option<&str>) -> bool {
    match (new, held) {
        (Some(new), Some(held)) => supersedes(new, held),
        _ => true,
    }
}
