//! The workload of a relay whose pods have no volumes: any of them is as good as another.

use k8s_openapi::{
    api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment},
    apimachinery::pkg::util::intstr::IntOrString,
};

use super::{Settings, names::Names, pod};
use crate::validate::Validated;

pub(super) fn build(names: &Names, validated: &Validated<'_>, settings: &Settings) -> Deployment {
    Deployment {
        metadata: names.metadata(&names.workload()),
        spec: Some(DeploymentSpec {
            replicas: Some(validated.relay.spec.replicas),
            selector: names.selector(),
            strategy: Some(strategy()),
            template: pod::template(names, validated, settings),
            ..DeploymentSpec::default()
        }),
        status: None,
    }
}

/// A new pod is ready before an old one goes.
fn strategy() -> DeploymentStrategy {
    let rolling = RollingUpdateDeployment { max_surge: Some(IntOrString::Int(1)), max_unavailable: Some(IntOrString::Int(0)) };
    DeploymentStrategy { type_: Some("RollingUpdate".to_owned()), rolling_update: Some(rolling) }
}
