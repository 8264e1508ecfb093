//! What a relay's Services and pods get where the resource leaves it open, and how its parts become those of a pod.

#![allow(clippy::panic, reason = "a test may end so")]

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{self, ResourceRequirements},
    apimachinery::pkg::{api::resource::Quantity, apis::meta::v1::LabelSelector},
};
use postern_crds::smtp_relay::{
    Exposure, ExternalTrafficPolicy, Listener, Resources, Service, ServiceType, Toleration, TopologySpreadConstraint,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn parse<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn pods_bind_ports_that_need_no_privilege() {
    let pod_port = |port: i32| parse::<Listener>(json!({ "name": "mx", "role": "Inbound", "port": port })).pod_port();
    assert_eq!([25, 1023, 1024, 2525].map(pod_port), [10_025, 11_023, 1024, 2525]);
}

#[test]
fn services_are_load_balancers_but_inside_the_cluster() {
    let type_of = |exposure| Service::new(exposure).service_type();
    assert_eq!(type_of(Exposure::Public), ServiceType::LoadBalancer);
    assert_eq!(type_of(Exposure::Private), ServiceType::LoadBalancer);
    assert_eq!(type_of(Exposure::Cluster), ServiceType::ClusterIP);
    assert_eq!(parse::<Service>(json!({ "exposure": "Cluster", "type": "NodePort" })).service_type(), ServiceType::NodePort);
}

#[test]
fn services_keep_the_address_of_the_client_unless_told_otherwise() {
    let policy_of = |value| parse::<Service>(value).traffic_policy();
    assert_eq!(policy_of(json!({ "exposure": "Public" })), Some(ExternalTrafficPolicy::Local));
    assert_eq!(policy_of(json!({ "exposure": "Public", "externalTrafficPolicy": "Cluster" })), Some(ExternalTrafficPolicy::Cluster));
    assert_eq!(policy_of(json!({ "exposure": "Cluster" })), None);
}

#[test]
fn a_toleration_is_that_of_a_pod() {
    let value = json!({ "key": "edge", "operator": "Equal", "value": "true", "effect": "NoExecute", "tolerationSeconds": 60 });
    assert_eq!(v1::Toleration::from(&parse::<Toleration>(value.clone())), parse(value));
    assert_eq!(v1::Toleration::from(&parse::<Toleration>(json!({ "key": "edge" }))), parse(json!({ "key": "edge", "operator": "Equal" })));
}

#[test]
fn resources_are_those_of_a_container() {
    let value = json!({ "requests": { "cpu": "500m", "ephemeral-storage": "3Gi" }, "limits": { "memory": "512Mi" } });
    let expected: ResourceRequirements = parse(value.clone());
    assert_eq!(ResourceRequirements::from(&parse::<Resources>(value)), expected);
    assert_eq!(expected.limits, Some(BTreeMap::from([("memory".to_owned(), Quantity("512Mi".to_owned()))])));
}

#[test]
fn pods_are_spread_among_those_of_the_same_relay() {
    let selector = LabelSelector { match_labels: Some(BTreeMap::from([("relay".to_owned(), "edge".to_owned())])), ..Default::default() };
    let constraint = parse::<TopologySpreadConstraint>(json!({ "topologyKey": "zone" })).for_pods(selector.clone());
    let expected = json!({ "topologyKey": "zone", "maxSkew": 1, "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": selector });
    assert_eq!(constraint, parse(expected));
}
