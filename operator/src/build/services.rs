//! Where clients reach the listeners: one Service for each exposure in use, so that what is not for everyone is never beside what is. And where
//! pods find each other.

use k8s_openapi::{
    api::core::v1::{Service, ServicePort, ServiceSpec},
    apimachinery::pkg::util::intstr::IntOrString,
};
use postern_crds::{
    SmtpRelay,
    smtp_relay::{CONTROL_PORT, Exposure, ExternalTrafficPolicy, IpFamilyPolicy, Listener, ServiceType},
};

use super::names::Names;
use crate::validate::Validated;

const EXPOSURES: [Exposure; 3] = [Exposure::Public, Exposure::Private, Exposure::Cluster];

pub(super) fn build(names: &Names, validated: &Validated<'_>) -> Vec<Service> {
    let peers = validated.keeps_own_queue().then(|| peers(names));
    EXPOSURES.into_iter().filter_map(|exposure| service(names, validated.relay, exposure)).chain(peers).collect()
}

/// The pods for each other, where each has a queue of its own: one that ends finds those that its mail can go to. No address stands for all of
/// them.
fn peers(names: &Names) -> Service {
    let control = ServicePort {
        name: Some("control".to_owned()),
        port: CONTROL_PORT,
        target_port: Some(IntOrString::Int(CONTROL_PORT)),
        protocol: Some("TCP".to_owned()),
        ..ServicePort::default()
    };
    let spec = ServiceSpec {
        cluster_ip: Some("None".to_owned()),
        selector: Some(names.selector_labels()),
        ports: Some(vec![control]),
        ..ServiceSpec::default()
    };
    Service { metadata: names.metadata(&names.peers()), spec: Some(spec), status: None }
}

fn service(names: &Names, relay: &SmtpRelay, exposure: Exposure) -> Option<Service> {
    let ports: Vec<_> = relay.spec.listeners.iter().filter(|listener| listener.exposure() == exposure).map(port).collect();
    if ports.is_empty() {
        return None;
    }
    let wanted = relay.spec.service(exposure);
    let mut metadata = names.metadata(&names.child(suffix(exposure)));
    metadata.annotations = Some(wanted.annotations.clone()).filter(|annotations| !annotations.is_empty());
    let ranges: Vec<_> = wanted.load_balancer_source_ranges.iter().map(ToString::to_string).collect();
    let spec = ServiceSpec {
        type_: Some(service_type(wanted.service_type()).to_owned()),
        selector: Some(names.selector_labels()),
        ports: Some(ports),
        external_traffic_policy: wanted.traffic_policy().map(|policy| traffic_policy(policy).to_owned()),
        ip_family_policy: Some(family_policy(wanted.ip_family_policy).to_owned()),
        load_balancer_class: wanted.load_balancer_class.clone(),
        load_balancer_source_ranges: Some(ranges).filter(|ranges| !ranges.is_empty()),
        // The rest is others': addresses and node ports are given by the cluster, and pods that are not ready get no connections.
        ..ServiceSpec::default()
    };
    Some(Service { metadata, spec: Some(spec), status: None })
}

fn port(listener: &Listener) -> ServicePort {
    ServicePort {
        name: Some(listener.name.clone()),
        port: listener.port,
        target_port: Some(IntOrString::Int(listener.pod_port())),
        protocol: Some("TCP".to_owned()),
        ..ServicePort::default()
    }
}

fn suffix(exposure: Exposure) -> &'static str {
    match exposure {
        Exposure::Public => "public",
        Exposure::Private => "private",
        Exposure::Cluster => "cluster",
    }
}

fn service_type(type_: ServiceType) -> &'static str {
    match type_ {
        ServiceType::LoadBalancer => "LoadBalancer",
        ServiceType::NodePort => "NodePort",
        ServiceType::ClusterIP => "ClusterIP",
    }
}

fn traffic_policy(policy: ExternalTrafficPolicy) -> &'static str {
    match policy {
        ExternalTrafficPolicy::Local => "Local",
        ExternalTrafficPolicy::Cluster => "Cluster",
    }
}

fn family_policy(policy: IpFamilyPolicy) -> &'static str {
    match policy {
        IpFamilyPolicy::SingleStack => "SingleStack",
        IpFamilyPolicy::PreferDualStack => "PreferDualStack",
        IpFamilyPolicy::RequireDualStack => "RequireDualStack",
    }
}
