//! Which domains a relay lets in, and where their mail may go.

use std::net::IpAddr;

use ipnet::IpNet;
use postern_crds::{
    AcceptedDomain, SmtpRelay,
    accepted_domain::NextHop,
    smtp_relay::{AllowedDomains, NamespacesFrom},
};

use super::{Absent, Context, Refusal};
use crate::inventory::{Inventory, Key, Readable};

/// The networks that mail of `domain` may go to, none for any; or why the relay does not let it in.
pub(super) fn admit(relay: &SmtpRelay, domain: &AcceptedDomain, context: Context<'_>) -> Result<Vec<IpNet>, Refusal> {
    let (relay, entries) = (Key::of(&relay.metadata), &relay.spec.allowed_domains);
    let namespace = Key::of(&domain.metadata).namespace;
    let selected = |entry: &&AllowedDomains| selects(entry, &relay, &namespace, context);
    let of_namespace: Vec<_> = entries.iter().filter(|entry| selected(entry) == Some(true)).collect();
    let admitting: Vec<_> = of_namespace.iter().copied().filter(|entry| holds_all(entry, domain)).collect();
    if admitting.is_empty() {
        let may_admit = |entry: &AllowedDomains| selected(&entry).is_none() && holds_all(entry, domain);
        return Err(if entries.iter().any(may_admit) {
            Refusal::NamespacesNotReadable(relay)
        } else if of_namespace.is_empty() {
            Refusal::Namespace { relay, namespace }
        } else {
            let is_known = of_namespace.iter().any(|entry| holds(entry, &domain.spec.domain));
            let wanted = if is_known { format!("*.{}", domain.spec.domain) } else { domain.spec.domain.clone() };
            Refusal::Name { relay, namespace, wanted }
        });
    }
    let networks = networks(&admitting);
    match outside(domain, &networks) {
        Some(field) => Err(Refusal::NextHop { field, relay, allowed: networks }),
        None => Ok(networks),
    }
}

/// The entries of a relay that say nothing while not every namespace can be read, by index.
pub(super) fn unreadable(relay: &SmtpRelay, inventory: &Inventory) -> Vec<usize> {
    let is_unreadable = |entry: &AllowedDomains| entry.namespaces.from != NamespacesFrom::Same && !reads_all(inventory);
    let entries = relay.spec.allowed_domains.iter().enumerate();
    entries.filter(|(_, entry)| is_unreadable(entry)).map(|(index, _)| index).collect()
}

fn reads_all(inventory: &Inventory) -> bool {
    inventory.scope.namespaces == Readable::All
}

/// Whether an entry is about a namespace; nothing when that can't be told.
fn selects(entry: &AllowedDomains, relay: &Key, namespace: &str, context: Context<'_>) -> Option<bool> {
    match (entry.namespaces.from, &entry.namespaces.selector) {
        (NamespacesFrom::Same, _) => Some(relay.namespace == namespace),
        _ if !reads_all(context.inventory) => None,
        (NamespacesFrom::All, _) => Some(true),
        (NamespacesFrom::Selector, Some(selector)) => {
            let labels = context.inventory.namespaces.get(namespace);
            // Where objects may be elsewhere, so may the labels be.
            let is_elsewhere = context.absent == Absent::Elsewhere && !context.inventory.has_labels_of(namespace);
            Some(is_elsewhere || selector.match_labels.iter().all(|(key, value)| labels.and_then(|labels| labels.get(key)) == Some(value)))
        }
        // The schema holds that there is a selector.
        (NamespacesFrom::Selector, None) => Some(false),
    }
}

/// Whether an entry holds a domain with all that is below it.
fn holds_all(entry: &AllowedDomains, domain: &AcceptedDomain) -> bool {
    let name = &domain.spec.domain;
    holds(entry, name) && (!domain.spec.include_subdomains || holds(entry, &format!("*.{name}")))
}

/// Whether an entry holds a name, or with `*.` before it every name below it.
fn holds(entry: &AllowedDomains, name: &str) -> bool {
    let bare = name.strip_prefix("*.").unwrap_or(name);
    let holds = |pattern: &String| match pattern.strip_prefix("*.") {
        Some(above) => bare.strip_suffix(above).is_some_and(|below| below.ends_with('.') || (below.is_empty() && bare != name)),
        None => pattern == name,
    };
    // Domains of other namespaces must be named.
    if entry.domains.is_empty() { entry.namespaces.from == NamespacesFrom::Same } else { entry.domains.iter().any(holds) }
}

/// Where mail may go by any of the entries; none for anywhere.
fn networks(entries: &[&AllowedDomains]) -> Vec<IpNet> {
    if entries.iter().any(|entry| entry.next_hop_cidrs.is_empty()) {
        return Vec::new();
    }
    let mut networks: Vec<_> = entries.iter().flat_map(|entry| entry.next_hop_cidrs.iter().copied()).collect();
    networks.sort_unstable();
    networks.dedup();
    networks
}

/// The field of the first next hop that is an address outside of `networks`. Of names the relay judges the addresses that it finds.
fn outside(domain: &AcceptedDomain, networks: &[IpNet]) -> Option<String> {
    if networks.is_empty() {
        return None;
    }
    // Where exchangers are, DNS says.
    if domain.spec.mx.is_some() {
        return Some("spec.mx".to_owned());
    }
    let is_outside = |hop: &NextHop| {
        let address = hop.host.as_ref().and_then(|host| host.parse::<IpAddr>().ok());
        address.is_some_and(|address| !networks.iter().any(|network| network.contains(&address)))
    };
    let find = |field: &str, hops: &[NextHop]| hops.iter().position(is_outside).map(|index| format!("{field}[{index}].host"));
    let others = domain.spec.unknown_recipients.as_ref().map(|others| others.next_hops.as_slice()).unwrap_or_default();
    find("spec.nextHops", &domain.spec.next_hops).or_else(|| find("spec.unknownRecipients.nextHops", others))
}
