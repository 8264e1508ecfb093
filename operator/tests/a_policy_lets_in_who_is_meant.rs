//! The NetworkPolicy of a relay: each port is open to those that it is for.

#![allow(clippy::unwrap_used, reason = "functions that tests share are tests too")]

mod support;

use postern_operator::{
    build::{NamespaceLabels, Settings, build},
    material::Sealed,
};
use serde_json::{Value, json};
use support::{domain, find, inventory, relay};

fn policy(listeners: &str, more: &str, settings: &Settings) -> Value {
    let relay = relay("edge", 25).replace("  listeners: [{name: mx, role: Inbound, port: 25}]\n", listeners) + more;
    let hops = "[{host: mail.example.com, port: 2525}, {host: postfix.backend.svc.cluster.local, port: 25}]";
    let domain = domain("a", "example.com", "").replace("[{host: mail.internal.example.com}]", hops);
    let inventory = inventory(&[&relay, &domain]);
    let objects = build(find(&inventory).relay.as_ref().unwrap(), &Sealed::Closed, settings).unwrap();
    serde_json::to_value(objects.network_policy).unwrap()["spec"].take()
}

/// Who may connect to a port; `None` where nobody may, `null` where everyone.
fn sources(policy: &Value, port: u16) -> Option<Value> {
    let rules = policy["ingress"].as_array().unwrap();
    let rule = rules.iter().find(|rule| rule["ports"] == json!([{ "protocol": "TCP", "port": port }]));
    rule.map(|rule| rule["from"].clone())
}

const LISTENERS: &str = "  listeners: [{name: mx, role: Inbound, port: 25}, {name: branch, role: Inbound, port: 2525, exposure: Private}, \
     {name: inside, role: Inbound, port: 2526, exposure: Cluster}, \
     {name: proxied, role: Inbound, port: 2527, proxyProtocol: {trustedCIDRs: [192.0.2.0/24]}}]\n";

fn settings() -> Settings {
    Settings::new("postern-system", "postern-relay:test")
}

#[test]
fn a_listener_is_open_to_those_that_it_is_exposed_to() {
    let policy = policy(LISTENERS, "", &settings());
    assert_eq!(sources(&policy, 10025), Some(Value::Null), "everyone");
    let private = sources(&policy, 2525).unwrap();
    assert_eq!(private[0], json!({ "ipBlock": { "cidr": "10.0.0.0/8" } }));
    assert!(private.as_array().unwrap().iter().all(|source| source["ipBlock"]["cidr"].is_string()));
    assert_eq!(sources(&policy, 2526), Some(json!([{ "namespaceSelector": {} }])), "pods");
    assert_eq!(sources(&policy, 2527), Some(json!([{ "ipBlock": { "cidr": "192.0.2.0/24" } }])), "proxies");
    assert_eq!(policy["ingress"].as_array().unwrap().len(), 6, "and nothing else is open but metrics and control");
}

#[test]
fn a_private_listener_is_open_to_its_ranges() {
    let ranges = |policy: &str| format!("  services: [{{exposure: Private, loadBalancerSourceRanges: [203.0.113.0/24]{policy}}}]\n");
    let kept = policy(LISTENERS, &ranges(""), &settings());
    assert_eq!(sources(&kept, 2525), Some(json!([{ "ipBlock": { "cidr": "203.0.113.0/24" } }])));
    // A node that passes a connection on shows its own address.
    let passed_on = policy(LISTENERS, &ranges(", externalTrafficPolicy: Cluster"), &settings());
    let sources = sources(&passed_on, 2525).unwrap();
    assert_eq!(sources[0], json!({ "ipBlock": { "cidr": "203.0.113.0/24" } }));
    assert!(sources.as_array().unwrap().contains(&json!({ "ipBlock": { "cidr": "10.0.0.0/8" } })));
}

#[test]
fn metrics_are_for_those_who_scrape_and_control_is_for_the_operator() {
    let labels =
        |labels: &[(&str, &str)]| NamespaceLabels(labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect());
    let mut named = Settings::new("gates", "postern-relay:test");
    named.relays.metrics_namespace_labels = labels(&[("team", "ops")]);
    let policy_of_named = policy(LISTENERS, "", &named);
    let scrapers = json!([{ "namespaceSelector": { "matchLabels": { "team": "ops" } } }]);
    assert_eq!(sources(&policy_of_named, 9464), Some(scrapers));
    let operator = json!([{
        "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": "gates" } },
        "podSelector": { "matchLabels": { "app.kubernetes.io/name": "postern-operator" } },
    }]);
    assert_eq!(sources(&policy_of_named, 9465), Some(operator));
    let mut nobody = settings();
    nobody.relays.metrics_namespace_labels = labels(&[]);
    assert_eq!(sources(&policy(LISTENERS, "", &nobody), 9464), None, "no labels are no namespaces, and not all");
}

#[test]
fn dns_servers_that_are_named_are_reached_where_they_are_and_the_clusters_as_before() {
    let servers = "  dns: {servers: [{address: 192.0.2.53}, {address: '2001:db8::53', port: 5300}]}\n";
    let (named, plain) = (policy(LISTENERS, servers, &settings()), policy(LISTENERS, "", &settings()));
    let ways = |number: u16| json!([{ "protocol": "UDP", "port": number }, { "protocol": "TCP", "port": number }]);
    let rule = |number, cidr: &str| json!({ "ports": ways(number), "to": [{ "ipBlock": { "cidr": cidr } }] });
    let (named, plain) = (named["egress"].as_array().unwrap(), plain["egress"].as_array().unwrap());
    assert_eq!(named[1..3], [rule(53, "192.0.2.53/32"), rule(5300, "2001:db8::53/128")]);
    assert_eq!([&named[..1], &named[3..]].concat(), *plain);
}

#[test]
fn the_way_out_is_dns_and_next_hops() {
    let policy = policy(LISTENERS, "", &settings());
    let rules = policy["egress"].as_array().unwrap();
    let [dns, hops, services] = &rules[..] else { panic!("{rules:?}") };
    let ports = |rule: &Value| {
        let ports = rule["ports"].as_array().unwrap().iter();
        ports.map(|port| (port["protocol"].as_str().unwrap().to_owned(), port["port"].as_i64().unwrap())).collect::<Vec<_>>()
    };
    let of = |ports: &[(&str, i64)]| ports.iter().map(|(protocol, port)| ((*protocol).to_owned(), *port)).collect::<Vec<_>>();
    assert_eq!(ports(dns), of(&[("UDP", 53), ("TCP", 53), ("UDP", 5353), ("TCP", 5353)]));
    assert_eq!(ports(hops), of(&[("TCP", 25), ("TCP", 2525)]));
    let backend = json!([{ "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": "backend" } } }]);
    assert_eq!((&services["to"], &services["ports"]), (&backend, &Value::Null));
    assert_eq!(policy["policyTypes"], json!(["Ingress", "Egress"]));
}
