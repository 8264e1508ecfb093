//! A relay holds 10,000 domains, and an edit of one of them rewrites little.

#![allow(clippy::unwrap_used, reason = "functions that tests share are tests too")]

mod support;

use std::collections::BTreeSet;

use postern_operator::{
    build::{Object, Settings, build},
    inventory::{Inventory, Key},
    issue::Issued,
    kind::Kind,
    material::Sealed,
};
use support::{config_map, domain, find_with, identity, inventory, relay};

const DOMAINS: usize = 10_000;

/// Domains as hosters have them: two servers in two places, a name of their own for TLS, a CA that some share.
fn many(certificate: &Issued) -> Inventory {
    let ca = config_map("ca", &[("ca.crt", certificate.authority.as_str())]);
    let one = domain(
        "template",
        "example.com",
        "  tls: {serverName: mail.example.com, caCertificateRefs: [{name: ca}]}\n  recipients: {blocked: [root@example.com]}\n",
    );
    let servers = "[{host: mx-a.customers.datacentre-one.example.net}, {host: mx-b.customers.datacentre-two.example.net, priority: 20}]";
    let one = one.replace("[{host: mail.internal.example.com}]", servers);
    let mut inventory = inventory(&[&relay("edge", 25), &ca, &one]);
    let (_, template) = inventory.domains.pop_first().unwrap();
    for number in 0..DOMAINS {
        let mut domain = template.clone();
        domain.metadata.name = Some(format!("customer-{number}"));
        domain.spec.domain = format!("customer-number-{number}.example.com");
        domain.spec.recipients.blocked = vec![format!("root@{}", domain.spec.domain)];
        inventory.domains.insert(Key::of(&domain.metadata), domain);
    }
    inventory
}

fn objects(inventory: &Inventory, certificate: &Issued) -> Vec<Object> {
    let findings = find_with(inventory, certificate.clone());
    let objects =
        build(findings.relay.as_ref().unwrap(), &Sealed::Open(certificate.clone()), &Settings::new("postern-system", "relay:test"));
    objects.unwrap().in_order().unwrap()
}

#[test]
fn ten_thousand_domains_fit_and_an_edit_rewrites_one_shard_and_the_root() {
    let certificate = identity();
    let mut inventory = many(&certificate);
    let before = objects(&inventory, &certificate);
    let shards: Vec<_> = before.iter().filter(|object| object.key.name.starts_with("edge-domains-")).collect();
    assert_eq!(shards.len(), 16);
    for shard in &shards {
        let bytes: usize = shard.value["data"].as_object().unwrap().values().map(|text| text.as_str().unwrap().len()).sum();
        assert!(bytes < 1 << 20, "{} holds {bytes} bytes", shard.key.name);
    }

    inventory.domains.get_mut(&Key::new("mail", "customer-4711")).unwrap().spec.include_subdomains = true;
    let after = objects(&inventory, &certificate);
    let as_before: BTreeSet<_> = before.iter().map(|object| &object.desired).collect();
    let changed: Vec<_> = after.iter().filter(|object| !as_before.contains(&object.desired)).collect();
    assert_eq!(changed.len(), 2, "{changed:?}");
    assert!(changed[0].key.name.starts_with("edge-domains-") && changed[1].key.name == "edge-config", "{changed:?}");

    inventory.domains.remove(&Key::new("mail", "customer-4711"));
    let without = objects(&inventory, &certificate);
    let workload = |objects: &[Object]| objects.iter().find(|object| object.kind == Kind::Deployment).unwrap().desired.clone();
    assert_eq!(workload(&before), workload(&without), "pods stay");
}
