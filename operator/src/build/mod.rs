//! Third step: every object that a relay consists of. Pure: the same input gives the same objects, to the byte.
//!
//! One file for each kind of object. The relay's folder is one projected volume ([`volumes`]), so that certificates, CAs and configuration
//! change in one step. It is fed by a fixed number of ConfigMaps and Secrets ([`slots`]), so that pods stay when domains come and go.

mod certificate;
mod config_maps;
mod deployment;
mod disruption_budget;
mod entries;
mod names;
mod network_policy;
mod object;
mod pod;
mod secrets;
mod services;
mod settings;
mod slots;
mod stateful_set;
mod volumes;
mod workload;

use std::collections::BTreeMap;

use k8s_openapi::{
    Metadata,
    api::{
        core::v1::{ConfigMap, Secret, Service, ServiceAccount},
        networking::v1::NetworkPolicy,
        policy::v1::PodDisruptionBudget,
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};

use postern_config::{Configuration, material};
use postern_crds::SmtpRelay;

use crate::{issue::Issued, kind::Kind, material::Sealed, validate::Validated};
pub use certificate::Certificate;
use entries::Holder;
use names::Names;
pub(crate) use names::{selector_of, workload_of};
pub use object::{DESIRED, Object};
pub(crate) use pod::log_arguments;
pub use secrets::{identity_secret, server_secret};
pub use settings::{NamespaceLabels, RelayOptions, RunAs, Settings};
pub(crate) use volumes::QUEUE;
pub use workload::Workload;

/// Everything that a relay consists of. The order is that in which it is applied: what others refer to first, the workload last.
#[derive(Clone, Debug, PartialEq)]
pub struct Objects {
    /// What is asked of cert-manager, where the relay names an issuer.
    pub certificate: Option<Certificate>,
    /// Certificates and keys.
    pub secrets: Vec<Secret>,
    /// Configuration, and the CA for others to trust. The root of the configuration is the last.
    pub config_maps: Vec<ConfigMap>,
    /// Who the pods are: nobody, with no token.
    pub service_account: ServiceAccount,
    /// Who may reach the pods, and whom they may reach.
    pub network_policy: NetworkPolicy,
    /// Where clients reach the listeners: one for each exposure in use.
    pub services: Vec<Service>,
    /// How many pods may be missing at once.
    pub disruption_budget: PodDisruptionBudget,
    /// The pods.
    pub workload: Workload,
    /// The entries of ConfigMaps and Secrets that were not read, and are missing in them. None is left when all could be read.
    pub withheld: BTreeMap<(Kind, String), Vec<String>>,
}

/// An object can't be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// More domains than one object holds.
    #[error(
        "the ConfigMap {name} would hold {bytes} bytes, over the 1 MiB of one object; use fewer domains, or shorter ones, on this relay"
    )]
    TooLarge {
        /// The object.
        name: String,
        /// What it would hold.
        bytes: usize,
    },
    /// More files than all objects of a sort hold.
    #[error("no room is left for {what} in {objects}-00 to {objects}-15, each of which holds 1 MiB; {mend}")]
    Full {
        /// How the names of the objects begin.
        objects: String,
        /// What finds no room.
        what: String,
        /// What would help.
        mend: &'static str,
    },
}

/// Builds every object of a relay. `identity` is what its pods show the operator: a certificate for [`crate::issue::identity::of_relay`].
pub fn build(validated: &Validated<'_>, identity: &Sealed<Issued>, settings: &Settings) -> Result<Objects, BuildError> {
    let names = Names::of(validated.relay);
    let mut withheld = BTreeMap::new();
    Ok(Objects {
        certificate: certificate::build(&names, validated.relay),
        secrets: unpack(Kind::Secret, secrets::build(&names, validated, identity)?, &mut withheld),
        config_maps: unpack(Kind::ConfigMap, config_maps::build(&names, validated)?, &mut withheld),
        service_account: service_account(&names),
        network_policy: network_policy::build(&names, validated, settings),
        services: services::build(&names, validated),
        disruption_budget: disruption_budget::build(&names),
        workload: workload::build(&names, validated, settings),
        withheld,
    })
}

/// The `Certificate` of a relay that names an issuer of cert-manager.
///
/// [`build`] makes it too. It needs nothing but the relay, and is to be applied first: until cert-manager has issued it, there is no certificate
/// to build the rest with.
pub fn certificate(relay: &SmtpRelay) -> Result<Option<Object>, serde_json::Error> {
    let certificate = certificate::build(&Names::of(relay), relay);
    certificate.map(|certificate| Object::of(Kind::Certificate, &certificate.metadata, &certificate)).transpose()
}

/// The objects; notes what is withheld of each.
fn unpack<T: Metadata<Ty = ObjectMeta>>(
    kind: Kind,
    holders: Vec<Holder<T>>,
    withheld: &mut BTreeMap<(Kind, String), Vec<String>>,
) -> Vec<T> {
    let unpacked = holders.into_iter().map(|holder| {
        if !holder.withheld.is_empty() {
            withheld.insert((kind, holder.object.metadata().name.clone().unwrap_or_default()), holder.withheld);
        }
        holder.object
    });
    unpacked.collect()
}

fn service_account(names: &Names) -> ServiceAccount {
    ServiceAccount {
        metadata: names.metadata(&names.workload()),
        automount_service_account_token: Some(false),
        ..ServiceAccount::default()
    }
}

impl Objects {
    /// The hash of the keys, certificates and CAs that pods get with `configuration` ([`material::hash`]).
    #[must_use]
    pub fn material(&self, configuration: &Configuration) -> String {
        let of_secret =
            |file: &str| self.secrets.iter().find_map(|secret| secret.data.as_ref()?.get(file)).map(|content| content.0.as_slice());
        let of_map = |file: &str| self.config_maps.iter().find_map(|map| map.data.as_ref()?.get(file)).map(String::as_bytes);
        material::hash(configuration, |file| of_secret(file).or_else(|| of_map(file)))
    }

    /// Every object as the API takes it, in the order in which they are applied.
    ///
    /// An object that can't be written as JSON would be an error of this program; none is known.
    pub fn in_order(&self) -> Result<Vec<Object>, serde_json::Error> {
        let certificate = self.certificate.iter().map(|object| Object::of(Kind::Certificate, &object.metadata, object));
        let secrets = self.secrets.iter().map(|object| Object::of(Kind::Secret, &object.metadata, object));
        let config_maps = self.config_maps.iter().map(|object| Object::of(Kind::ConfigMap, &object.metadata, object));
        let services = self.services.iter().map(|object| Object::of(Kind::Service, &object.metadata, object));
        let access = [
            Object::of(Kind::ServiceAccount, &self.service_account.metadata, &self.service_account),
            Object::of(Kind::NetworkPolicy, &self.network_policy.metadata, &self.network_policy),
        ];
        let workload =
            [Object::of(Kind::PodDisruptionBudget, &self.disruption_budget.metadata, &self.disruption_budget), self.workload.object()];
        certificate.chain(secrets).chain(config_maps).chain(access).chain(services).chain(workload).collect()
    }
}
