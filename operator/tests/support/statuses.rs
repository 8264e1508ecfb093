//! A cluster's memory: statuses are written, and the next look finds them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use postern_crds::{AcceptedDomainStatus, SmtpRelayStatus};
use postern_operator::{
    inventory::{Inventory, Key},
    issue::Issued,
    status::{self, Applied, Pods, Report},
    validate::Findings,
};

/// The relay that tests are about.
pub fn edge() -> Key {
    Key::new("mail", "edge")
}

/// A moment.
pub fn noon() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

/// Two ready pods that run what `findings` say, if they say anything, and another configuration else.
pub fn running(findings: &Findings<'_>) -> Pods {
    let hash = findings.relay.as_ref().map_or("last good", |validated| validated.configuration.hash());
    Pods { count: 2, ready: 2, config_hash: Some(hash.to_owned()), ..Pods::default() }
}

/// Two pods, neither of which is ready.
pub fn starting(_: &Findings<'_>) -> Pods {
    Pods { count: 2, ..Pods::default() }
}

/// No pods.
pub fn none(_: &Findings<'_>) -> Pods {
    Pods::default()
}

/// Looks at the resources at `now`, and writes the statuses of the relay `mail/edge` and of all domains.
pub fn settle(inventory: &mut Inventory, pods: impl Fn(&Findings<'_>) -> Pods, applied: &Applied, now: Timestamp) {
    let (pair, authority) = super::issued(now);
    let found = super::find_at(inventory, now, Issued { pair, authority: authority.bundle() });
    let relay = &inventory.relays[&edge()];
    let relay_status = status::relay(relay, &found, &pods(&found), applied, now);
    let mut relay = relay.clone();
    relay.status = Some(relay_status.clone());
    let report = Report::new(&found, Some(&relay));
    let reports = BTreeMap::from([(edge(), report)]);
    let domains: Vec<_> = inventory.domains.iter().map(|(key, domain)| (key.clone(), status::domain(domain, &reports, now))).collect();
    inventory.relays.get_mut(&edge()).unwrap().status = Some(relay_status);
    for (key, status) in domains {
        inventory.domains.get_mut(&key).unwrap().status = Some(status);
    }
}

/// The relay's status.
pub fn of_relay(inventory: &Inventory) -> &SmtpRelayStatus {
    inventory.relays[&edge()].status.as_ref().unwrap()
}

/// A domain's status.
pub fn of_domain<'a>(inventory: &'a Inventory, namespace: &str, name: &str) -> &'a AcceptedDomainStatus {
    inventory.domains[&Key::new(namespace, name)].status.as_ref().unwrap()
}

/// Status, reason and message of a condition.
pub fn condition<'a>(conditions: &'a [Condition], type_: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let found = conditions.iter().find(|condition| condition.type_ == type_)?;
    Some((&found.status, &found.reason, &found.message))
}
