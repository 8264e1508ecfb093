//! How listeners are reached: one Service for each exposure.

use std::collections::BTreeSet;

use k8s_openapi::{
    api::core::v1::{Service, ServicePort, ServiceSpec},
    apimachinery::pkg::util::intstr::IntOrString,
};
use postern_crds::{
    SmtpRelay,
    smtp_relay::{self as api, Exposure, ExternalTrafficPolicy, IpFamilyPolicy, Listener, ServiceType},
};

use super::metadata::{child, selector_labels};

pub(super) fn build(relay: &SmtpRelay) -> Vec<Service> {
    let exposures: BTreeSet<_> = relay.spec.listeners.iter().map(|listener| listener.exposure).collect();
    exposures.into_iter().map(|exposure| service(relay, exposure)).collect()
}

fn service(relay: &SmtpRelay, exposure: Exposure) -> Service {
    let settings = relay.spec.service(exposure);
    let mut metadata = child(relay, suffix(exposure));
    if !settings.annotations.is_empty() {
        metadata.annotations = Some(settings.annotations.clone());
    }
    let listeners = relay.spec.listeners.iter().filter(|listener| listener.exposure == exposure);
    let mut spec = spec(&settings);
    spec.selector = Some(selector_labels(relay));
    spec.ports = Some(listeners.map(port).collect());
    Service { metadata, spec: Some(spec), status: None }
}

fn suffix(exposure: Exposure) -> &'static str {
    match exposure {
        Exposure::Public => "public",
        Exposure::Private => "private",
        Exposure::Cluster => "cluster",
    }
}

fn spec(settings: &api::Service) -> ServiceSpec {
    let type_ = match settings.service_type() {
        ServiceType::LoadBalancer => "LoadBalancer",
        ServiceType::NodePort => "NodePort",
        ServiceType::ClusterIP => "ClusterIP",
    };
    let traffic_policy = settings.traffic_policy().map(|policy| match policy {
        ExternalTrafficPolicy::Local => "Local",
        ExternalTrafficPolicy::Cluster => "Cluster",
    });
    let ip_family_policy = match settings.ip_family_policy {
        IpFamilyPolicy::SingleStack => "SingleStack",
        IpFamilyPolicy::PreferDualStack => "PreferDualStack",
        IpFamilyPolicy::RequireDualStack => "RequireDualStack",
    };
    let ranges: Vec<_> = settings.load_balancer_source_ranges.iter().map(ToString::to_string).collect();
    ServiceSpec {
        type_: Some(type_.to_owned()),
        external_traffic_policy: traffic_policy.map(str::to_owned),
        ip_family_policy: Some(ip_family_policy.to_owned()),
        load_balancer_class: settings.load_balancer_class.clone(),
        load_balancer_source_ranges: (!ranges.is_empty()).then_some(ranges),
        ..ServiceSpec::default()
    }
}

fn port(listener: &Listener) -> ServicePort {
    ServicePort {
        name: Some(listener.name.clone()),
        port: listener.port,
        protocol: Some("TCP".to_owned()),
        target_port: Some(IntOrString::Int(listener.pod_port())),
        ..ServicePort::default()
    }
}
