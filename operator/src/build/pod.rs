//! A pod of the relay, within the `restricted` Pod Security Standard.

use k8s_openapi::{
    api::core::v1::{
        Capabilities, Container, ContainerPort, EnvVar, EnvVarSource, HTTPGetAction, LocalObjectReference, ObjectFieldSelector,
        PodSecurityContext, PodSpec, PodTemplateSpec, Probe, SeccompProfile, SecurityContext,
    },
    apimachinery::pkg::{apis::meta::v1::ObjectMeta, util::intstr::IntOrString},
};
use postern_config::Storage;
use postern_crds::smtp_relay::{
    ADMIN_PORT, CONTROL_PORT, LogFormat, LogLevel, Logging, PodTemplate, TopologySpreadConstraint, WhenUnsatisfiable,
};

use super::{
    Settings,
    names::Names,
    volumes::{CONFIG_PATH, QUEUE_PATH, SCRATCH_PATH, mounts, volumes},
};
use crate::{quantity::canonical_resources, validate::Validated};

/// What the process needs beyond its drain delay and its grace period to end, in seconds.
const ENDING_SECONDS: i64 = 30;
/// The annotation that names the queue that all pods share, and how many connections each has to it.
const SHARED_QUEUE: &str = "postern.dev/queue";
/// The environment variable with the addresses of the pod's node.
const HOST_IPS: &str = "HOST_IPS";

pub(super) fn template(names: &Names, validated: &Validated<'_>, settings: &Settings) -> PodTemplateSpec {
    let wanted = &validated.relay.spec.pod_template;
    let mut labels = names.labels();
    labels.extend(wanted.labels.clone());
    let mut annotations = wanted.annotations.clone();
    annotations.extend(shared_queue(validated).map(|queue| (SHARED_QUEUE.to_owned(), queue)));
    PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(labels),
            annotations: Some(annotations).filter(|annotations| !annotations.is_empty()),
            ..ObjectMeta::default()
        }),
        spec: Some(spec(names, validated, settings)),
    }
}

/// Where the queue lies that all pods share. A relay takes another at its start only, so another makes new pods.
fn shared_queue(validated: &Validated<'_>) -> Option<String> {
    match &validated.configuration.root.spool.as_ref()?.storage {
        Storage::Postgres { database, connections } => Some(format!("{database}/{connections}")),
        Storage::Directory { .. } => None,
    }
}

fn spec(names: &Names, validated: &Validated<'_>, settings: &Settings) -> PodSpec {
    let wanted = &validated.relay.spec.pod_template;
    let termination = &validated.relay.spec.termination;
    let ending = i64::from(termination.drain_delay_seconds) + i64::from(termination.grace_period_seconds) + ENDING_SECONDS;
    let pull_secrets = wanted.image_pull_secrets.iter().map(|secret| LocalObjectReference { name: secret.name.clone() }).collect();
    PodSpec {
        service_account_name: Some(names.workload()),
        automount_service_account_token: Some(false),
        // Environment variables of other Services are nothing to the relay.
        enable_service_links: Some(false),
        security_context: Some(pod_security(settings)),
        containers: vec![container(names, validated, settings)],
        volumes: Some(volumes(names, validated)),
        termination_grace_period_seconds: Some(ending),
        node_selector: non_empty_map(&wanted.node_selector),
        tolerations: non_empty(wanted.tolerations.iter().map(Into::into).collect()),
        topology_spread_constraints: Some(spread(names, wanted)),
        priority_class_name: wanted.priority_class_name.clone(),
        image_pull_secrets: non_empty(pull_secrets),
        ..PodSpec::default()
    }
}

fn container(names: &Names, validated: &Validated<'_>, settings: &Settings) -> Container {
    let spec = &validated.relay.spec;
    let own = [("admin", ADMIN_PORT), ("control", CONTROL_PORT)].map(|(name, port)| ContainerPort {
        name: Some(name.to_owned()),
        container_port: port,
        ..ContainerPort::default()
    });
    let listeners = spec.listeners.iter().map(|listener| ContainerPort { container_port: listener.pod_port(), ..ContainerPort::default() });
    Container {
        name: "relay".to_owned(),
        image: Some(settings.relays.image.clone()),
        command: Some(vec!["postern-relay".to_owned()]),
        args: Some(arguments(names, validated, settings)),
        env: Some(vec![host_ips()]),
        ports: Some(listeners.chain(own).collect()),
        resources: Some(canonical_resources(&validated.resources.container)),
        volume_mounts: Some(mounts(validated)),
        security_context: Some(container_security()),
        readiness_probe: Some(probe("/readyz", 3)),
        // A relay that does not answer for a minute is stuck; one that is only slow must not be killed with its transactions.
        liveness_probe: Some(probe("/healthz", 12)),
        ..Container::default()
    }
}

