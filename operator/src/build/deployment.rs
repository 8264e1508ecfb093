//! The pods.

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    path::Path,
};

use k8s_openapi::{
    api::{
        apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment},
        core::v1::{
            Capabilities, Container, ContainerPort, EmptyDirVolumeSource, HTTPGetAction, LocalObjectReference, PodSecurityContext, PodSpec,
            PodTemplateSpec, Probe, SeccompProfile, SecurityContext, TopologySpreadConstraint, Volume, VolumeMount,
        },
    },
    apimachinery::pkg::{apis::meta::v1::ObjectMeta, util::intstr::IntOrString},
};
use postern_crds::{SmtpRelay, smtp_relay::ADMIN_PORT};

use super::{
    Settings,
    arguments::{Arguments, grace_seconds},
    metadata::{child, child_name, labels, selector},
    volume::{self, CONFIG_VOLUME},
};
use crate::validate::Validated;

/// Where the configuration lies in a pod.
const CONFIG: &str = "/etc/postern";
/// Where large messages wait in a pod.
const SCRATCH: &str = "/var/spool/postern/scratch";
/// Name of their volume.
const SCRATCH_VOLUME: &str = "scratch";
/// How long a pod may take to end once its own grace is over.
const EXIT_SECONDS: i64 = 15;

pub(super) fn build(relay: &Validated<'_>, settings: &Settings) -> Deployment {
    let resource = relay.relay;
    Deployment {
        metadata: child(resource, "relay"),
        spec: Some(DeploymentSpec {
            replicas: Some(resource.spec.replicas),
            selector: selector(resource),
            strategy: Some(strategy()),
            template: PodTemplateSpec { metadata: Some(pod_metadata(resource)), spec: Some(pod(relay, settings)) },
            ..DeploymentSpec::default()
        }),
        status: None,
    }
}

/// A new pod is ready before an old one ends.
fn strategy() -> DeploymentStrategy {
    let rolling_update = RollingUpdateDeployment { max_surge: Some(IntOrString::Int(1)), max_unavailable: Some(IntOrString::Int(0)) };
    DeploymentStrategy { type_: Some("RollingUpdate".to_owned()), rolling_update: Some(rolling_update) }
}

fn pod_metadata(relay: &SmtpRelay) -> ObjectMeta {
    let template = &relay.spec.pod_template;
    let mut all = template.labels.clone();
    all.extend(labels(relay));
    let annotations = (!template.annotations.is_empty()).then(|| template.annotations.clone());
    ObjectMeta { labels: Some(all), annotations, ..ObjectMeta::default() }
}

fn pod(relay: &Validated<'_>, settings: &Settings) -> PodSpec {
    let resource = relay.relay;
    let template = &resource.spec.pod_template;
    PodSpec {
        automount_service_account_token: Some(false),
        service_account_name: Some(child_name(resource, "relay")),
        // Environment variables for every Service of the namespace tell nobody anything.
        enable_service_links: Some(false),
        termination_grace_period_seconds: Some(grace_seconds(&resource.spec.timeouts) + EXIT_SECONDS),
        security_context: Some(pod_security()),
        containers: vec![container(relay, settings)],
        volumes: Some(vec![volume::build(relay), scratch(relay)]),
        node_selector: (!template.node_selector.is_empty()).then(|| template.node_selector.clone()),
        tolerations: some(template.tolerations.iter().map(Into::into).collect()),
        topology_spread_constraints: Some(spread(resource)),
        priority_class_name: template.priority_class_name.clone(),
        image_pull_secrets: some(
            template.image_pull_secrets.iter().map(|secret| LocalObjectReference { name: secret.name.clone() }).collect(),
        ),
        ..PodSpec::default()
    }
}

/// No user id: the image has one, and some platforms choose their own.
fn pod_security() -> PodSecurityContext {
    PodSecurityContext {
        run_as_non_root: Some(true),
        seccomp_profile: Some(SeccompProfile { type_: "RuntimeDefault".to_owned(), localhost_profile: None }),
        ..PodSecurityContext::default()
    }
}

fn container(relay: &Validated<'_>, settings: &Settings) -> Container {
    let anywhere = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    let admin = SocketAddr::new(anywhere, postern_config::validate::ADMIN_PORT);
    let arguments = Arguments { config: Path::new(CONFIG), bind: anywhere, admin, scratch: Path::new(SCRATCH) };
    Container {
        name: "relay".to_owned(),
        image: Some(settings.image.clone()),
        args: Some(arguments.of(&relay.relay.spec)),
        ports: Some(ports(relay.relay)),
        resources: Some(relay.resources.container.clone()),
        liveness_probe: Some(Probe { period_seconds: Some(10), failure_threshold: Some(6), ..probe("/healthz") }),
        readiness_probe: Some(Probe { period_seconds: Some(5), failure_threshold: Some(2), ..probe("/readyz") }),
        startup_probe: Some(Probe { period_seconds: Some(1), failure_threshold: Some(60), ..probe("/healthz") }),
        security_context: Some(security()),
        volume_mounts: Some(vec![mount(CONFIG_VOLUME, CONFIG, true), mount(SCRATCH_VOLUME, SCRATCH, false)]),
        ..Container::default()
    }
}

fn ports(relay: &SmtpRelay) -> Vec<ContainerPort> {
    let listeners = relay.spec.listeners.iter().map(|listener| port(None, listener.pod_port()));
    listeners.chain([port(Some("admin"), ADMIN_PORT)]).collect()
}

fn port(name: Option<&str>, port: i32) -> ContainerPort {
    ContainerPort { name: name.map(str::to_owned), container_port: port, protocol: Some("TCP".to_owned()), ..ContainerPort::default() }
}

fn probe(path: &str) -> Probe {
    let get = HTTPGetAction { path: Some(path.to_owned()), port: IntOrString::Int(ADMIN_PORT), ..HTTPGetAction::default() };
    Probe { http_get: Some(get), timeout_seconds: Some(2), ..Probe::default() }
}

fn security() -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        capabilities: Some(Capabilities { add: None, drop: Some(vec!["ALL".to_owned()]) }),
        read_only_root_filesystem: Some(true),
        ..SecurityContext::default()
    }
}

fn mount(name: &str, path: &str, read_only: bool) -> VolumeMount {
    VolumeMount { name: name.to_owned(), mount_path: path.to_owned(), read_only: read_only.then_some(true), ..VolumeMount::default() }
}

fn scratch(relay: &Validated<'_>) -> Volume {
    let empty_dir = EmptyDirVolumeSource { medium: None, size_limit: Some(relay.resources.scratch.clone()) };
    Volume { name: SCRATCH_VOLUME.to_owned(), empty_dir: Some(empty_dir), ..Volume::default() }
}

/// As the resource says; else over nodes, as far as possible.
fn spread(relay: &SmtpRelay) -> Vec<TopologySpreadConstraint> {
    let named = &relay.spec.pod_template.topology_spread_constraints;
    if named.is_empty() {
        return vec![TopologySpreadConstraint {
            label_selector: Some(selector(relay)),
            max_skew: 1,
            topology_key: "kubernetes.io/hostname".to_owned(),
            when_unsatisfiable: "ScheduleAnyway".to_owned(),
            ..TopologySpreadConstraint::default()
        }];
    }
    named.iter().map(|constraint| constraint.for_pods(selector(relay))).collect()
}

fn some<T>(items: Vec<T>) -> Option<Vec<T>> {
    (!items.is_empty()).then_some(items)
}
