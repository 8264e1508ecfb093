//! What makes the pods: where the queue lies decides what that is.

use k8s_openapi::{
    api::{
        apps::v1::{Deployment, StatefulSet},
        core::v1::PodTemplateSpec,
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use postern_crds::smtp_relay::PersistentVolumeStorage;

use super::{Object, Settings, deployment, names::Names, stateful_set};
use crate::{kind::Kind, validate::Validated};

/// What makes the pods.
#[derive(Clone, Debug, PartialEq)]
pub enum Workload {
    /// Any pod is as good as another.
    Deployment(Box<Deployment>),
    /// Each pod has a volume of its own.
    StatefulSet(Box<StatefulSet>),
}

pub(super) fn build(names: &Names, validated: &Validated<'_>, settings: &Settings) -> Workload {
    match volume(validated) {
        Some(volume) => Workload::StatefulSet(Box::new(stateful_set::build(names, validated, volume, settings))),
        None => Workload::Deployment(Box::new(deployment::build(names, validated, settings))),
    }
}

/// The volume that each pod has for itself, if it has one.
fn volume<'a>(validated: &Validated<'a>) -> Option<&'a PersistentVolumeStorage> {
    validated.relay.spec.spool.as_ref()?.persistent_volume.as_ref()
}

impl Workload {
    /// Name, namespace, labels, owner.
    #[must_use]
    pub fn metadata(&self) -> &ObjectMeta {
        match self {
            Self::Deployment(deployment) => &deployment.metadata,
            Self::StatefulSet(set) => &set.metadata,
        }
    }

    /// What each pod is made from.
    #[must_use]
    pub fn template(&self) -> Option<&PodTemplateSpec> {
        match self {
            Self::Deployment(deployment) => deployment.spec.as_ref().map(|spec| &spec.template),
            Self::StatefulSet(set) => set.spec.as_ref().map(|spec| &spec.template),
        }
    }

    pub(super) fn object(&self) -> Result<Object, serde_json::Error> {
        match self {
            Self::Deployment(deployment) => Object::of(Kind::Deployment, &deployment.metadata, deployment),
            Self::StatefulSet(set) => Object::of(Kind::StatefulSet, &set.metadata, set),
        }
    }
}