fn arguments(names: &Names, validated: &Validated<'_>, settings: &Settings) -> Vec<String> {
    let termination = &validated.relay.spec.termination;
    let mut arguments = vec![
        format!("--config={CONFIG_PATH}"),
        format!("--scratch={SCRATCH_PATH}"),
        "--bind=::".to_owned(),
        format!("--admin=[::]:{ADMIN_PORT}"),
        format!("--control=[::]:{CONTROL_PORT}"),
        format!("--host-address=$({HOST_IPS})"),
        format!("--drain-delay={}", termination.drain_delay_seconds),
        format!("--grace={}", termination.grace_period_seconds),
    ];
    if validated.keeps_own_queue() {
        let peers = names.peers_domain(&settings.cluster_domain);
        arguments.extend([format!("--spool={QUEUE_PATH}"), format!("--peers={peers}")]);
    }
    arguments.extend(log_arguments(&validated.relay.spec.logging));
    arguments
}

/// The addresses of the pod's node, by which a client that comes through the node is told from others.
fn host_ips() -> EnvVar {
    let field = ObjectFieldSelector { field_path: "status.hostIPs".to_owned(), api_version: None };
    EnvVar { name: HOST_IPS.to_owned(), value: None, value_from: Some(EnvVarSource { field_ref: Some(field), ..EnvVarSource::default() }) }
}

/// The flags of the relay for its log.
pub(crate) fn log_arguments(logging: &Logging) -> Vec<String> {
    let format = match logging.format {
        LogFormat::Json => "json",
        LogFormat::Text => "text",
    };
    let redact = logging.redact_addresses.then(|| "--redact-addresses".to_owned());
    [format!("--log-format={format}"), format!("--log-level={}", level(logging.level))].into_iter().chain(redact).collect()
}

fn level(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
    }
}

fn probe(path: &str, failures: i32) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.to_owned()),
            port: IntOrString::String("admin".to_owned()),
            ..HTTPGetAction::default()
        }),
        period_seconds: Some(5),
        timeout_seconds: Some(3),
        failure_threshold: Some(failures),
        ..Probe::default()
    }
}

/// Over nodes, where the relay says nothing else.
fn spread(names: &Names, wanted: &PodTemplate) -> Vec<k8s_openapi::api::core::v1::TopologySpreadConstraint> {
    let over_nodes = || TopologySpreadConstraint {
        topology_key: "kubernetes.io/hostname".to_owned(),
        max_skew: 1,
        when_unsatisfiable: WhenUnsatisfiable::ScheduleAnyway,
    };
    let constraints = &wanted.topology_spread_constraints;
    let constraints = if constraints.is_empty() { vec![over_nodes()] } else { constraints.clone() };
    constraints.iter().map(|constraint| constraint.for_pods(names.selector())).collect()
}

fn pod_security(settings: &Settings) -> PodSecurityContext {
    let id = settings.relays.run_as_user.id();
    PodSecurityContext {
        run_as_non_root: Some(true),
        run_as_user: id,
        run_as_group: id,
        fs_group: id,
        fs_group_change_policy: Some("OnRootMismatch".to_owned()),
        seccomp_profile: Some(SeccompProfile { type_: "RuntimeDefault".to_owned(), localhost_profile: None }),
        ..PodSecurityContext::default()
    }
}

fn container_security() -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        read_only_root_filesystem: Some(true),
        capabilities: Some(Capabilities { drop: Some(vec!["ALL".to_owned()]), add: None }),
        ..SecurityContext::default()
    }
}

fn non_empty<T>(list: Vec<T>) -> Option<Vec<T>> {
    Some(list).filter(|list| !list.is_empty())
}

fn non_empty_map(map: &std::collections::BTreeMap<String, String>) -> Option<std::collections::BTreeMap<String, String>> {
    Some(map.clone()).filter(|map| !map.is_empty())
}
