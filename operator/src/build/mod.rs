//! Third step: one pure function from a validated relay to all of its child objects. Same input, same bytes.

mod arguments;
mod config_maps;
mod deployment;
mod disruption_budget;
mod metadata;
mod network_policy;
mod secret;
mod service;
mod service_account;
mod volume;

use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, Secret, Service, ServiceAccount},
    networking::v1::NetworkPolicy,
    policy::v1::PodDisruptionBudget,
};
use serde_json::Value;

pub use arguments::{Arguments, grace_seconds};
pub use volume::CONFIG_VOLUME;

use crate::{inventory::OBJECT_DATA_BYTES, validate::Validated};

/// What the objects need beyond the relay: how this operator was set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The image of `postern-relay`.
    pub image: String,
}

/// The child objects of one relay.
#[derive(Clone, Debug, PartialEq)]
pub struct Objects {
    /// Who the pods are: nobody.
    pub service_account: ServiceAccount,
    /// Who reaches the pods, and whom they reach.
    pub network_policy: NetworkPolicy,
    /// How many pods may be missing at once.
    pub disruption_budget: PodDisruptionBudget,
    /// One for each exposure.
    pub services: Vec<Service>,
    /// Certificates with their keys.
    pub tls: Secret,
    /// CA certificates for next hops, where there are any.
    pub trust: Option<ConfigMap>,
    /// The operator's own CA, where it issued the relay's certificate. For senders: pods don't read it.
    pub authority: Option<ConfigMap>,
    /// The domains and recipient lists.
    pub shards: Vec<ConfigMap>,
    /// The root of the configuration.
    pub root: ConfigMap,
    /// The pods.
    pub deployment: Deployment,
}

/// Why the objects can't be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{object} would hold {bytes} bytes, and {OBJECT_DATA_BYTES} is what fits; {mend}")]
pub struct TooLarge {
    /// Kind and name.
    pub object: String,
    /// How much it would hold.
    pub bytes: usize,
    /// What would make it smaller.
    pub mend: &'static str,
}

/// Builds the child objects of `relay`.
pub fn build(relay: &Validated<'_>, settings: &Settings) -> Result<Objects, TooLarge> {
    Ok(Objects {
        service_account: service_account::build(relay.relay),
        network_policy: network_policy::build(relay),
        disruption_budget: disruption_budget::build(relay.relay),
        services: service::build(relay.relay),
        tls: secret::build(relay)?,
        trust: config_maps::trust(relay)?,
        authority: config_maps::authority(relay),
        shards: config_maps::shards(relay)?,
        root: config_maps::root(relay)?,
        deployment: deployment::build(relay, settings),
    })
}

impl Objects {
    /// Every object as JSON, in the order in which they are applied: what is referred to goes before what refers to it, the pods come last.
    pub fn manifests(&self) -> Result<Vec<Value>, serde_json::Error> {
        let mut manifests = vec![
            serde_json::to_value(&self.service_account)?,
            serde_json::to_value(&self.network_policy)?,
            serde_json::to_value(&self.disruption_budget)?,
        ];
        for service in &self.services {
            manifests.push(serde_json::to_value(service)?);
        }
        manifests.push(serde_json::to_value(&self.tls)?);
        for config_map in self.config_maps() {
            manifests.push(serde_json::to_value(config_map)?);
        }
        manifests.push(serde_json::to_value(&self.deployment)?);
        Ok(manifests)
    }

    /// Every ConfigMap, the root last.
    pub fn config_maps(&self) -> impl Iterator<Item = &ConfigMap> {
        self.authority.iter().chain(&self.trust).chain(&self.shards).chain([&self.root])
    }
}

/// Holds that an object with `bytes` of keys and values can be stored.
fn check_size(object: impl FnOnce() -> String, bytes: usize, mend: &'static str) -> Result<(), TooLarge> {
    if bytes > OBJECT_DATA_BYTES { Err(TooLarge { object: object(), bytes, mend }) } else { Ok(()) }
}
